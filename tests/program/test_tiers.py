"""Levels: boundaries, windows, grace and steps; the walk over changes agrees with a model that looks at every day."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from token_service.program.refunds import LineRefund, Refund
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import Qualification, next_review_at, qualification, standing_at, tier_at

from .baskets import NOON, item, purchase, ruleset_of

LEVELS = [
    {"id": "bronze", "from": 0},
    {"id": "silver", "from": 300, "multiplier_percent": 125},
    {"id": "gold", "from": 1000, "multiplier_percent": 150, "benefits": ["free-shipping"]},
]
DAY = timedelta(days=1)


def tiered(**keys: Any) -> Ruleset:
    return ruleset_of(
        tiers={"qualify_by": "spend", "window": {"kind": "rolling", "period": "P30D"}, "levels": LEVELS, **keys}
    )


def spent(day: int, spend: int) -> Qualification:
    return Qualification(at=NOON + day * DAY, spend=spend, points=spend // 100, orders=1)


@pytest.mark.parametrize(
    ("spend", "tier"), [(0, "bronze"), (299, "bronze"), (300, "silver"), (999, "silver"), (1000, "gold")]
)
def test_number_7_a_level_is_reached_at_its_threshold(spend: int, tier: str) -> None:
    """erpnext #22167, #14930: wrong level at the boundary, level from zero never given."""
    assert tier_at(tiered(), [spent(0, spend)], NOON) == tier
    assert tier_at(tiered(), [], NOON) == "bronze"


def test_below_the_lowest_level_there_is_none() -> None:
    ruleset = tiered(levels=[{"id": "silver", "from": 300}])
    assert tier_at(ruleset, [], NOON) is None
    assert standing_at(ruleset, [spent(0, 299)], NOON).missing == 1
    assert tier_at(ruleset, [spent(0, 300)], NOON) == "silver"
    assert tier_at(ruleset, [spent(0, 300)], NOON + 30 * DAY) is None


def test_without_tiers_everyone_is_equal() -> None:
    standing = standing_at(ruleset_of(), [spent(0, 300)], NOON)
    assert (standing.tier, standing.multiplier_percent, standing.next_tier) == (None, 100, None)


def test_it_tells_the_distance_to_the_next_level() -> None:
    standing = standing_at(tiered(), [spent(0, 420)], NOON)
    assert (standing.tier, standing.figure, standing.next_tier, standing.missing) == ("silver", 420, "gold", 580)
    top = standing_at(tiered(), [spent(0, 1420)], NOON)
    assert (top.next_tier, top.missing, top.multiplier_percent, top.benefits) == (None, None, 150, ("free-shipping",))


def test_a_purchase_leaves_a_rolling_window_after_its_period() -> None:
    history = [spent(0, 1000)]
    assert tier_at(tiered(), history, NOON + 30 * DAY - timedelta(seconds=1)) == "gold"
    assert tier_at(tiered(), history, NOON + 30 * DAY) == "bronze"


def test_a_calendar_year_ends_at_local_midnight() -> None:
    ruleset = tiered(window={"kind": "calendar_year"})
    assert tier_at(ruleset, [spent(0, 1000)], datetime.fromisoformat("2026-12-31T23:59:59+01:00")) == "gold"
    assert tier_at(ruleset, [spent(0, 1000)], datetime.fromisoformat("2027-01-01T00:00:00+01:00")) == "bronze"


def test_a_lifetime_never_ends() -> None:
    assert tier_at(tiered(window={"kind": "lifetime"}), [spent(0, 1000)], NOON + 9999 * DAY) == "gold"


def test_grace_and_steps_lead_down_slowly() -> None:
    ruleset = tiered(downgrade={"after": "window", "grace": "P10D", "steps": 1})
    history = [spent(0, 1000)]
    days = {day: tier_at(ruleset, history, NOON + day * DAY) for day in (29, 30, 39, 40, 49, 50, 99)}
    assert days == {29: "gold", 30: "gold", 39: "gold", 40: "silver", 49: "silver", 50: "bronze", 99: "bronze"}
    assert standing_at(ruleset, history, NOON + 35 * DAY).keeps_until == NOON + 40 * DAY
    assert standing_at(ruleset, history, NOON + 45 * DAY).keeps_until == NOON + 50 * DAY
    assert standing_at(ruleset, history, NOON + 55 * DAY).keeps_until is None


def test_grace_without_steps_leads_down_at_once() -> None:
    ruleset = tiered(downgrade={"after": "window", "grace": "P10D"})
    assert tier_at(ruleset, [spent(0, 1000)], NOON + 40 * DAY - timedelta(seconds=1)) == "gold"
    assert tier_at(ruleset, [spent(0, 1000)], NOON + 40 * DAY) == "bronze"


@pytest.mark.parametrize("day", [35, 40])
def test_a_purchase_within_the_grace_saves_the_level(day: int) -> None:
    ruleset = tiered(downgrade={"after": "window", "grace": "P10D", "steps": 1})
    history = [spent(0, 1000), spent(day, 1000)]
    assert tier_at(ruleset, history, NOON + (day + 10) * DAY) == "gold"


