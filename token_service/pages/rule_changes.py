"""What new rules change, in plain words: the one way in which the console and `mereau ruleset diff` speak of it.

Each rule, campaign, level … is compared with the one of the same id and told before and after, as the open books tell it. What
they are silent about (a name in the other language, how an offer rounds) gets a sentence of its own: nothing changes unsaid.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from token_service.pages.keys_in_words import (
    come_or_gone,
    element_named,
    key_in_words,
    moved_in_words,
    other_id_in_words,
)
from token_service.pages.rules_in_words import Chapter, Told, in_words
from token_service.pages.translation import gettext
from token_service.program.ruleset import Ruleset
from token_service.program.schema_values import Part

TOLD_IN: Final[dict[str, tuple[str, ...]]] = {
    "program": ("rewards",),
    "earning": ("earning", "actions", "dates"),
    "campaigns": ("offers", "dates"),
    "tiers": ("levels",),
    "memberships": ("memberships", "dates"),
    "segments": ("segments",),
    "challenges": ("challenges", "dates"),
    "schedules": ("actions", "dates"),
    "visits": ("visits",),
    "expiry": ("time",),
    "return_window": ("time",),
    "delivery": ("time",),
    "limits": ("limits",),
    "redemption": ("rewards",),
    "accept_late": ("time",),
    "restoration_grace": ("time",),
    "rewards": ("rewards",),
    "donations": ("donations",),
}
"""The chapters that tell of a section of the document; of `multipliers` and `benefits` none does."""
_GONE: Final = object()


@dataclass(frozen=True)
class ChapterChange:
    """What one chapter of the rules no longer says, what it says newly, and what changes beside that, sentence by sentence."""

    title: str
    gone: tuple[Told, ...]
    new: tuple[Told, ...]
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Unit:
    """A section of both documents, or one thing of its list: the values, and the rules with nothing else in that section."""

    section: str
    old: Any
    new: Any
    before: Ruleset
    after: Ruleset

    @property
    def is_both(self) -> bool:
        """Whether it is in both documents."""
        return self.old is not None and self.new is not None


def changes_in_words(old: Ruleset, new: Ruleset) -> tuple[ChapterChange, ...]:
    """What `new` changes, chapter by chapter, in the page's language; a chapter without a change is left out."""
    found: dict[str, _Collected] = {}
    for section in type(new).model_fields:
        if _json(old, section) == _json(new, section):
            continue
        for unit in _units(section, old, new):
            before, after = _told(unit, unit.before), _told(unit, unit.after)
            for title in dict.fromkeys((*before, *after)):
                lost, came = _without(before, after, title), _without(after, before, title)
                chapter = found.setdefault(title, _Collected())
                chapter.gone += lost if unit.is_both else _still(lost, new, section)
                chapter.new += came if unit.is_both else _still(came, old, section)
            found.setdefault(_title(section), _Collected()).said += _unspoken(unit, before, after)
        found.setdefault(_title(section), _Collected()).said += (
            *_renamed(section, old, new),
            *_moved(section, old, new),
        )
    changes = (
        ChapterChange(title, tuple(dict.fromkeys(one.gone)), tuple(dict.fromkeys(one.new)), tuple(one.said))
        for title, one in found.items()
    )
    return tuple(change for change in changes if change.gone or change.new or change.said)


@dataclass
class _Collected:
    """A chapter's change, while it is put together."""

    gone: list[Told] = field(default_factory=list)
    new: list[Told] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def _without(some: dict[str, list[Told]], others: dict[str, list[Told]], title: str) -> list[Told]:
    return [line for line in some.get(title, ()) if line not in others.get(title, ())]


def _still(lines: list[Told], other: Ruleset, section: str) -> list[Told]:
    """The lines without those that the other document says as well, unless it says them all."""
    theirs = {line for chapter in in_words(other, TOLD_IN.get(section, ())) for line in chapter.lines}
    return [line for line in lines if line not in theirs] or lines


