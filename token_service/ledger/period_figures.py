"""What the programme gave and took in during the last days, and the share that was used: the redemption rate of a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select

from token_service.ledger import tables
from token_service.ledger.context import Context
from token_service.ledger.transaction import Transaction, read
from token_service.program.durations import start_of_day
from token_service.program.facts import local_time
from token_service.units import EntryKind

PERIOD_DAYS_MAX: Final = 366


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """Points of a period of local days that ends today: `issued` after what was taken back, `used` (redeemed and donated) after
    what came back, `expired`. Each by the day on which it was recorded, so each may be below 0.
    """

    since: date
    until: date
    issued: int
    used: int
    expired: int

    @property
    def used_hundredths_percent(self) -> int | None:
        """The redemption rate, as hundredths of a percent, rounded down; None where nothing was issued, or used."""
        return None if self.issued <= 0 or self.used < 0 else self.used * 10_000 // self.issued


def period_figures(context: Context, days: int) -> PeriodFigures:
    """The figures of the last `days` (1 to 366) local days, today included."""

    def work(tx: Transaction) -> PeriodFigures:
        zone = tx.ruleset(tx.ruleset_hash_at(tx.now)).program.time_zone
        until = date.fromisoformat(local_time(tx.now, zone).date)
        since = until - timedelta(days=min(max(1, days), PERIOD_DAYS_MAX) - 1)
        entries = tables.entries.c
        query = select(entries.kind, func.sum(entries.points)).where(entries.recorded_at >= start_of_day(since, zone))
        sums = {EntryKind(kind): int(points) for kind, points in tx.connection.execute(query.group_by(entries.kind))}

        def total(*kinds: EntryKind) -> int:
            return sum(sums.get(kind, 0) for kind in kinds)

        return PeriodFigures(
            since,
            until,
            issued=total(EntryKind.ISSUANCE, EntryKind.REVERSAL),
            used=-total(EntryKind.REDEMPTION, EntryKind.RESTORATION, EntryKind.DONATION),
            expired=-total(EntryKind.EXPIRY),
        )

    return read(context, work)
