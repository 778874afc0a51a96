"""Points spent by a stated rule. Nobody spent points in the data: this is what a habit would come to, not what households did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from token_service.program.told import Told


@dataclass
class Spender:
    """Every household takes the reward of `price` points as soon as it has them. Told points household by household, in order;
    none of them expires within the year (docs/rulesets.md "Expiry": twelve months, to the end of the month).
    """

    price: int
    time_zone: str
    rewards: int = 0
    households: set[str] = field(default_factory=set)
    by_month: Counter[str] = field(default_factory=Counter)  # points
    _left: Counter[str] = field(default_factory=Counter)

    @property
    def points(self) -> int:
        """All that was spent."""
        return self.rewards * self.price

    def hear(self, told: Told, points: int) -> None:
        """Points that a household has now."""
        self._left[told.member] += points
        many, self._left[told.member] = divmod(self._left[told.member], self.price)
        if many:
            self.rewards += many
            self.households.add(told.member)
            self.by_month[_month(told.occurred_at, self.time_zone)] += many * self.price


def _month(at: datetime, time_zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(time_zone)):%Y-%m}"
