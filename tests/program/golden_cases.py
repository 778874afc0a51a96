"""The kinds of golden cases: what each asks of the rules, from what its file says. A case is of the kind whose key it has;
`name` and `worked`, the arithmetic by hand, are for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from token_service.errors import RewardUnavailable, TooLate
from token_service.program.challenges import purchase_counts
from token_service.program.earning import decide_purchase
from token_service.program.event_facts import EventFacts
from token_service.program.events import decide_event
from token_service.program.expiry import expires_at, extended, restored_until
from token_service.program.facts import PurchaseFacts
from token_service.program.memberships import bought, ids_at, membership_named
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.rewards import Whose, closed, find_reward, price, value_of
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import Qualification, standing_at
from token_service.program.voucher_ends import voucher_ends_at
from token_service.program.windows import award_due_at, check_not_too_late

from .golden_kinds import LATER_KINDS
from .golden_times import instant, moment, period, said

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def decided(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """What the rules say now, in the words of the case's `expected`."""
    (kind,) = KINDS.keys() & case.keys()
    return KINDS[kind](ruleset, case)


def _purchase(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    facts = PurchaseFacts.from_json(case["facts"])
    assert facts.to_json() == case["facts"]
    refunds = tuple(Refund.from_json(refund) for refund in case["refunds"])
    return {
        "award": decide_purchase(ruleset, facts).to_json(),
        "due_at": said(award_due_at(ruleset, facts.occurred_at)),
        "expires_at": said(expires_at(ruleset, facts.occurred_at)),
        "kept": [keep_after_refund(ruleset, facts, refunds[:count]).to_json() for count in range(1, len(refunds) + 1)],
    }


def _event(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    event = EventFacts.from_json(case["event"])
    assert event.to_json() == case["event"]
    return {"award": decide_event(ruleset, event).to_json()}


def _counted(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """What a purchase counts for in challenges: whole, and after each refund."""
    facts = PurchaseFacts.from_json(case["counted"])
    refunds = tuple(Refund.from_json(refund) for refund in case["refunds"])
    return [purchase_counts(ruleset, facts, refunds[:count]) for count in range(len(refunds) + 1)]


def _level(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    history = [Qualification(**{**entry, "at": moment(entry["at"])}) for entry in case["history"]]
    standing = standing_at(ruleset, history, instant(case["at"]))
    return {
        "tier": standing.tier,
        "figure": standing.figure,
        "next": standing.next_tier,
        "missing": standing.missing,
        "keeps_until": said(standing.keeps_until),
    }


def _buys(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """The period of a membership that is bought at an instant behind others."""
    asked = case["buys"]
    membership = membership_named(ruleset, asked["membership"])
    assert membership is not None
    periods = map(period, asked["periods"])
    return bought(ruleset, membership, periods, instant(asked["at"]), asked["paid"]).to_json()


def _holds(_ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """Which memberships are held by these periods, at each instant that is asked for."""
    periods = [period(one) for one in case["periods"]]
    return {at: list(ids_at(periods, instant(at))) for at in case["expected"]}


def _earned(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """When points expire that were earned at an instant, with the member's last activity."""
    asked = case["earned"]
    return said(expires_at(ruleset, instant(asked["at"]), moment(asked["last_activity"])))


def _active(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """When points expire that had a date, now that the member is active."""
    asked = case["active"]
    return said(extended(ruleset, moment(asked["until"]), instant(asked["at"])))


def _restored(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """When points expire that had a date and come back."""
    asked = case["restored"]
    return said(restored_until(ruleset, moment(asked["until"]), instant(asked["now"])))


def _recorded(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """Whether what happened may still be recorded."""
    asked = case["recorded"]
    try:
        check_not_too_late(ruleset, instant(asked["occurred_at"]), instant(asked["now"]))
    except TooLate:
        return False
    return True


def _reward(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """What a reward costs, what that is worth, and why such a member cannot have it."""
    asked = case["reward"]
    try:
        reward = find_reward(ruleset, asked["id"])
    except RewardUnavailable:
        return {"points": None, "value": None, "closed": None}
    had = {reward.id: [instant(at) for at in asked["had"]]}
    whose = Whose(asked["tier"], tuple(asked["memberships"]), tuple(asked.get("segments", ())), had)
    why_not, points = closed(ruleset, reward, whose, instant(asked["at"])), price(reward, whose.tier)
    return {
        "points": points,
        "value": value_of(ruleset, points),
        "closed": None if why_not is None else why_not.facts,
    }


def _ends(ruleset: Ruleset, case: Mapping[str, Any]) -> Any:
    """When a voucher for a reward ends that was bought at an instant, and what becomes of its points then."""
    asked = case["ends"]
    reward = find_reward(ruleset, asked["reward"])
    return {"ends_at": said(voucher_ends_at(ruleset, reward, instant(asked["at"]))), "on_expiry": reward.on_expiry}


KINDS: Mapping[str, Callable[[Ruleset, Mapping[str, Any]], Any]] = {
    "facts": _purchase,
    "event": _event,
    "counted": _counted,
    "history": _level,
    "buys": _buys,
    "periods": _holds,
    "earned": _earned,
    "active": _active,
    "restored": _restored,
    "recorded": _recorded,
    "reward": _reward,
    "ends": _ends,
    **LATER_KINDS,
}
