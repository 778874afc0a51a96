"""What keeps a level may be less than what it takes to reach it; and a window holds each measure for itself."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from token_service.program.benefits import Holder, benefit_of
from token_service.program.facts import MemberFacts, local_time
from token_service.program.ruleset import Ruleset, canonical_json, parse_ruleset
from token_service.program.tier_outlook import Downgrade, downgrade_ahead
from token_service.program.tiers import Measures, Qualification, measures_at, standing_at, tier_at

from .baskets import NOON, ruleset_of

DAY = timedelta(days=1)
NAMES = ["bronze", "silver", "gold"]
FROM = [0, 300, 1000]
HISTORIES = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 700)), max_size=9)
KEEPS = st.tuples(st.just(None), st.none() | st.integers(0, 300), st.none() | st.integers(0, 1000))
DOWNGRADES = st.sampled_from(
    [
        None,
        {"after": "window"},
        {"after": "window", "grace": "P3D"},
        {"after": "window", "grace": "P3D", "steps": 1},
        {"after": "window", "grace": "P7D", "steps": 2},
    ]
)


def kept(keeps: tuple[int | None, ...], downgrade: dict[str, Any] | None = None, qualify_by: str = "spend") -> Ruleset:
    levels = [
        {"id": name, "from": least} | ({} if keep is None else {"keep": keep})
        for name, least, keep in zip(NAMES, FROM, keeps, strict=True)
    ]
    tiers = {"qualify_by": qualify_by, "window": {"kind": "rolling", "period": "P30D"}, "levels": levels}
    made = ruleset_of(tiers=tiers | ({"downgrade": downgrade} if downgrade else {}))
    return made.model_copy(update={"program": made.program.model_copy(update={"time_zone": "UTC"})})


def spent(day: int, spend: int) -> Qualification:
    return Qualification(at=NOON + day * DAY, spend=spend, points=spend // 100, orders=1)


def rank(ruleset: Ruleset, history: list[tuple[int, int]], day: int) -> int:
    return NAMES.index(tier_at(ruleset, [spent(*entry) for entry in history], NOON + day * DAY) or "bronze")


def figure(history: list[tuple[int, int]], today: int) -> int:
    return sum(spend for day, spend in history if day <= today < day + 30)


def test_entry_keep_and_downgrade_policies() -> None:
    """Issue 5: "entry, keep and downgrade policies with grace and one-step-down"."""
    ruleset = kept((None, 200, 800), {"after": "window", "grace": "P5D", "steps": 1})
    history = [(0, 200), (10, 800)]
    assert [rank(ruleset, history, day) for day in (0, 10)] == [0, 2]  # 200 keeps silver and does not reach it
    assert rank(ruleset, history, 39) == 2  # from day 30 on 800 are left, which keep gold
    assert [rank(ruleset, history, day) for day in (40, 44, 45, 49, 50)] == [2, 2, 1, 1, 0]


def test_who_falls_from_a_level_keeps_the_one_below_at_its_own_figure() -> None:
    history = [(0, 800), (10, 250)]
    assert [rank(kept((None, 200, 900)), history, day) for day in (10, 29, 30, 40)] == [2, 2, 1, 0]
    assert rank(kept((None, None, 900)), history, 30) == 0


def test_what_keeps_a_level_saves_it_within_the_grace() -> None:
    ruleset = kept((None, None, 500), {"after": "window", "grace": "P5D"})
    assert rank(ruleset, [(0, 1000), (34, 499)], 36) == 1
    assert rank(ruleset, [(0, 1000), (34, 500)], 36) == 2


def test_the_notice_asks_for_what_keeps_the_level() -> None:
    history = [spent(0, 700), spent(5, 400)]
    ahead = downgrade_ahead(kept((None, 100, 600)), history, NOON + 6 * DAY)
    assert ahead == Downgrade("silver", NOON + 30 * DAY, 200)


def test_a_purchase_that_came_back_whole_has_reached_nothing_to_keep() -> None:
    returned = Qualification(at=NOON, spend=0, points=0, orders=0)
    assert tier_at(kept((None, 100, 200)), [returned, spent(1, 250)], NOON + DAY) == "bronze"


def test_a_key_that_is_left_out_changes_no_document() -> None:
    ruleset = kept((None, None, None))
    assert "keep" not in canonical_json(ruleset)
    assert parse_ruleset(canonical_json(ruleset)) == parse_ruleset(canonical_json(kept((None, None, None))))


@given(HISTORIES, DOWNGRADES, st.integers(0, 140))
def test_to_keep_at_the_threshold_changes_nothing(
    history: list[tuple[int, int]], downgrade: dict[str, Any] | None, day: int
) -> None:
    entries, at = [spent(*entry) for entry in history], NOON + day * DAY
    without, same = kept((None, None, None), downgrade), kept((0, 300, 1000), downgrade)
    assert standing_at(same, entries, at) == standing_at(without, entries, at)
    assert downgrade_ahead(same, entries, at) == downgrade_ahead(without, entries, at)


@given(HISTORIES, KEEPS, DOWNGRADES)
@settings(max_examples=150)
def test_no_level_is_lost_at_its_keep_nor_reached_below_its_threshold(
    history: list[tuple[int, int]], keeps: tuple[int | None, ...], downgrade: dict[str, Any] | None
) -> None:
    ruleset, before = kept(keeps, downgrade), 0
    for today in range(0, 140, 1):
        now, holds = rank(ruleset, history, today), figure(history, today)
        if now > before:
            assert holds >= FROM[now]
        if now < before:
            keep = keeps[before]
            assert holds < (FROM[before] if keep is None else keep)
        before = now


def day_by_day(
    history: list[tuple[int, int]], keeps: tuple[int | None, ...], downgrade: dict[str, Any] | None, until: int
) -> int:
    """The level at the end of day `until`, found by looking at every day."""
    rule = downgrade or {"after": "window"}
    grace, held, below = int(rule.get("grace", "P0D")[1:-1]), 0, None
    for today in range(until + 1):
        holds = figure(history, today)
        least = [(FROM[index] if keep is None or index > held else keep) for index, keep in enumerate(keeps)]
        carried = max(index for index, needed in enumerate(least) if holds >= needed)
        if carried >= held:
            held, below = carried, None
            continue
        below = today if below is None else below
        if today >= below + grace:
            held = max(carried, held - rule.get("steps", 9))
            below = today if held > carried else None
    return held


@given(HISTORIES, KEEPS, DOWNGRADES, st.integers(0, 140))
@settings(max_examples=500)
def test_it_agrees_with_looking_at_every_day_for_what_is_kept(
    history: list[tuple[int, int]], keeps: tuple[int | None, ...], downgrade: dict[str, Any] | None, until: int
) -> None:
    assert rank(kept(keeps, downgrade), history, until) == day_by_day(history, keeps, downgrade, until)


@given(HISTORIES, KEEPS, DOWNGRADES, st.integers(0, 90), st.integers(0, 500))
def test_spending_more_never_lowers_a_level_that_is_kept(
    history: list[tuple[int, int]],
    keeps: tuple[int | None, ...],
    downgrade: dict[str, Any] | None,
    day: int,
    spend: int,
) -> None:
    ruleset = kept(keeps, downgrade)
    assert rank(ruleset, [*history, (day, spend)], 90) >= rank(ruleset, history, 90)


@pytest.mark.parametrize("by", ["spend", "points", "orders", "engagement"])
def test_number_36_each_measure_is_reported_separately(by: str) -> None:
    """Loyalty-systems 36: "Tier qualification may use points, spend, orders or engagement, each reported separately"."""
    review = Qualification(at=NOON + 20 * DAY, spend=0, points=15, orders=0, engagement=1)
    history = [spent(0, 700), spent(10, 400), review, spent(60, 900)]
    ruleset, at = kept((None, None, None), qualify_by=by), NOON + 30 * DAY
    held = measures_at(ruleset, history, at)
    assert held == Measures(spend=400, points=4 + 15, orders=1, engagement=1)
    assert getattr(held, by) == standing_at(ruleset, history, at).figure


@given(HISTORIES, st.sampled_from(["spend", "points", "orders"]), st.integers(0, 140))
def test_the_measure_that_decides_is_the_figure(history: list[tuple[int, int]], by: str, day: int) -> None:
    entries, at = [spent(*entry) for entry in history], NOON + day * DAY
    ruleset = kept((None, None, None), qualify_by=by)
    assert getattr(measures_at(ruleset, entries, at), by) == standing_at(ruleset, entries, at).figure


def test_a_benefit_of_a_lower_level_is_not_ahead_of_who_keeps_a_higher_one_with_little() -> None:
    """100 would be missing to silver, which is behind a gold member all the same."""
    levels = [
        {"id": "bronze", "from": 0},
        {"id": "silver", "from": 300, "benefits": ["newsletter"]},
        {"id": "gold", "from": 1000, "keep": 200},
    ]
    ruleset = ruleset_of(
        tiers={"qualify_by": "spend", "window": {"kind": "rolling", "period": "P30D"}, "levels": levels}
    )
    at = NOON + 30 * DAY
    standing = standing_at(ruleset, [spent(0, 1000), spent(10, 200)], at)
    assert (standing.tier, standing.figure) == ("gold", 200)
    member = MemberFacts(standing.tier, 100, 3, 0, (), None, ())
    holder = Holder(at, local_time(at, "Europe/Paris"), member, standing, (), {})
    found = benefit_of(ruleset, holder, "newsletter")
    assert (found.is_granted, found.needs_tier, found.missing) == (False, None, None)