def _units(section: str, old: Ruleset, new: Ruleset) -> Iterator[_Unit]:
    ours, theirs = getattr(old, section), getattr(new, section)
    if not isinstance(theirs, tuple):
        yield _Unit(section, _written(old, section), _written(new, section), _with(new, section, ours), new)
        return
    before, after = ({one.id: one for one in some} for some in (ours, theirs))
    as_before = {one.id for pair in _with_other_ids(ours, theirs) for one in pair}
    for name in (name for name in dict.fromkeys((*before, *after)) if name not in as_before):
        one, other = before.get(name), after.get(name)
        if _as_json(one) != _as_json(other):
            alone = [_with(new, section, () if part is None else (part,)) for part in (one, other)]
            yield _Unit(section, one, other, *alone)


def _with(ruleset: Ruleset, section: str, value: Any) -> Ruleset:
    return ruleset.model_copy(update={section: value})


def _written(ruleset: Ruleset, section: str) -> Any:
    """The section's value; None where the document leaves it out."""
    return getattr(ruleset, section) if section in ruleset.model_fields_set else None


def _told(unit: _Unit, ruleset: Ruleset) -> dict[str, list[Told]]:
    """What the unit's chapters say, by title. Of a rule for purchases that both have, its own sentence alone: what is counted
    and how it rounds are said of several rules at once.
    """
    chapters = in_words(ruleset, TOLD_IN.get(unit.section, ()))
    if unit.section == "earning" and unit.is_both:
        chapters = tuple(Chapter(one.title, one.lines[:1]) if _is_for_purchases(one) else one for one in chapters)
    if unit.section == "program":
        chapters = (named(ruleset), *chapters)
    return {chapter.title: list(chapter.lines) for chapter in chapters}


def _is_for_purchases(chapter: Chapter) -> bool:
    return chapter.title == gettext("What a purchase earns")


def named(ruleset: Ruleset) -> Chapter:
    """The name and clock of the programme: rules, too, though no chapter of the open books."""
    program = ruleset.program
    said = gettext("%(name)s, by the clock of %(zone)s.", name=program.name, zone=program.time_zone)
    return Chapter(gettext("The programme"), (Told(said),))


def _title(section: str) -> str:
    """The chapter that sentences about a section stand in."""
    return {
        "program": gettext("The programme"),
        "earning": gettext("What a purchase earns"),
        "multipliers": gettext("What a purchase earns"),
        "benefits": gettext("Benefits"),
        "campaigns": gettext("Offers"),
        "tiers": gettext("Levels"),
        "memberships": gettext("Memberships"),
        "segments": gettext("Segments"),
        "challenges": gettext("Challenges"),
        "schedules": gettext("What else earns points"),
        "visits": gettext("Visits"),
        "limits": gettext("Limits"),
        "redemption": gettext("What points buy"),
        "rewards": gettext("What points buy"),
    }.get(section, gettext("When points can be used, and until when"))


# --- what no chapter says -------------------------------------------------------------------------------------------


def _unspoken(unit: _Unit, before: dict[str, list[Told]], after: dict[str, list[Told]]) -> Iterator[str]:
    """A sentence for each place of the unit whose change the chapters don't show."""
    old, new = _as_json(unit.old), _as_json(unit.new)
    is_told = before != after
    currency = unit.after.program.currency
    thing = next((one for one in (unit.new, unit.old) if hasattr(one, "id")), None)
    whose = element_named(unit.section, thing)
    if not unit.is_both:
        if not is_told and thing is not None:
            yield come_or_gone(whose, is_new=unit.new is not None)
        elif not is_told:
            for path, _, _ in _places(old or _nothing_like(new), new or _nothing_like(old)):
                yield key_in_words(whose, (unit.section, *path), *_meant(unit, path), currency)
        return
    for path, was, _ in _places(old, new):
        if not (is_told and (not path or _shows(unit, path, was, after))):
            yield key_in_words(whose, (unit.section, *path), *_meant(unit, path), currency)


def _meant(unit: _Unit, path: tuple[str, ...]) -> tuple[Any, Any]:
    """What a place means in both documents: what is written there, else its default."""
    if hasattr(unit.new or unit.old, "id"):
        values = (unit.old, unit.new)
    else:
        values = (getattr(unit.before, unit.section), getattr(unit.after, unit.section))
    old, new = (_at(_as_json(value, whole=True), path) for value in values)
    return old, new


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = (_by_name(value) or {}).get(key)
    return value


