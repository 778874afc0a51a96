"""The excess of a limit is reduced or refused as declared (number 46 of the brief), and spending has limits of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput, LimitExceeded
from token_service.program.campaign_uses import points_used
from token_service.program.caps import CAPS
from token_service.program.earning import REFUSED_WHOLE, decide_purchase, is_refused_whole
from token_service.program.event_facts import EventFacts
from token_service.program.events import decide_event
from token_service.program.events import points_used as points_used_of_event
from token_service.program.facts import CampaignFacts, CapFacts, MemberFacts, local_time
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.rewards import Whose, check_redemption
from token_service.program.ruleset import check_ruleset
from token_service.program.spending_limits import Spent, most_within, spending_bound

from .baskets import purchase, ruleset_of

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LIMITS = ("per_order_points", "per_member_day_points", *CAPS)
KEYS = {"limits": {"per_order_points": 50, "per_member_day_points": 80, "over": {"per_order_points": "refuse"}}}
ALWAYS = [{"id": "ten", "award": {"points": 10}, "limits": {"per_member": {"times": 1}}}]


def test_the_excess_is_reduced_or_refused_as_declared_and_the_refusal_is_recorded() -> None:
    """Number 46 of the brief's list."""
    ruleset = ruleset_of(**KEYS)
    refused = decide_purchase(ruleset, purchase(total=5_100))
    assert refused.points == 0
    assert refused.breakdown[-1].rule == "limit:per_order_points"
    assert refused.breakdown[-1].why == "at most 50 points an order; more is refused, not reduced"
    assert refused.breakdown[-1].points == -51
    assert decide_purchase(ruleset, purchase(total=5_000)).points == 50
    reduced = decide_purchase(ruleset, purchase(total=5_000, day_points=50))
    assert (reduced.points, reduced.breakdown[-1].rule) == (30, "limit:per_member_day_points")


def test_a_refused_award_uses_nothing_of_a_campaign() -> None:
    ruleset = ruleset_of(campaigns=ALWAYS, **KEYS)
    facts = purchase(total=5_000, campaigns=(CampaignFacts("ten", 0, None),))
    assert points_used(facts, decide_purchase(ruleset, facts)) == {}
    assert points_used(facts, decide_purchase(ruleset, purchase(total=100, campaigns=facts.campaigns))) == {"ten": 10}


def test_an_event_is_refused_as_declared() -> None:
    rule = {
        "id": "review",
        "kind": "event",
        "event": "review.written",
        "points": 30,
        "limits": {"per_member": {"times": 1}},
    }
    limits = {"per_member_day_points": 40, "over": {"per_member_day_points": "refuse"}}
    ruleset = ruleset_of(earning=[rule], limits=limits)
    local = local_time(NOW, "Europe/Paris")
    facts = EventFacts(NOW, local, "review.written", None, "mer_1", MemberFacts(None, 0, 0, 20))
    award = decide_event(ruleset, facts)
    assert (award.points, is_refused_whole(award)) == (0, True)
    assert points_used_of_event(ruleset, facts, award) == {}


def test_a_refund_never_turns_a_refusal_into_points() -> None:
    facts = purchase(total=10_000)
    assert keep_after_refund(ruleset_of(**KEYS), facts, (Refund(amount=6_000),)).points == 0


