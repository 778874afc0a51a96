"""Reading YAML and JSON: one meaning, nothing guessed, nothing that explodes."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.program.document import DOCUMENT_BYTES_MAX, read_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a: no", {"a": "no"}),
        ("a: 0123", {"a": "0123"}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 1.5", {"a": "1.5"}),
        ("a: .inf", {"a": ".inf"}),
        ("a: '12'", {"a": "12"}),
        ('a: "true"', {"a": "true"}),
        ("a: [true, false, null, ~, -7, 0]", {"a": [True, False, None, None, -7, 0]}),
        ("a:", {"a": None}),
        ("a:\n  - {b: 1}\n  - c: 2\n", {"a": [{"b": 1}, {"c": 2}]}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        ('{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        ('{\n\t"a": 1}', {"a": 1}),
        ("{a: 1}", {"a": 1}),
        ("", None),
        ("[]", []),
    ],
)
def test_it_reads_plain_values(text: str, value: object) -> None:
    assert read_document(text) == value


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: &a 1",
        "a: *a",
        "a: !!python/object/apply:os.system [ls]",
        "a: !x 1",
        "a: 1\na: 2",
        "{a: 1, a: 2}",
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 2}}',
        "--- {a: 1}\n--- {a: 2}",
        "[a: 1",
        "a: b: c",
        "{[1]: 2}",
        "? {a: 1}\n: 2",
        '{"a": NaN}',
        '{"a": -Infinity}',
        "a: \x00",
        "\ud800",
        "[" * 30,
        "[" * 30 + "]" * 30,
        '{"a":' * 30 + "1" + "}" * 30,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        "[" * 100_000,
        "{" * 100_000,
        "- " * 100_000,
        '{"a": ' + "9" * 5000 + "}",
        "a: " + "x" * DOCUMENT_BYTES_MAX,
    ],
    ids=lambda text: repr(text[:24]),
)
def test_it_refuses_what_could_mislead_or_explode(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_document(text)


def test_it_names_the_line() -> None:
    with pytest.raises(InvalidInput, match="line 3"):
        read_document("a: 1\nb: 2\na: 3\n")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(texts, json_values, max_size=4))
def test_every_json_object_reads_as_json_reads_it(value: dict[str, object]) -> None:
    assert read_document(json.dumps(value)) == value


@given(st.text(max_size=60) | st.text("{}[]:,-?&*!|>'\"%@` \n\tab1", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidInput):
        read_document(text)


@pytest.mark.parametrize(
    "text", ['{"a": "b\\u0000"}', 'a: "b\\0c"', '{"a\\u0000": 1}', '{"a": ["\\ud800"]}', 'a: ["\\ud800"]']
)
def test_it_refuses_characters_that_no_text_may_have(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_document(text)