def test_levels_may_never_go_down() -> None:
    ruleset = tiered(downgrade={"after": "never"})
    assert tier_at(ruleset, [spent(0, 1000)], NOON + 9999 * DAY) == "gold"


def test_what_lies_ahead_does_not_count() -> None:
    assert tier_at(tiered(), [spent(5, 1000)], NOON + 4 * DAY) == "bronze"


@pytest.mark.parametrize(("qualify_by", "figure"), [("spend", 1400), ("points", 12), ("orders", 1)])
def test_number_36_levels_may_count_spend_points_or_orders_net_of_refunds(qualify_by: str, figure: int) -> None:
    facts = purchase(items=(item(1, 1000), item(2, 900)))
    history = [qualification(facts, (Refund(500),), 12), qualification(purchase(700), (Refund(700),), 0)]
    assert standing_at(tiered(qualify_by=qualify_by), history, NOON).figure == figure


def test_a_refunded_purchase_never_carried_a_level() -> None:
    facts = purchase(items=(item(1, 2000),))
    assert tier_at(tiered(), [qualification(facts, (), 20)], NOON) == "gold"
    back = (Refund(0, (LineRefund(1, 1, 2000),)),)
    assert tier_at(tiered(), [qualification(facts, back, 0)], NOON) == "bronze"


DOWNGRADES = st.sampled_from(
    [
        None,
        {"after": "never"},
        {"after": "window"},
        {"after": "window", "grace": "P3D"},
        {"after": "window", "grace": "P3D", "steps": 1},
        {"after": "window", "grace": "P7D", "steps": 2},
    ]
)


def day_by_day(history: list[tuple[int, int]], downgrade: dict[str, Any] | None, until: int) -> str | None:
    """The level at the end of day `until`, found by looking at every day (window P30D, or for ever)."""
    names, thresholds = [level["id"] for level in LEVELS], [level["from"] for level in LEVELS]
    rule = downgrade or {"after": "window"}
    grace, held, below = int(rule.get("grace", "P0D")[1:-1]), 0, None
    for today in range(until + 1):
        figure = sum(spend for day, spend in history if day <= today < day + 30)
        carried = max(index for index, threshold in enumerate(thresholds) if figure >= threshold)
        if carried >= held:
            held, below = carried, None
            continue
        if rule["after"] == "never":
            continue
        below = today if below is None else below
        if today >= below + grace:
            held = max(carried, held - rule.get("steps", 9))
            below = today if held > carried else None
    return names[held]


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 700)), max_size=8), DOWNGRADES, st.integers(0, 140))
@settings(max_examples=800)
def test_it_agrees_with_looking_at_every_day(
    history: list[tuple[int, int]], downgrade: dict[str, Any] | None, until: int
) -> None:
    ruleset = tiered(**({"downgrade": downgrade} if downgrade else {}))
    utc = ruleset.model_copy(update={"program": ruleset.program.model_copy(update={"time_zone": "UTC"})})
    walked = tier_at(utc, [spent(day, spend) for day, spend in history], NOON + until * DAY)
    assert walked == day_by_day(history, downgrade, until)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 700)), max_size=8), st.integers(0, 60), st.integers(0, 500)
)
def test_spending_more_never_lowers_a_level(history: list[tuple[int, int]], day: int, spend: int) -> None:
    order = ["bronze", "silver", "gold"]
    before = [spent(*entry) for entry in history]
    at = NOON + 60 * DAY
    ruleset = tiered()
    assert order.index(tier_at(ruleset, [*before, spent(day, spend)], at)) >= order.index(tier_at(ruleset, before, at))


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 700)), max_size=8).flatmap(
        lambda h: st.tuples(st.just(h), st.permutations(h))
    )
)
def test_the_order_of_the_history_does_not_matter(
    histories: tuple[list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    one, other = ([spent(*entry) for entry in history] for history in histories)
    assert standing_at(tiered(), one, NOON + 60 * DAY) == standing_at(tiered(), other, NOON + 60 * DAY)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 700)), max_size=6), DOWNGRADES, st.integers(0, 120))
def test_no_level_changes_by_itself_before_its_next_review(
    history: list[tuple[int, int]], downgrade: dict[str, Any] | None, day: int
) -> None:
    ruleset = tiered(**({"downgrade": downgrade} if downgrade else {}))
    at = NOON + day * DAY
    past = [entry for entry in (spent(*pair) for pair in history) if entry.at <= at]
    review_at, tier = next_review_at(ruleset, past, at, standing_at(ruleset, past, at)), tier_at(ruleset, past, at)
    assert review_at is None or review_at > at
    last = NOON + 300 * DAY if review_at is None else review_at - timedelta(seconds=1)
    for later in (at + (last - at) * part / 7 for part in range(8)):
        assert tier_at(ruleset, past, later) == tier
