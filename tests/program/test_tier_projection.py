"""The level that comes next if nothing more is bought: held against looking at every day, also over rules that follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.tier_outlook import Projection, Version, projected
from token_service.program.tiers import Qualification, tier_at

START = datetime(2026, 1, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def rules(gold: int = 10_000, downgrade: str = "{after: window}", tiers: str | None = None) -> Ruleset:
    levels = f"[{{id: bronze, from: 0}}, {{id: silver, from: 5000}}, {{id: gold, from: {gold}}}]"
    window = "{kind: rolling, period: P30D}"
    written = tiers or f"{{qualify_by: spend, window: {window}, downgrade: {downgrade}, levels: {levels}}}"
    return parse_ruleset(f"""
ruleset: 1
program: {{name: Les Halles, currency: EUR, time_zone: UTC}}
earning: [{{id: base, kind: spend, points: 1, per: 100}}]
{"" if written == "none" else f"tiers: {written}"}
""")


def spent(day: int, amount: int) -> Qualification:
    return Qualification(at=START + day * DAY, spend=amount, points=0, orders=1)


def version(day: int, made: Ruleset, name: str) -> Version:
    return Version(START + day * DAY, name, made)


def test_it_is_the_level_that_the_window_leaves() -> None:
    now = START + 12 * DAY
    history = [spent(0, 6_000), spent(10, 5_500)]
    assert projected([version(0, rules(), "a")], history, now) == Projection(
        "silver", 5_500, "a", START + 30 * DAY, "window"
    )


def test_it_is_todays_level_where_nothing_ahead_changes_it() -> None:
    assert projected([version(0, rules(), "a")], [spent(0, 900)], START) == Projection("bronze", 900, "a")
    lasting = rules(downgrade="{after: never}")
    assert projected([version(0, lasting, "a")], [spent(0, 12_000)], START) == Projection("gold", 12_000, "a")


@pytest.mark.parametrize(("gold", "tier"), [(6_000, "gold"), (7_000, "gold"), (7_001, None)])
def test_rules_that_are_published_may_lift_a_level(gold: int, tier: str | None) -> None:
    versions = [version(0, rules(), "a"), version(9, rules(gold=gold), "b")]
    found = projected(versions, [spent(0, 7_000)], START + DAY)
    if tier is None:
        assert found == Projection("bronze", 0, "b", START + 30 * DAY, "window")
    else:
        assert found == Projection(tier, 7_000, "b", START + 9 * DAY, "rules")


def test_rules_without_levels_end_them() -> None:
    versions = [version(0, rules(), "a"), version(9, rules(tiers="none"), "b")]
    assert projected(versions, [spent(0, 7_000)], START) == Projection(None, 0, "b", START + 9 * DAY, "rules")


def test_what_the_window_would_take_is_not_said_if_other_rules_come_before() -> None:
    generous = rules(
        tiers="{qualify_by: spend, window: {kind: lifetime}, levels: [{id: bronze, from: 0}, {id: silver, from: 1}]}"
    )
    versions = [version(0, rules(), "a"), version(20, generous, "b")]
    assert projected(versions, [spent(0, 7_000)], START).at is None
    at_the_same_instant = [version(0, rules(), "a"), version(30, generous, "b")]
    assert projected(at_the_same_instant, [spent(0, 7_000)], START).at is None


@given(
    bought=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9_000)), max_size=8),
    today=st.integers(0, 45),
    later=st.lists(st.tuples(st.integers(1, 50), st.integers(5_001, 14_000)), max_size=2, unique_by=lambda one: one[0]),
    downgrade=st.sampled_from(["{after: window}", "{after: window, grace: P4D, steps: 1}", "{after: never}"]),
)
@settings(max_examples=150)
def test_it_agrees_with_looking_ahead_day_by_day_under_the_rules_of_each_day(
    bought: list[tuple[int, int]], today: int, later: list[tuple[int, int]], downgrade: str
) -> None:
    history = [spent(day, amount) for day, amount in bought if day <= today]
    versions = [version(0, rules(downgrade=downgrade), "0")]
    versions += [
        version(today + days, rules(gold, downgrade), str(number))
        for number, (days, gold) in enumerate(sorted(later), start=1)
    ]

    def level(day: int) -> str | None:
        at = START + day * DAY
        in_force = [one.rules for one in versions if one.since <= at][-1]
        return tier_at(in_force, history, at)

    first = next((day for day in range(today, today + 120) if level(day) != level(today)), None)
    found = projected(versions, history, START + today * DAY)
    assert found.at == (None if first is None else START + first * DAY)
    assert found.tier == level(today if first is None else first)
