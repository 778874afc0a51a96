"""A document of rules as it was typed: checked as safely as `mereau ruleset check` does it, every mistake with its line; and
what it changes, in words.

Conditions are judged in a process of their own first: a hostile draft never reaches this one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from token_service.errors import InvalidInput, Place
from token_service.ledger.program_setup import get_program
from token_service.pages.rule_changes import ChapterChange, changes_in_words
from token_service.pages.services import services
from token_service.program.addendum import addendum_problems
from token_service.program.conditions_apart import condition_check
from token_service.program.document import DOCUMENT_BYTES_MAX
from token_service.program.document_changes import document_changes
from token_service.program.document_lines import line_of
from token_service.program.ruleset import Ruleset, canonical_json, check_ruleset, parse_ruleset, ruleset_hash


@dataclass(frozen=True)
class Mistake:
    """`detail` is English, as every check of rules says it; `line` from 1, None where there is none to name."""

    pointer: str
    line: int | None
    detail: str


@dataclass(frozen=True)
class Checked:
    """What was typed, and what it is: rules without mistakes, or None."""

    text: str
    ruleset: Ruleset | None
    hash: str | None
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class PlaceChange:
    """A place of the document with both values as JSON text; None: there is nothing."""

    pointer: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Changes:
    """The way from rules to other rules, in words and in the document; `is_addition`: they may act at once."""

    chapters: tuple[ChapterChange, ...]
    places: tuple[PlaceChange, ...]
    is_addition: bool


def checked(text: str) -> Checked:
    """The rules that the text says, or all its mistakes; the currency must be the programme's."""
    text = text.replace("\r\n", "\n")[: DOCUMENT_BYTES_MAX + 1]
    try:
        ruleset = parse_ruleset(text)
        places = check_ruleset(ruleset, check=condition_check(ruleset))
    except InvalidInput as error:
        return _wrong(text, error.places or (Place("", error.detail),))
    if ruleset.program.currency != get_program(services().context).currency:
        places.append(Place("/program/currency", "a programme keeps its currency"))
    if places:
        return _wrong(text, tuple(places))
    return Checked(text, ruleset, ruleset_hash(canonical_json(ruleset)), ())


def changes(old: Ruleset, new: Ruleset) -> Changes:
    """What `new` changes."""
    places = tuple(PlaceChange(one.pointer, _json(one.old), _json(one.new)) for one in document_changes(old, new))
    return Changes(changes_in_words(old, new), places, bool(places) and not addendum_problems(old, new))


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _wrong(text: str, places: tuple[Place, ...]) -> Checked:
    mistakes = (Mistake(place.pointer, _line(text, place), place.detail) for place in places)
    return Checked(text, None, None, tuple(mistakes))


def _line(text: str, place: Place) -> int | None:
    return line_of(text, place.pointer) if place.pointer else None
