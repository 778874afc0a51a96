"""Documents written as people write them, the places where two differ, and the line of a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from token_service.program.document_changes import Change, as_yaml, document_changes
from token_service.program.document_lines import line_of
from token_service.program.ruleset import canonical_json, default_ruleset_text, parse_ruleset

EXAMPLES = Path(__file__).parents[2] / "examples"
ODD = """
ruleset: 1
program: {name: "yes", currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100}]
campaigns:
  - {id: a, name: {fr: "null", en: "~"}, from: 2026-01-01, when: "order.store == 'a: b #c'", award: {points: 5}}
  - {id: b, name: {fr: "0123", en: "1.5"}, when: 'order.channel == "=x"', award: {multiplier_percent: 200}}
  - {id: c, name: {fr: "2026-01-01", en: "é ‰ 👍 - [x]"}, award: {points: 5}}
"""


@pytest.mark.parametrize(
    "text",
    [(EXAMPLES / "simple.yaml").read_text(), (EXAMPLES / "les-halles.yaml").read_text(), default_ruleset_text(), ODD],
)
def test_a_document_written_as_yaml_is_the_same_document(text: str) -> None:
    ruleset = parse_ruleset(text)
    written = as_yaml(ruleset)
    assert canonical_json(parse_ruleset(written)) == canonical_json(ruleset)
    assert written.startswith("ruleset: 1\nprogram:")


def test_every_place_that_differs_is_named_with_both_values() -> None:
    old = parse_ruleset(default_ruleset_text())
    new = parse_ruleset(default_ruleset_text().replace("points: 1,", "points: 2,") + "limits: {per_order_points: 9}\n")
    assert document_changes(old, new) == (
        Change("/earning/0/points", 1, 2),
        Change("/limits", None, {"per_order_points": 9}),
    )
    assert document_changes(old, old) == ()


def test_the_line_of_a_place_is_that_of_its_key_or_of_what_is_around_it() -> None:
    text = "ruleset: 1\nprogram:\n  name: X\nearning:\n- id: a\n- id: b\n  points: x\n"
    pointers = ("", "/ruleset", "/program/name", "/program/currency", "/earning/1/points", "/earning/7", "/nothing")
    assert [line_of(text, pointer) for pointer in pointers] == [1, 1, 3, 2, 7, 4, 1]
    assert line_of('{"a~b": {\n"c/d": 1}}', "/a~0b/c~1d") == 2
    assert line_of("a: [", "/a") is None
    assert line_of("", "/a") is None
