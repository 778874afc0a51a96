"""completejourney's year as a history, with the dates that it had: baskets, used coupons, and who was sent which campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from scripts.year.coupons import Campaign, people_of, read_campaigns, read_used
from token_service.cli.completejourney import HOUSEHOLDS_MAX, WEEKS_MAX, read_baskets
from token_service.program.facts import ItemFacts
from token_service.program.told import Bought, Occurred, Person, Told

LAST_WEEK = datetime(2018, 1, 2, tzinfo=UTC)
"""The data end on 1 January 2018: nothing is shifted."""
NOTHING_MORE: Final[Mapping[str, object]] = {"campaigns": (), "tiers": None, "challenges": (), "segments": ()}
"""What is taken away of the rules where only what purchases and coupons earn is asked."""


@dataclass(frozen=True)
class Year:
    """Purchases and used coupons, the households' campaigns as segments, and the campaigns as the data have them."""

    baskets: tuple[Bought, ...]
    used: tuple[Occurred, ...]
    people: Mapping[str, Person]
    campaigns: tuple[Campaign, ...]

    @property
    def told(self) -> tuple[Told, ...]:
        """All that happened."""
        return (*self.baskets, *self.used)


def read_year(time_zone: str, households: int = HOUSEHOLDS_MAX) -> Year:
    """The year of so many households; `member` is the household's number."""
    baskets = _baskets(time_zone, households)
    names = {one.member for one in baskets}
    campaigns = read_campaigns(names)
    return Year(tuple(baskets), tuple(read_used(names, time_zone)), people_of(campaigns), tuple(campaigns))


def _baskets(time_zone: str, households: int) -> list[Bought]:
    baskets = read_baskets(households=households, weeks=WEEKS_MAX, now=LAST_WEEK, zone=ZoneInfo(time_zone))
    return [
        Bought(
            member=str(basket.household_id),
            occurred_at=basket.occurred_at,
            total=basket.total_cents,
            items=tuple(
                ItemFacts(number, line.sku, line.category, line.quantity, line.amount_cents)
                for number, line in enumerate(basket.lines, start=1)
            ),
            channel="store",
            store=str(basket.store_id),
        )
        for basket in baskets
    ]
