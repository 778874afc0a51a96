"""Kinds of golden cases that came with later keys: orders of rewards, what is spent, given by hand, used, visited, scheduled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from token_service.errors import ApprovalNeeded, InsufficientBalance, LimitExceeded, Refused, RewardUnavailable
from token_service.program.award_expiry import dated_points
from token_service.program.benefit_grants import Holder
from token_service.program.benefits import decide_use
from token_service.program.birthdays import anniversaries_on
from token_service.program.caps import Budget
from token_service.program.donations import Given, check_donation, given_value
from token_service.program.earning import Line
from token_service.program.facts import ItemFacts, MemberFacts, PurchaseFacts, VisitFacts, local_time
from token_service.program.manual import ByHand, check_adjusted_alone, check_issued_by_hand, held_alone, held_by_hand
from token_service.program.memberships import ids_at
from token_service.program.reward_orders import Order, fit
from token_service.program.rewards import Whose, check_redemption, find_reward
from token_service.program.ruleset import Ruleset
from token_service.program.schedules import next_turn, turns_on
from token_service.program.spending_limits import Spent, most_within
from token_service.program.tiers import Standing
from token_service.program.visits import Visited, visit_of
from token_service.program.windows import award_due_at, wait_of

from .golden_times import instant, moment, period, said


def _used_for(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """Whether a reward may be used for an order, and what it takes off."""
    asked = case["used_for"]
    order = None if asked["order"] is None else _order(asked["order"])
    try:
        found = fit(find_reward(ruleset, asked["reward"]), order)
    except RewardUnavailable as refused:
        return {"refused": refused.facts}
    return None if found is None else {"counted": found.counted, "discount": found.discount}


def _order(asked: Mapping[str, Any]) -> Order:
    lines = (
        ItemFacts(number, one["sku"], one["category"], 1, one["amount"])
        for number, one in enumerate(asked["items"], start=1)
    )
    return Order(asked["total"], tuple(lines))


def _spends(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """Points that a redemption takes, or why it cannot be made; and the most that may be spent as an amount."""
    asked = case["spends"]
    before = tuple(Spent(instant(one["at"]), one["points"]) for one in asked["spent"])
    at, available = instant(asked["at"]), asked["available"]
    answer = {"most": most_within(ruleset, available, spent=before, at=at)}
    try:
        takes = check_redemption(
            ruleset,
            points=asked.get("points"),
            reward_id=asked.get("reward"),
            available=available,
            whose=Whose(None, spent=before),
            at=at,
        )
    except LimitExceeded as refused:
        return answer | {"refused": refused.facts}
    return answer | {"takes": takes}


def _issued(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """Whether so many points may be issued by hand, and what they hold of each day when `kept` were not taken back."""
    asked = case["issued"]
    given = ByHand(asked["merchant"], asked["date"], asked["actor"], asked["points"])
    try:
        check_issued_by_hand(ruleset, given, day_points=asked["day_points"], left=_left(asked["left"]))
    except LimitExceeded as refused:
        return {"refused": refused.facts}
    return {"holds": held_by_hand(ruleset, given, asked["kept"])}


def _adjusted(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """Whether somebody may adjust by so many points alone, and what they hold of that person's day."""
    asked = case["adjusted"]
    points, whose = asked["points"], {"date": asked["date"], "actor": asked["actor"]}
    try:
        check_adjusted_alone(ruleset, points, **whose, left=_left(asked["left"]))
    except ApprovalNeeded as refused:
        return {"refused": refused.facts}
    return {"holds": held_alone(ruleset, points, **whose)}


def _left(told: Mapping[str, int]) -> Callable[[Budget], int]:
    """What is left of a budget; all of it where the case does not say."""
    return lambda budget: told.get(budget.id, budget.points)