@given(
    st.integers(0, 20_000),
    st.integers(0, 200),
    st.dictionaries(st.sampled_from(LIMITS), st.integers(1, 150)),
    st.sets(st.sampled_from(LIMITS)),
    st.integers(0, 150),
)
def test_no_limit_is_ever_passed_and_refusing_gives_all_or_nothing(
    total: int, before: int, limits: dict[str, int], refusing: set[str], left: int
) -> None:
    caps = tuple(CapFacts(name, left) for name in CAPS if name in limits)
    facts = purchase(total=total, day_points=before, store="sto_1", caps=caps)
    plain = decide_purchase(ruleset_of(limits=limits), facts)
    over = {"over": dict.fromkeys(sorted(refusing & limits.keys()), "refuse")}
    award = decide_purchase(ruleset_of(limits=limits | over), facts)
    assert 0 <= award.points <= plain.points
    assert award.points == sum(line.points for line in award.breakdown)
    rooms = [limits.get("per_order_points"), *(min(one.left, limits[one.limit]) for one in caps)]
    rooms.append(max(0, limits["per_member_day_points"] - before) if "per_member_day_points" in limits else None)
    assert all(room is None or award.points <= room for room in rooms)
    assert award == plain or (award.points == 0 and award.breakdown[-1].why.endswith(REFUSED_WHOLE))
    if refusing >= limits.keys():
        assert award.points in (0, total // 100)


@pytest.mark.parametrize(
    ("keys", "pointer"),
    [
        ({"limits": {"over": {"program_day_points": "refuse"}}}, "/limits/over/program_day_points"),
        ({"limits": {"over": {}}}, "/limits/over"),
        ({"limits": {"count_manual": True}}, "/limits/count_manual"),
        ({"limits": {"adjustment_points": 9, "adjustment_day_points": 8}}, "/limits/adjustment_day_points"),
        (
            {"limits": {"manual_issuance_points": 9, "manual_issuance_day_points": 8}},
            "/limits/manual_issuance_day_points",
        ),
        ({"redemption": {}}, "/redemption"),
        ({"redemption": {"min_points": 150, "step_points": 100}}, "/redemption/min_points"),
        ({"redemption": {"min_points": 200, "max_points": 100}}, "/redemption/max_points"),
        ({"redemption": {"step_points": 200, "max_points": 100}}, "/redemption/max_points"),
        ({"redemption": {"max_points": 200, "per_member_day_points": 100}}, "/redemption/max_points"),
        ({"redemption": {"min_points": 200, "per_member_day_points": 100}}, "/redemption/per_member_day_points"),
        (
            {"redemption": {"per_member_day_points": 100}, "rewards": [{"id": "box", "kind": "gift", "points": 101}]},
            "/rewards/0/points",
        ),
    ],
)
def test_check_says_where_limits_contradict_themselves(keys: dict[str, Any], pointer: str) -> None:
    assert [place.pointer for place in check_ruleset(ruleset_of(**keys))] == [pointer]


def test_only_reduce_and_refuse_are_known() -> None:
    with pytest.raises(InvalidInput):
        ruleset_of(limits={"per_order_points": 1, "over": {"per_order_points": "ignore"}})


BOUND = {"min_points": 100, "max_points": 350, "step_points": 50, "per_member_day_points": 400, "cool_down": "PT1H"}


def spend(points: int | None, *spent: Spent, at: datetime = NOW, **more: Any) -> int:
    ruleset = ruleset_of(redemption=BOUND, rewards=[{"id": "pen", "kind": "gift", "points": 30}])
    asked = {"points": points, "reward_id": None, "available": 10_000, "whose": Whose(None, spent=spent), "at": at}
    return check_redemption(ruleset, **{**asked, **more})


@pytest.mark.parametrize(
    ("points", "spent", "facts"),
    [
        (50, (), {"reason": "too_few", "key": "redemption.min_points", "limit": 100, "missing_points": 50}),
        (120, (), {"reason": "no_step", "key": "redemption.step_points", "limit": 50, "missing_points": 30}),
        (450, (), {"reason": "too_many", "key": "redemption.max_points", "limit": 350, "excess_points": 100}),
        (
            250,
            (Spent(NOW - timedelta(hours=2), 200),),
            {
                "reason": "day_spent",
                "key": "redemption.per_member_day_points",
                "limit": 400,
                "remaining": 200,
                "possible_at": "2026-11-28T23:00:00+00:00",  # midnight in Paris
            },
        ),
        (
            100,
            (Spent(NOW - timedelta(minutes=59), 1),),
            {
                "reason": "too_soon",
                "key": "redemption.cool_down",
                "limit": "PT1H",
                "possible_at": "2026-11-28T12:01:00+00:00",
            },
        ),
    ],
)
def test_a_refusal_says_what_is_missing_or_when(
    points: int, spent: tuple[Spent, ...], facts: dict[str, object]
) -> None:
    with pytest.raises(LimitExceeded) as refused:
        spend(points, *spent)
    assert refused.value.facts == facts


def test_what_is_within_the_limits_is_spent() -> None:
    hours = timedelta(hours=1)
    assert spend(200, Spent(NOW - hours, 200)) == 200
    assert spend(350, Spent(NOW - 14 * hours, 400)) == 350  # yesterday in Paris
    assert spend(100, Spent(NOW, 0)) == 100  # it came back


def test_a_reward_has_its_own_price_but_comes_under_the_day() -> None:
    assert spend(None, reward_id="pen") == 30
    with pytest.raises(LimitExceeded):
        spend(None, Spent(NOW - timedelta(hours=2), 380), reward_id="pen")


@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 500)), max_size=12))
def test_a_day_never_holds_more_than_it_may(asked: list[tuple[int, int]]) -> None:
    ruleset, spent = ruleset_of(redemption=BOUND), list[Spent]()
    for minutes, points in sorted(asked):
        at = NOW + timedelta(minutes=minutes)
        if points and spending_bound(ruleset, points, is_amount=True, spent=spent, at=at) is None:
            spent.append(Spent(at, points))
    days: dict[str, int] = {}
    for one in spent:
        date = local_time(one.at, "Europe/Paris").date
        days[date] = days.get(date, 0) + one.points
    assert all(points <= 400 for points in days.values())
    assert all(later.at - sooner.at >= timedelta(hours=1) for sooner, later in pairwise(spent))


@given(st.integers(0, 1_000), st.integers(0, 500))
def test_the_most_that_may_be_spent_is_allowed_and_no_step_more_is(points: int, spent: int) -> None:
    ruleset = ruleset_of(redemption=BOUND)
    before = [Spent(NOW - timedelta(hours=2), spent)]
    most = most_within(ruleset, points, spent=before, at=NOW)
    allowed = [
        one for one in range(1, points + 1) if not spending_bound(ruleset, one, is_amount=True, spent=before, at=NOW)
    ]
    assert most == max(allowed, default=0)
