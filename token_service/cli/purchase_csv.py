"""A history in a CSV file: one row a purchase, or one a line of it, rows of the same reference being one purchase; or an event.

Columns: member, occurred_at, total; and where there are any reference, tax, shipping, discount, channel, store, merchant, for
lines sku, category, quantity, amount, for events event (its type) and subject, and of the member joined_at, birth_date and
segments (ids with spaces between). Money in minor units, times in ISO 8601 (without an offset: the programme's clock).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from token_service.errors import InvalidInput
from token_service.program.action_schema import REFERRED
from token_service.program.durations import zone
from token_service.program.event_facts import OWN_PREFIX
from token_service.program.events import INVITED
from token_service.program.facts import ItemFacts
from token_service.program.told import Bought, Occurred, Person, Told

NEEDED: Final = ("member", "occurred_at", "total")
KNOWN: Final = frozenset(
    {*NEEDED, "reference", "tax", "shipping", "discount", "channel", "store", "merchant"}
    | {"sku", "category", "quantity", "amount", "event", "subject", "joined_at", "birth_date", "segments"}
)
OF_THE_MEMBER: Final = ("joined_at", "birth_date", "segments")


@dataclass(frozen=True)
class ToldHistory:
    """What the file tells: purchases, events, and what is known of members."""

    things: tuple[Told, ...]
    people: Mapping[str, Person]


def read_history(path: Path, time_zone: str) -> ToldHistory:
    """What the file tells. Raises InvalidInput with the line where something is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _read(csv.DictReader(file), time_zone)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8 text.") from error


def _read(rows: csv.DictReader[str], time_zone: str) -> ToldHistory:
    _check_names(rows)
    people: dict[str, Person] = {}
    return ToldHistory(tuple(_things(rows, time_zone, people)), people)


def _check_names(rows: csv.DictReader[str]) -> None:
    names = set(rows.fieldnames or ())
    missing, unknown = [name for name in NEEDED if name not in names], sorted(names - KNOWN)
    if missing or unknown:
        said = f"columns are missing: {', '.join(missing)}" if missing else f"columns are unknown: {', '.join(unknown)}"
        raise InvalidInput(f"{said}; known are {', '.join(sorted(KNOWN))}")


def _things(rows: csv.DictReader[str], time_zone: str, people: dict[str, Person]) -> Iterator[Told]:
    heads: dict[tuple[str, str], tuple[Mapping[str, str], int]] = {}
    lines: dict[tuple[str, str], list[ItemFacts]] = {}
    for row in rows:
        number = rows.line_num
        if None in row or None in row.values():
            raise InvalidInput(f"line {number} has another number of columns than the first one")
        if not row["member"]:
            raise InvalidInput(f"line {number}: member is empty")
        if any(row.get(name) for name in OF_THE_MEMBER):
            people[row["member"]] = _person(row, number, time_zone, people.get(row["member"], Person()))
        if row.get("event"):
            yield _occurred(row, number, time_zone)
            continue
        key = (row["member"], row.get("reference") or f"line {number}")
        heads.setdefault(key, (row, number))
        if row.get("sku") or row.get("category") or row.get("amount"):
            items = lines.setdefault(key, [])
            items.append(_item(row, number, len(items) + 1))
    for key, (head, number) in heads.items():
        yield _bought(head, number, tuple(lines.get(key, ())), time_zone)


def _bought(row: Mapping[str, str], number: int, items: tuple[ItemFacts, ...], time_zone: str) -> Bought:
    if _whole(row, "tax", number) > _whole(row, "total", number):
        raise InvalidInput(f"line {number}: tax exceeds total")
    return Bought(
        member=row["member"],
        occurred_at=_instant(row, "occurred_at", number, time_zone),
        total=_whole(row, "total", number),
        tax=_whole(row, "tax", number),
        shipping=_whole(row, "shipping", number),
        discount=_whole(row, "discount", number),
        items=items,
        channel=row.get("channel") or None,
        store=row.get("store") or None,
        merchant=row.get("merchant") or "merchant",
    )


def _occurred(row: Mapping[str, str], number: int, time_zone: str) -> Occurred:
    event = row["event"]
    if event.startswith(OWN_PREFIX) and event not in (REFERRED, INVITED):
        raise InvalidInput(f"line {number}: {event} comes by itself, from joined_at, birth_date and the calendar")
    if row["total"]:
        raise InvalidInput(f"line {number} is an event: total stays empty")
    return Occurred(
        member=row["member"],
        occurred_at=_instant(row, "occurred_at", number, time_zone),
        event=event,
        subject=row.get("subject") or None,
        merchant=row.get("merchant") or "merchant",
    )


def _person(row: Mapping[str, str], number: int, time_zone: str, known: Person) -> Person:
    """What was known of the member, and what the row adds."""
    joined = _instant(row, "joined_at", number, time_zone) if row.get("joined_at") else known.joined_at
    try:
        born = date.fromisoformat(row["birth_date"].strip()) if row.get("birth_date") else known.birth_date
    except ValueError as error:
        raise InvalidInput(f"line {number}: birth_date must be a date such as 1990-05-01") from error
    return Person(joined, born, tuple((row.get("segments") or "").split()) or known.segments)


def _item(row: Mapping[str, str], number: int, line: int) -> ItemFacts:
    return ItemFacts(
        line=line,
        sku=row.get("sku") or None,
        category=row.get("category") or None,
        quantity=_whole(row, "quantity", number) if row.get("quantity") else 1,
        amount=_whole(row, "amount", number),
    )


def _whole(row: Mapping[str, str], name: str, number: int) -> int:
    text = (row.get(name) or "0").strip()
    if not text.isascii() or not text.isdecimal():
        raise InvalidInput(f"line {number}: {name} must be a whole number of minor units, not {text!r}")
    return int(text)


def _instant(row: Mapping[str, str], name: str, number: int, time_zone: str) -> datetime:
    text = row[name]
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput(f"line {number}: {name} must be a time such as 2026-11-22T12:00, not {text!r}") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=zone(time_zone))