def _uses(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """What lets a member use a benefit, and what is left behind that; or why it cannot be used."""
    asked = case["uses"]
    at, periods = instant(asked["at"]), tuple(period(one) for one in asked["periods"])
    local = local_time(at, ruleset.program.time_zone)
    member = MemberFacts(asked["tier"], asked["age_days"], 0, 0, ids_at(periods, at), None, tuple(asked["segments"]))
    standing = Standing(asked["tier"], 100, (), asked["figure"], None, None, None)
    earlier = {asked["benefit"]: [instant(one) for one in asked["used"]]}
    try:
        return decide_use(ruleset, Holder(at, local, member, standing, periods, earlier), asked["benefit"]).to_json()
    except Refused as refused:
        facts = dict(refused.facts)
        if "next_at" in facts:
            facts["next_at"] = said(facts["next_at"])
        return {"refused": refused.code, **facts}


def _comes(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """Which visit a purchase is, among the member's others."""
    asked = case["comes"]
    zone, at = ruleset.program.time_zone, instant(asked["at"])
    visited = [
        Visited(then, local_time(then, zone).date, VisitFacts(one["number"], one["receipt"]), one["is_kept"])
        for one in asked["visited"]
        for then in (instant(one["at"]),)
    ]
    visit = visit_of(ruleset, None, visited, at, local_time(at, zone))
    return {"number": visit.number, "receipt": visit.receipt}


def _given_on(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """The periods that schedules give on a day, and the next one of each."""
    day = date.fromisoformat(case["given_on"])
    ahead = {one.id: next_turn(one, day) for one in ruleset.schedules}
    return {
        "given": [turn.subject for turn in turns_on(ruleset, day)],
        "next": {name: None if turn is None else turn.first_day.isoformat() for name, turn in ahead.items()},
    }


def _enrolled(_ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """The years whose anniversary of the enrolment is celebrated, by day."""
    joined = date.fromisoformat(case["enrolled"])
    return {day: sorted(anniversaries_on(joined, date.fromisoformat(day))) for day in case["expected"]}


def _parts(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """How many points of an award, of which so many are left, expire when; and which dates no activity moves."""
    asked = case["parts"]
    found = dated_points(
        ruleset,
        [Line(rule, points, "") for rule, points in asked["lines"]],
        asked["left"],
        of_purchase=asked["purchase"],
        occurred_at=instant(asked["at"]),
        last_activity=moment(asked["last_activity"]),
    )
    return [[one.points, said(one.expires_at), one.keeps_date] for one in found]


def _gives(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """What points are worth that somebody gives to a cause; or why they cannot be given."""
    asked = case["gives"]
    given = Given(asked["points"], asked["cause"], is_amount=asked["is_amount"])
    before = tuple(Spent(instant(one["at"]), one["points"]) for one in asked["before"])
    try:
        check_donation(ruleset, given, available=asked["available"], before=before, at=instant(asked["at"]))
    except (LimitExceeded, InsufficientBalance) as refused:
        return {"refused": refused.facts}
    return {"value": given_value(ruleset, asked["points"])}


def _waits(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """What the award of a purchase waits for; when it is issued after a delivery."""
    asked = case["waits"]
    facts = PurchaseFacts.from_json(case["purchase"])
    wait = wait_of(ruleset, facts)
    delivered = None if asked["delivered"] is None else award_due_at(ruleset, instant(asked["delivered"]))
    return {
        "due_at": said(wait.due_at),
        "delivery_by": said(wait.delivery_by),
        "lapses": wait.lapses,
        "delivered_due_at": said(delivered),
    }


LATER_KINDS: Final[Mapping[str, Callable[[Ruleset, Mapping[str, Any]], Any]]] = {
    "waits": _waits,
    "used_for": _used_for,
    "spends": _spends,
    "issued": _issued,
    "adjusted": _adjusted,
    "uses": _uses,
    "comes": _comes,
    "given_on": _given_on,
    "enrolled": _enrolled,
    "gives": _gives,
    "parts": _parts,
}
