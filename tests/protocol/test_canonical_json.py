"""Our canonical text is the library's, byte for byte, for every value; and its own is only a faster way to it."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.protocol.canonical_json import jcs

TEXTS = st.text(st.characters(codec="utf-8")) | st.sampled_from(
    ["\u007f", "\u2028", "\x00\x1f", '\\"/', "\ufb33", "😀"]
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS | st.floats(allow_nan=False, width=32)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(TEXTS, inner),
    max_leaves=30,
)


@given(VALUES.filter(lambda value: "inf" not in repr(value)))
def test_it_is_what_the_library_writes(value: object) -> None:
    assert jcs(value) == rfc8785.dumps(value).decode()  # type: ignore[arg-type]


def test_names_beyond_ascii_sort_by_utf_16() -> None:
    assert jcs({"\ufb33": 1, "😀": 2, "a": 3}) == '{"a":3,"😀":2,"\ufb33":1}'


def test_depth_is_no_matter() -> None:
    value: object = 7
    for _ in range(200):
        value = {"a": [value]}
    assert jcs(value) == '{"a":[' * 200 + "7" + "]}" * 200


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), float("inf"), "\ud800", {"a": ["\ud800"]}, {1: 2}, {"a": object()}, {"a"}]
)
def test_it_refuses_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(InvalidInput):
        jcs(value)
