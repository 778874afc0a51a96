"""The baskets of completejourney's year as a history of purchases, with the dates that they had."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from token_service.cli.completejourney import HOUSEHOLDS_MAX, WEEKS_MAX, read_baskets
from token_service.program.facts import ItemFacts
from token_service.program.told import Bought

LAST_WEEK = datetime(2018, 1, 2, tzinfo=UTC)
"""The data end on 1 January 2018: nothing is shifted."""


def read_year(time_zone: str, households: int = HOUSEHOLDS_MAX) -> list[Bought]:
    """Every basket of these households, oldest first; `member` is the household's number."""
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
