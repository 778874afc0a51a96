"""A history of purchases in a CSV file: one row a purchase, or one a line of it, rows of the same reference being one purchase.

Columns: member, occurred_at, total; and where there are any reference, tax, shipping, discount, channel, store, merchant, and for
lines sku, category, quantity, amount. Money in minor units, times in ISO 8601 (without an offset: the programme's clock).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from token_service.errors import InvalidInput
from token_service.program.durations import zone
from token_service.program.facts import ItemFacts
from token_service.program.what_if import Bought

NEEDED: Final = ("member", "occurred_at", "total")
KNOWN: Final = frozenset(
    {*NEEDED, "reference", "tax", "shipping", "discount", "channel", "store", "merchant"}
    | {"sku", "category", "quantity", "amount"}
)


def read_history(path: Path, time_zone: str) -> list[Bought]:
    """The purchases of the file. Raises InvalidInput with the line where something is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(_purchases(csv.DictReader(file), time_zone))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8 text.") from error


def _purchases(rows: csv.DictReader[str], time_zone: str) -> Iterator[Bought]:
    names = set(rows.fieldnames or ())
    missing, unknown = [name for name in NEEDED if name not in names], sorted(names - KNOWN)
    if missing or unknown:
        said = f"columns are missing: {', '.join(missing)}" if missing else f"columns are unknown: {', '.join(unknown)}"
        raise InvalidInput(f"{said}; known are {', '.join(sorted(KNOWN))}")
    heads: dict[tuple[str, str], tuple[Mapping[str, str], int]] = {}
    lines: dict[tuple[str, str], list[ItemFacts]] = {}
    for row in rows:
        number = rows.line_num
        if None in row or None in row.values():
            raise InvalidInput(f"line {number} has another number of columns than the first one")
        key = (row["member"], row.get("reference") or f"line {number}")
        heads.setdefault(key, (row, number))
        if row.get("sku") or row.get("category") or row.get("amount"):
            items = lines.setdefault(key, [])
            items.append(_item(row, number, len(items) + 1))
    for key, (head, number) in heads.items():
        yield _bought(head, number, tuple(lines.get(key, ())), time_zone)


def _bought(row: Mapping[str, str], number: int, items: tuple[ItemFacts, ...], time_zone: str) -> Bought:
    if not row["member"]:
        raise InvalidInput(f"line {number}: member is empty")
    if _whole(row, "tax", number) > _whole(row, "total", number):
        raise InvalidInput(f"line {number}: tax exceeds total")
    return Bought(
        member=row["member"],
        occurred_at=_instant(row["occurred_at"], number, time_zone),
        total=_whole(row, "total", number),
        tax=_whole(row, "tax", number),
        shipping=_whole(row, "shipping", number),
        discount=_whole(row, "discount", number),
        items=items,
        channel=row.get("channel") or None,
        store=row.get("store") or None,
        merchant=row.get("merchant") or "merchant",
    )


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


def _instant(text: str, number: int, time_zone: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput(
            f"line {number}: occurred_at must be a time such as 2026-11-22T12:00, not {text!r}"
        ) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=zone(time_zone))
