"""The step down that is ahead, when, and what would keep the level: held against looking at it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.tier_outlook import Downgrade, downgrade_ahead, downgrade_by
from token_service.program.tiers import Qualification, tier_at

START = datetime(2026, 1, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def rules(window: str = "{kind: rolling, period: P30D}", downgrade: str = "{after: window}") -> Ruleset:
    return parse_ruleset(f"""
ruleset: 1
program: {{name: Les Halles, currency: EUR, time_zone: Europe/Paris}}
earning: [{{id: base, kind: spend, points: 1, per: 100}}]
tiers:
  qualify_by: spend
  window: {window}
  downgrade: {downgrade}
  levels:
    - {{id: bronze, from: 0}}
    - {{id: silver, from: 5000}}
    - {{id: gold, from: 10000}}
""")


def spent(day: int, amount: int) -> Qualification:
    return Qualification(at=START + day * DAY, spend=amount, points=0, orders=1)


def test_the_notice_says_when_to_which_level_and_what_keeps_it() -> None:
    history = [spent(0, 6_000), spent(10, 4_500)]
    assert tier_at(rules(), history, START + 12 * DAY) == "gold"
    ahead = downgrade_ahead(rules(), history, START + 12 * DAY)
    assert ahead == Downgrade("bronze", START + 30 * DAY, 5_500)


def test_grace_and_one_step_down_are_waited_for() -> None:
    ruleset = rules(downgrade="{after: window, grace: P5D, steps: 1}")
    ahead = downgrade_ahead(ruleset, [spent(0, 10_000)], START + DAY)
    assert ahead == Downgrade("silver", START + 35 * DAY, 10_000)


def test_no_step_down_is_ahead_of_the_lowest_level_nor_where_none_is_lost() -> None:
    assert downgrade_ahead(rules(), [], START) is None
    assert downgrade_ahead(rules(), [spent(0, 4_000)], START + DAY) is None
    assert downgrade_ahead(rules(downgrade="{after: never}"), [spent(0, 10_000)], START + DAY) is None
    assert downgrade_ahead(rules(window="{kind: lifetime}"), [spent(0, 10_000)], START + DAY) is None


def test_what_is_bought_this_year_keeps_no_level_of_the_next() -> None:
    ahead = downgrade_ahead(rules(window="{kind: calendar_year}"), [spent(0, 10_000)], START + DAY)
    assert ahead is not None
    assert (ahead.to, ahead.missing) == ("bronze", None)
    assert ahead.at == datetime(2026, 12, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize("downgrade", ["{after: window}", "{after: window, grace: P4D, steps: 1}"])
@given(
    bought=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9_000)), max_size=8),
    today=st.integers(0, 45),
)
def test_it_agrees_with_looking_ahead_day_by_day(downgrade: str, bought: list[tuple[int, int]], today: int) -> None:
    ruleset, now = rules(downgrade=downgrade), START + today * DAY
    history = [spent(day, amount) for day, amount in bought if day <= today]
    levels = ["bronze", "silver", "gold"]
    held = levels.index(tier_at(ruleset, history, now) or "bronze")
    ahead = downgrade_ahead(ruleset, history, now)
    later = [levels.index(tier_at(ruleset, history, now + day * DAY) or "bronze") for day in range(90)]
    first = next((day for day, rank in enumerate(later) if rank < held), None)
    assert (ahead is None) == (first is None)
    if ahead is None or first is None:
        return
    assert ahead.at == now + first * DAY
    assert ahead.to == levels[later[first]]
    assert ahead.missing is not None

    def with_more(amount: int) -> int:
        more = Qualification(at=now + timedelta(seconds=1), spend=amount, points=0, orders=1)
        return levels.index(tier_at(ruleset, [*history, more], ahead.at) or "bronze")

    assert with_more(ahead.missing) >= held
    if "grace" not in downgrade:  # with one, less than that puts it off
        assert with_more(ahead.missing - 1) < held


@pytest.mark.parametrize("downgrade", ["{after: window}", "{after: window, grace: P4D, steps: 1}"])
@given(
    bought=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9_000)), max_size=8),
    more=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9_000)), max_size=3),
    today=st.integers(0, 45),
)
def test_who_looks_in_time_misses_no_step_down_whatever_more_is_bought(
    downgrade: str, bought: list[tuple[int, int]], more: list[tuple[int, int]], today: int
) -> None:
    ruleset, now = rules(downgrade=downgrade), START + today * DAY
    until = now + 10 * DAY
    history = [spent(day, amount) for day, amount in bought if day <= today]
    held = tier_at(ruleset, history, now)
    ahead, look_at = downgrade_by(ruleset, history, now, until, held=held)
    if ahead is not None:
        assert ahead == downgrade_ahead(ruleset, history, now)
        assert ahead.at <= until
        return
    foretold = downgrade_ahead(ruleset, history, now)
    assert foretold is None or (look_at is not None and until < look_at <= foretold.at)
    later = [*history, *(spent(today + day, amount) for day, amount in more)]
    levels = [tier_at(ruleset, later, now + day * DAY) for day in range(90)]
    changed = next((day for day, level in enumerate(levels) if level != held), None)
    if changed is not None and rank(levels[changed]) < rank(held):
        assert look_at is not None
        assert look_at <= now + changed * DAY


def rank(level: str | None) -> int:
    return ["bronze", "silver", "gold"].index(level or "bronze")
