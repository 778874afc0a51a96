"""Who may have a reward, and when (reference/loyalty-systems.md numbers 11 and 12; the rules of prices are in test_expiry.py)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from token_service.errors import InsufficientBalance, InvalidInput, RewardUnavailable
from token_service.program.rewards import Whose, check_redemption, closed
from token_service.program.ruleset import Ruleset, check_ruleset

from .baskets import ruleset_of

TIERS = {
    "qualify_by": "spend",
    "window": {"kind": "lifetime"},
    "levels": [{"id": "bronze", "from": 0}, {"id": "silver", "from": 100}, {"id": "gold", "from": 200}],
}
SALE: dict[str, Any] = {"from": "2026-12-01", "until": "2026-12-24", "early_days": {"gold": 3}}


def with_reward(**more: Any) -> Ruleset:
    return ruleset_of(tiers=TIERS, rewards=[{"id": "box", "kind": "gift", "points": 100, **more}])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def why_not(ruleset: Ruleset, tier: str | None, when: str) -> str | None:
    found = closed(ruleset, ruleset.rewards[0], Whose(tier), at(when))
    return None if found is None else found.reason


@pytest.mark.parametrize(
    ("tier", "when", "reason"),
    [
        ("bronze", "2026-11-30 22:59", "not_yet_open"),  # 23:59 in Paris
        ("bronze", "2026-11-30 23:00", None),
        ("gold", "2026-11-27 22:59", "not_yet_open"),
        ("gold", "2026-11-27 23:00", None),
        (None, "2026-12-24 22:59", None),
        ("gold", "2026-12-24 23:00", "over"),
    ],
)
def test_number_11_a_reward_bound_to_a_date_range_is_refused_outside_it_with_a_reason(
    tier: str | None, when: str, reason: str | None
) -> None:
    assert why_not(with_reward(**SALE), tier, when) == reason


def test_number_12_opens_at_is_offset_per_tier_and_others_get_not_yet_open_with_their_own_opening_time() -> None:
    ruleset = with_reward(**SALE)
    for tier, opens in (("silver", "2026-11-30T23:00:00+00:00"), ("gold", "2026-11-27T23:00:00+00:00")):
        with pytest.raises(RewardUnavailable) as refused:
            check_redemption(
                ruleset, points=None, reward_id="box", available=500, whose=Whose(tier), at=at("2026-11-01 12:00")
            )
        assert refused.value.facts["reason"] == "not_yet_open"
        assert datetime.fromisoformat(str(refused.value.facts["opens_at"])) == datetime.fromisoformat(opens)


def test_a_reward_of_some_levels_is_refused_to_others_and_names_them() -> None:
    ruleset = with_reward(levels=["silver", "gold"])
    given = {"points": None, "reward_id": "box", "at": at("2026-12-01 12:00")}
    assert check_redemption(ruleset, available=100, whose=Whose("gold"), **given) == 100
    for tier in ("bronze", None):
        with pytest.raises(RewardUnavailable) as refused:
            check_redemption(ruleset, available=100, whose=Whose(tier), **given)
        assert refused.value.facts == {"reason": "level_needed", "levels": ["silver", "gold"]}


def test_being_closed_is_said_before_points_that_are_missing() -> None:
    ruleset = with_reward(until="2026-12-24")
    given = {"points": None, "reward_id": "box", "available": 1, "whose": Whose(None)}
    with pytest.raises(RewardUnavailable) as refused:
        check_redemption(ruleset, at=at("2026-12-25 12:00"), **given)
    assert refused.value.facts == {"reason": "over", "until": "2026-12-24"}
    with pytest.raises(InsufficientBalance):
        check_redemption(ruleset, at=at("2026-12-24 12:00"), **given)


def test_points_alone_have_no_dates() -> None:
    ruleset = with_reward(**SALE)
    assert (
        check_redemption(ruleset, points=7, reward_id=None, available=7, whose=Whose(None), at=at("2020-01-01 12:00"))
        == 7
    )


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"from": "2026-12-02", "until": "2026-12-01"}, "/rewards/0/until"),
        ({"levels": ["platinum"]}, "/rewards/0/levels/0"),
        ({"early_days": {"gold": 3}}, "/rewards/0/early_days"),
        ({"from": "2026-12-01", "early_days": {"platinum": 3}}, "/rewards/0/early_days/platinum"),
        ({"from": "2026-12-01", "levels": ["silver"], "early_days": {"gold": 3}}, "/rewards/0/early_days/gold"),
    ],
)
def test_contradictions_are_named_with_their_place(more: dict[str, Any], pointer: str) -> None:
    assert [place.pointer for place in check_ruleset(with_reward(**more))] == [pointer]
    assert check_ruleset(with_reward(**SALE)) == []
    assert with_reward(**SALE).rewards[0].starts == date(2026, 12, 1)


def test_a_level_has_its_own_price_and_missing_points_are_counted_by_it() -> None:
    ruleset = with_reward(points_by_level={"gold": 60, "bronze": 120})
    given = {"points": None, "reward_id": "box", "at": at("2026-12-01 12:00")}
    for tier, points in (("gold", 60), ("silver", 100), ("bronze", 120), (None, 100)):
        assert check_redemption(ruleset, available=120, whose=Whose(tier), **given) == points
    with pytest.raises(InsufficientBalance) as refused:
        check_redemption(ruleset, available=50, whose=Whose("gold"), **given)
    assert refused.value.facts == {"available": 50, "missing_points": 10}


SEGMENTS = [{"id": "students"}, {"id": "press"}]


@pytest.mark.parametrize(
    ("whose", "is_open"),
    [
        (Whose("bronze"), False),
        (Whose("gold"), True),
        (Whose(None, segments=("students",)), True),
        (Whose("bronze", segments=("press",)), False),
        (Whose("students", memberships=("students",)), False),  # ids of other things mean nothing here
    ],
)
def test_a_segment_is_one_way_in_beside_levels(whose: Whose, is_open: bool) -> None:
    reward = {"id": "box", "kind": "gift", "points": 100, "levels": ["gold"], "segments": ["students"]}
    ruleset = ruleset_of(tiers=TIERS, segments=SEGMENTS, rewards=[reward])
    assert (closed(ruleset, ruleset.rewards[0], whose, at("2026-12-01 12:00")) is None) is is_open


def test_a_reward_of_a_segment_alone_names_it_to_others() -> None:
    ruleset = ruleset_of(
        segments=SEGMENTS, rewards=[{"id": "box", "kind": "gift", "points": 1, "segments": ["students"]}]
    )
    found = closed(ruleset, ruleset.rewards[0], Whose("gold", segments=("press",)), at("2026-12-01 12:00"))
    assert found is not None
    assert found.facts == {"reason": "segment_needed", "segments": ["students"]}


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"points_by_level": {"platinum": 3}}, "/rewards/0/points_by_level/platinum"),
        ({"levels": ["gold"], "points_by_level": {"silver": 3}}, "/rewards/0/points_by_level/silver"),
        ({"segments": ["students"]}, "/rewards/0/segments/0"),
        ({"discount": {"amount": 500}}, "/rewards/0/discount"),
        ({"kind": "discount", "discount": {}}, "/rewards/0/discount"),
        ({"kind": "discount", "discount": {"amount": 500, "percent": 10}}, "/rewards/0/discount"),
        ({"kind": "discount", "discount": {"amount": 500, "up_to": 2}}, "/rewards/0/discount/up_to"),
    ],
)
def test_prices_segments_and_discounts_that_contradict_themselves_are_named_with_their_place(
    more: dict[str, Any], pointer: str
) -> None:
    assert [place.pointer for place in check_ruleset(with_reward(**more))] == [pointer]


def test_a_level_that_may_have_it_with_a_membership_too_has_a_price() -> None:
    more = {"levels": ["gold"], "memberships": ["club"], "points_by_level": {"silver": 3}}
    ruleset = ruleset_of(
        tiers=TIERS,
        memberships=[{"id": "club", "price": 1, "period": "P1M"}],
        rewards=[{"id": "box", "kind": "gift", "points": 100, **more}],
    )
    assert check_ruleset(ruleset) == []


@pytest.mark.parametrize("wrong", [{"percent": 0}, {"percent": 101}, {"amount": 0}, {"amount": 5, "of": 2}])
def test_a_discount_is_a_positive_amount_or_a_percentage(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        with_reward(kind="discount", discount=wrong)


def test_a_reward_that_one_level_may_afford_in_a_day_is_fit_to_publish() -> None:
    """The dearest price may exceed `redemption.per_member_day_points`, as long as somebody can have the reward."""
    box = {"id": "box", "kind": "gift", "points": 100, "points_by_level": {"gold": 60}}
    rules = {"tiers": TIERS, "rewards": [box]}
    assert check_ruleset(ruleset_of(**rules, redemption={"per_member_day_points": 60})) == []
    (place,) = check_ruleset(ruleset_of(**rules, redemption={"per_member_day_points": 59}))
    assert place.pointer == "/rewards/0/points"
