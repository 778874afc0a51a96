"""What there is to tell, and when: pure, and each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.program.facts import local_time
from token_service.program.memberships import Period
from token_service.program.notices import (
    Ending,
    Expiring,
    OpenPoints,
    ending_now,
    expiring_now,
    expiry_told_at,
    may_be_lost,
    tier_kind,
)
from token_service.program.ruleset import parse_ruleset

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100}]
"""
LEVELS = "levels: [{id: bronze, from: 0}, {id: silver, from: 10}, {id: gold, from: 20, keep: 0}]}\n"
TIERS = RULES + "tiers: {qualify_by: spend, window: {kind: rolling, period: P12M}, " + LEVELS


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, "bronze", "tier.upgraded"),
        ("bronze", "gold", "tier.upgraded"),
        ("gold", "silver", "tier.downgraded"),
        ("bronze", None, "tier.downgraded"),
        ("platinum", "gold", "tier.changed"),
        ("platinum", None, "tier.changed"),
    ],
)
def test_a_change_of_level_is_called_by_its_direction(before: str | None, after: str | None, kind: str) -> None:
    assert tier_kind(parse_ruleset(TIERS), before, after) == kind


def test_a_level_that_nothing_takes_away_is_not_said_to_end() -> None:
    ruleset = parse_ruleset(TIERS)
    assert [may_be_lost(ruleset, level) for level in (None, "bronze", "silver", "gold")] == [False, False, True, False]
    never = TIERS.replace("levels:", "downgrade: {after: never}, levels:")
    assert not may_be_lost(parse_ruleset(never), "silver")
    assert not may_be_lost(parse_ruleset(RULES), "silver")


def points(number: int, ends_in: timedelta, issued: timedelta = 300 * DAY) -> OpenPoints:
    return OpenPoints(number, NOW - issued, NOW + ends_in)


def test_points_of_a_date_in_the_programmes_time_zone_are_told_together() -> None:
    late = datetime(2026, 6, 9, 22, 30, tzinfo=UTC)  # the 10th in Paris
    lots = [points(5, 9 * DAY), OpenPoints(7, NOW - 300 * DAY, late), points(1, 40 * DAY), points(9, -DAY)]
    found, again = expiring_now(lots, ["2026-06-20"], NOW, "Europe/Paris")
    assert found == [Expiring("2026-06-10", 12, late)]
    assert again == NOW + 10 * DAY
    assert expiring_now(lots, ["2026-06-10"], NOW, "Europe/Paris") == ([], NOW + 10 * DAY)


@given(
    lots=st.lists(st.tuples(st.integers(1, 9), st.integers(-5, 200), st.integers(0, 200)), max_size=6),
    days=st.integers(0, 250),
)
def test_whoever_looks_when_told_to_tells_each_date_once_and_in_time(
    lots: list[tuple[int, int, int]], days: int
) -> None:
    own = [points(number, ends * DAY, issued * DAY) for number, ends, issued in lots if ends > -issued]
    told: dict[str, datetime] = {}
    look: datetime | None = NOW
    while look is not None and look < NOW + days * DAY:
        found, after = expiring_now(own, told, look, "Europe/Paris")
        assert not {one.date for one in found} & told.keys()
        told |= {one.date: look for one in found}
        assert after is None or after > look
        look = after
    for lot in own:
        due = max(expiry_told_at(lot.issued_at, lot.expires_at), NOW)
        if due < min(lot.expires_at, NOW + days * DAY):
            assert told[local_time(lot.expires_at, "Europe/Paris").date] <= due


def test_a_membership_ends_with_the_last_period_that_is_paid() -> None:
    def period(starts: int, ends: int, ended: datetime | None = None) -> Period:
        return Period("club", NOW + starts * DAY, NOW + ends * DAY, NOW + (ends + 5) * DAY, ended)

    assert ending_now([period(-300, 20)], NOW) == ([Ending("club", NOW + 20 * DAY)], None)
    assert ending_now([period(-300, 20), period(20, 385)], NOW) == ([], NOW + 355 * DAY)
    assert ending_now([period(-300, 20), period(20, 385, NOW)], NOW) == ([Ending("club", NOW + 20 * DAY)], None)
    assert ending_now([period(-5, 15)], NOW) == ([], NOW + 5 * DAY)
    assert ending_now([period(-300, -2)], NOW) == ([], None)