def _nothing_like(value: Any) -> Any:
    return {} if isinstance(value, dict) else None


def _shows(unit: _Unit, path: tuple[str, ...], was: Any, after: dict[str, list[Told]]) -> bool:
    """Whether the chapters would say something else if this place alone had not changed."""
    document = _as_json(unit.new)
    _put(document, path, was)
    try:
        value = TypeAdapter(type(unit.new)).validate_json(json.dumps(document))
    except ValidationError:
        return True  # it makes no sense alone: it is one change with others
    alone = value if not hasattr(unit.new, "id") else (value,)
    return _told(unit, _with(unit.after, unit.section, alone)) != after


def _places(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Every place that differs, things of a list being named by their ids; None: there is nothing."""
    ours, theirs = _by_name(old), _by_name(new)
    if ours is not None and theirs is not None:
        for key in dict.fromkeys((*ours, *theirs)):
            if ours.get(key, _GONE) != theirs.get(key, _GONE):
                yield from _places(ours.get(key), theirs.get(key), (*path, key))
    else:
        yield path, old, new


def _by_name(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(one, dict) and "id" in one for one in value):
        return {one["id"]: one for one in value}
    return None


def _put(document: Any, path: tuple[str, ...], value: Any) -> None:
    """Sets a place, or takes it away for None."""
    key, *rest = path
    if isinstance(document, list):
        at = next((index for index, one in enumerate(document) if one["id"] == key), len(document))
        if rest:
            _put(document[at], tuple(rest), value)
        else:
            document[at : at + 1] = [] if value is None else [value]
    elif rest:
        _put(document[key], tuple(rest), value)
    elif value is None:
        document.pop(key, None)
    else:
        document[key] = value


def _renamed(section: str, old: Ruleset, new: Ruleset) -> Iterator[str]:
    """What has another id and is told as before: neither gone nor new."""
    ours, theirs = getattr(old, section), getattr(new, section)
    for one, other in _with_other_ids(ours, theirs) if isinstance(theirs, tuple) else ():
        yield other_id_in_words(element_named(section, other), one.id, other.id)


def _with_other_ids(ours: Sequence[Any], theirs: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Things of a list that both have, but for the id."""
    known, kept = {one.id for one in ours}, {one.id for one in theirs}
    free, found = [one for one in theirs if one.id not in known], []
    for one in (one for one in ours if one.id not in kept):
        twin = next((other for other in free if _but_id(other) == _but_id(one)), None)
        if twin is not None:
            free.remove(twin)
            found.append((one, twin))
    return found


def _but_id(thing: Any) -> dict[str, Any]:
    return {key: value for key, value in _as_json(thing).items() if key != "id"}


def _moved(section: str, old: Ruleset, new: Ruleset) -> Iterator[str]:
    """That what both have stands in another order, which can decide who comes first."""
    for ours, theirs in _lists(section, old, new):
        before, after = [one.id for one in ours], [one.id for one in theirs]
        if [one for one in before if one in after] != [one for one in after if one in before]:
            yield moved_in_words(", ".join(after))


def _lists(section: str, old: Ruleset, new: Ruleset) -> Iterator[tuple[Any, Any]]:
    ours, theirs = getattr(old, section), getattr(new, section)
    if isinstance(theirs, tuple):
        yield ours, theirs
    elif section == "tiers" and ours is not None and theirs is not None:
        yield ours.levels, theirs.levels


def _json(ruleset: Ruleset, section: str) -> Any:
    return ruleset.model_dump(mode="json", by_alias=True, exclude_unset=True, include={section})


def _as_json(value: Any, *, whole: bool = False) -> Any:
    """As the document writes it; with `whole`, with the defaults that it leaves out."""
    if not isinstance(value, Part):
        return value
    return value.model_dump(mode="json", by_alias=True, exclude_unset=not whole, exclude_none=whole)
