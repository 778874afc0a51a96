"""Members of an earlier programme in a CSV file: one row for each, or one for each lot of points that they bring.

Columns: member (the shop's own reference or card), and where there are any points, points_expire_at, reference, enrolled_at,
email, name, language and birth_date. Times in ISO 8601 (without an offset: the programme's clock); points that expire on a day
are good until its end. What is said of a member stands in their first row, and is empty or the same in the others.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from token_service.errors import InvalidInput
from token_service.ledger.import_inputs import OpeningAccount, OpeningLot
from token_service.ledger.inputs import NewMember
from token_service.units import POINTS_MAX

OF_THE_MEMBER: Final = ("email", "name", "language", "birth_date", "enrolled_at")
OF_THE_POINTS: Final = ("points", "points_expire_at", "reference")
KNOWN: Final = ("member", *OF_THE_POINTS, *OF_THE_MEMBER)
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2999
LANGUAGES: Final = ("fr", "en")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot come in, and what to do about it."""

    line: int
    said: str


@dataclass(frozen=True, slots=True)
class MemberFile:
    """What the file tells; `hash` is the SHA-256 of its bytes in hex."""

    hash: str
    rows: int
    accounts: tuple[OpeningAccount, ...]
    bad: tuple[BadRow, ...]

    @property
    def points(self) -> int:
        """What all of them bring."""
        return sum(lot.points for account in self.accounts for lot in account.lots)


@dataclass(slots=True)
class _Told:
    """What the rows so far say of one member."""

    line: int
    member: NewMember
    said: tuple[str, ...]
    lots: list[OpeningLot] = field(default_factory=list)


def read_members(path: Path, time_zone: str, merchant_id: str) -> MemberFile:
    """What the file tells, and every row that is wrong. Raises InvalidInput for a file that is no such CSV at all."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8 text: save it as “CSV UTF-8”.") from error
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    _check_names(rows)
    reader = _Reader(ZoneInfo(time_zone), merchant_id)
    try:
        for row in rows:
            reader.read(row, rows.line_num)
    except csv.Error as error:
        raise InvalidInput(f"line {rows.line_num}: this is not CSV ({error})") from error
    accounts = tuple(OpeningAccount(one.line, one.member, tuple(one.lots)) for one in reader.told.values())
    return MemberFile(hashlib.sha256(content).hexdigest(), reader.count, accounts, tuple(reader.bad))


def _check_names(rows: csv.DictReader[str]) -> None:
    names = list(rows.fieldnames or ())
    known = f"known are {', '.join(KNOWN)}"
    if "member" not in names:
        raise InvalidInput(f"the first line must name the columns, and member is missing; {known}")
    unknown = sorted(set(names) - set(KNOWN))
    if unknown:
        raise InvalidInput(f"columns are unknown: {', '.join(unknown)}; {known}")
    if len(set(names)) < len(names):
        raise InvalidInput(f"a column is named twice; {known}")


class _Reader:
    """Row by row; those that are wrong are kept with their line."""

    def __init__(self, zone: ZoneInfo, merchant_id: str) -> None:
        self._zone, self._merchant_id = zone, merchant_id
        self.told: dict[str, _Told] = {}
        self.bad: list[BadRow] = []
        self.count = 0
        self._references: dict[str, int] = {}

    def read(self, row: Mapping[str | None, str | None], line: int) -> None:
        self.count += 1
        try:
            if None in row or None in row.values():
                raise InvalidInput(
                    "it has another number of columns than the first one: look for a missing quote or comma"
                )
            self._take({str(name): str(value).strip() for name, value in row.items()}, line)
        except InvalidInput as error:
            self.bad.append(BadRow(line, error.detail))

    def _take(self, row: Mapping[str, str], line: int) -> None:
        member = row["member"]
        if not member:
            raise InvalidInput("member is empty: give the reference or card number that the shop knows them by")
        told = self._person(row, line, self.told.get(member))
        lot = self._lot(row, line, len(told.lots) + 1)
        self.told[member] = told
        if lot is not None:
            self._references[lot.reference] = line
            told.lots.append(lot)

    def _person(self, row: Mapping[str, str], line: int, known: _Told | None) -> _Told:
        said = tuple(row.get(name, "") for name in OF_THE_MEMBER)
        if known is not None:
            other = [
                name for name, now, first in zip(OF_THE_MEMBER, said, known.said, strict=True) if now not in ("", first)
            ]
            if other:
                raise InvalidInput(f"{', '.join(other)}: line {known.line} says something else of this member")
            return known
        language = row.get("language") or None
        if language not in (None, *LANGUAGES):
            raise InvalidInput(f"language must be one of {', '.join(LANGUAGES)}, or empty")
        new = NewMember(
            row["member"],
            email=row.get("email") or None,
            name=row.get("name") or None,
            locale=language,
            birth_date=_day(row, "birth_date"),
            merchant_id=self._merchant_id,
            enrolled_at=_instant(row, "enrolled_at", self._zone),
        )
        return _Told(line, new, said)

    def _lot(self, row: Mapping[str, str], line: int, number: int) -> OpeningLot | None:
        text, expires_at = row.get("points", ""), _instant(row, "points_expire_at", self._zone, is_end=True)
        if text in ("", "0"):
            if expires_at is not None:
                raise InvalidInput("points_expire_at without points: give the points, or leave it empty")
            return None
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:17]) <= POINTS_MAX or len(text) > 16:
            raise InvalidInput(f"points must be a whole number without spaces or signs, not {text[:30]!r}")
        reference = row.get("reference") or f"{row['member']}/{number}"
        if reference in self._references:
            raise InvalidInput(
                f"line {self._references[reference]} has the same reference: each row of points needs its own"
            )
        return OpeningLot(line, reference, int(text), expires_at)


def _day(row: Mapping[str, str], name: str) -> date | None:
    text = row.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidInput(f"{name} must be a date such as 1990-05-01, not {text[:30]!r}") from error


def _instant(row: Mapping[str, str], name: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime | None:
    """A time, or a date: its beginning, or its end."""
    text = row.get(name, "")
    if not text:
        return None
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text)
            at = datetime.combine(day + timedelta(days=1) if is_end else day, time.min, zone)
        else:
            at = datetime.fromisoformat(text)
            at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
        found = at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{name} must be a date or a time such as 2026-11-22T12:00, not {text[:30]!r}") from error
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise InvalidInput(
            f"{name}: the year must lie between {FIRST_YEAR} and {LAST_YEAR}; leave it empty for no date"
        )
    return found
