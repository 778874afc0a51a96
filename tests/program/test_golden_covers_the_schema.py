"""No rule without a golden case: every key of a ruleset, every kind and every choice occurs in a file of golden/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from token_service.program.challenges import COMPLETED
from token_service.program.events import OWN_EVENTS
from token_service.program.memberships import BOUGHT
from token_service.program.schema import Ruleset

from .golden_cases import FILES, KINDS, read

WHOLE = Ruleset.model_json_schema()
NO_POINTS = {
    "limits.publication_points": "who may publish alone: of two documents, and no case has two",
}
"""Keys that give and take no points, and why no case has them."""
FIRST_FILES = ("challenges", "default", "events", "les-halles", "limits", "money-budgets", "rounding", "segments")
"""Worked out before a case had to say how."""


def choices(part: dict[str, Any], place: str = "") -> Iterator[str]:
    """Every key that the schema has at a place and below, and every value of those that name one of a few."""
    part = _resolved(part)
    for name, field in part.get("properties", {}).items():
        shape = _resolved(field)
        here = f"{place}{name}"
        if name != "kind":
            yield here
        yield from (f"{here}={value}" for value in _values(shape))
        yield from _below(shape, here)


def _below(shape: dict[str, Any], here: str) -> Iterator[str]:
    inner = _resolved(shape["items"]) if "items" in shape else shape
    for one in inner.get("oneOf", [inner]):
        model = _resolved(one)
        kind = model.get("properties", {}).get("kind", {}).get("const")
        if kind is not None:
            yield f"{here}={kind}"
        if "properties" in model:
            yield from choices(model, f"{here}.{kind}." if kind else f"{here}.")


def written(value: dict[str, Any], part: dict[str, Any], place: str = "") -> Iterator[str]:
    """The same of what a document says."""
    properties = _resolved(part).get("properties", {})
    for name, said in value.items():
        shape, here = _resolved(properties[name]), f"{place}{name}"
        yield here
        yield f"{here}={said}"
        inner = _resolved(shape["items"]) if "items" in shape else shape
        for one in said if isinstance(said, list) else [said]:
            if isinstance(one, dict):
                yield from _written_below(one, inner, here)


def _written_below(one: dict[str, Any], inner: dict[str, Any], here: str) -> Iterator[str]:
    models = [_resolved(model) for model in inner.get("oneOf", [inner])]
    (model,) = [model for model in models if _is_of(one, model)]
    if "properties" not in model:
        return  # a map with names of its own
    kind = model["properties"].get("kind", {}).get("const")
    if kind is not None:
        yield f"{here}={kind}"
    yield from written(one, model, f"{here}.{kind}." if kind else f"{here}.")


def _is_of(one: dict[str, Any], model: dict[str, Any]) -> bool:
    properties = model.get("properties", {})
    kind = properties.get("kind", {}).get("const")
    if kind is not None:
        return one["kind"] == kind
    return one.keys() <= properties.keys() if properties else model.get("type") == "object"


def _values(shape: dict[str, Any]) -> list[Any]:
    return [shape["const"]] if "const" in shape else list(shape.get("enum", ()))


def _resolved(field: dict[str, Any]) -> dict[str, Any]:
    """The field's shape without references, and without "or null"."""
    shapes = [shape for shape in field.get("anyOf", [field]) if shape.get("type") != "null"]
    (shape,) = shapes
    reference = shape.get("$ref")
    return _resolved(WHOLE["$defs"][reference.rpartition("/")[2]]) if reference else shape


ASKED = sorted(set(choices(WHOLE)))
FOUND = {one for path in FILES for one in written(read(path)["ruleset"], WHOLE)}


@pytest.mark.parametrize("one", [one for one in ASKED if one not in NO_POINTS])
def test_no_new_rule_comes_without_a_golden_case(one: str) -> None:
    assert one in FOUND, f"{one}: add a file to tests/program/golden with cases that a person has worked out"


def test_the_exceptions_are_still_without_a_case() -> None:
    assert not NO_POINTS.keys() & FOUND
    assert NO_POINTS.keys() <= set(ASKED)


def test_every_kind_of_case_occurs() -> None:
    cases = [case for path in FILES for case in read(path)["cases"]]
    assert {kind for kind in KINDS if any(kind in case for case in cases)} == KINDS.keys()


@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in FIRST_FILES], ids=lambda path: path.stem)
def test_a_case_shows_its_arithmetic(path: Path) -> None:
    assert all(case["worked"] for case in read(path)["cases"])


def test_the_programmes_own_events_have_cases() -> None:
    events = {case["event"]["event"] for path in FILES for case in read(path)["cases"] if "event" in case}
    assert {*OWN_EVENTS, COMPLETED, BOUGHT} <= events
