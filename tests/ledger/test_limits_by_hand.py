"""Points given by hand come under the day's limits, and splitting does not evade the second person (number 46 of the brief)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import ApprovalNeeded, CallerError, LimitExceeded
from token_service.ledger.adjustments import adjust
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewAdjustment, NewIssuance, NewReversal
from token_service.ledger.issuances import issue, reverse_issuance
from token_service.ledger.proposals import approve_proposal, propose_adjustment
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.program.ruleset import parse_ruleset

CAPPED = "per_member_day_points: 50, per_merchant_day_points: 50, program_day_points: 50"
COUNTED = f"{{{CAPPED}, count_manual: true}}"


def give(town: Town, member: str, points: int, actor: Actor | None = None) -> str:
    new = NewIssuance(town.reference(), member, points, "sorry for the wait")
    return issue(town.context, actor or town.alice, new).value.id


def test_caps_per_transaction_member_and_merchant_day_hold_for_issuances_too(make: Make) -> None:
    """Number 46 of the brief's list: caps per transaction, member/day, merchant/day."""
    town = make(rules(limits=COUNTED))
    member = town.member()
    give(town, member, 30)
    with pytest.raises(LimitExceeded) as refused:
        give(town, member, 21)
    assert refused.value.facts == {"key": "limits.per_member_day_points", "limit": 50, "remaining": 20}
    bought = town.buy(member, 10_000).value
    assert bought.points == 20
    with pytest.raises(LimitExceeded):
        give(town, member, 1)
    town.clock.forward(DAY)
    give(town, member, 50)
    town.check()


def test_a_merchants_day_refuses_an_issuance_to_somebody_else(make: Make) -> None:
    town = make(rules(limits=COUNTED))
    give(town, town.member(), 40)
    with pytest.raises(LimitExceeded) as refused:
        give(town, town.member(), 20)
    assert refused.value.facts == {"key": "limits.per_merchant_day_points", "limit": 50, "remaining": 10}
    with pytest.raises(LimitExceeded) as refused:
        give(town, town.member(actor=town.charlie), 20, town.charlie)
    assert refused.value.facts["key"] == "limits.program_day_points"
    town.check()


def test_an_issuance_that_is_taken_back_makes_room_again(make: Make) -> None:
    town = make(rules(limits=COUNTED))
    member = town.member()
    given = give(town, member, 50)
    reverse_issuance(town.context, town.alice, given, NewReversal(town.reference(), points=20, reason="half"))
    town.check()
    give(town, member, 20)
    with pytest.raises(LimitExceeded):
        give(town, member, 1)
    reverse_issuance(town.context, town.alice, given, NewReversal(town.reference(), reason="the rest"))
    assert town.buy(member, 10_000).value.points == 30
    town.check()


def test_old_rules_decide_purchases_as_they_did(make: Make) -> None:
    town = make(rules(limits=f"{{{CAPPED}}}"))
    member = town.member()
    give(town, member, 500)
    assert town.buy(member, 10_000).value.points == 50
    town.check()


def test_nobody_issues_more_in_a_day_than_one_may(make: Make) -> None:
    town = make(rules(limits="{manual_issuance_day_points: 100}"))
    given = give(town, town.member(), 60)
    with pytest.raises(LimitExceeded) as refused:
        give(town, town.member(), 41)
    assert refused.value.facts == {"key": "limits.manual_issuance_day_points", "limit": 100, "remaining": 40}
    give(town, town.member(), 40, replace(town.alice, name="another key"))
    reverse_issuance(town.context, town.alice, given, NewReversal(town.reference(), reason="wrong card"))
    with pytest.raises(LimitExceeded):
        give(town, town.member(), 41)
    town.clock.forward(DAY)
    give(town, town.member(), 100)
    town.check()


def put_right(town: Town, member: str, points: int, actor: Actor = ADMIN) -> None:
    adjust(town.context, actor, NewAdjustment(town.reference(), member, points, "lost receipts"))


def test_adjustments_above_a_limit_need_a_second_approver_also_in_parts(make: Make) -> None:
    """Issue 5: adjustments above a limit need a second approver. Up and down both count, of all members together."""
    town = make(rules(limits="{adjustment_points: 100, adjustment_day_points: 250}"))
    member, other = town.member(), town.member()
    put_right(town, member, 100)
    put_right(town, member, -50)
    put_right(town, other, 100)
    with pytest.raises(ApprovalNeeded) as refused:
        put_right(town, other, 1)
    assert refused.value.facts == {"key": "limits.adjustment_day_points", "limit": 250, "remaining": 0}
    put_right(town, other, 100, Actor.admin("bob"))
    proposed = propose_adjustment(town.context, ADMIN, NewAdjustment(town.reference(), other, 900, "a lost year"))
    approve_proposal(town.context, Actor.admin("bob"), proposed.id)
    put_right(town, other, 100, Actor.admin("carol"))
    town.clock.forward(DAY)
    put_right(town, other, 100)
    town.check()


def test_what_somebody_else_approved_takes_nothing_of_ones_day(make: Make) -> None:
    town = make(rules(limits="{adjustment_points: 100, adjustment_day_points: 100}"))
    member = town.member()
    proposed = propose_adjustment(town.context, ADMIN, NewAdjustment(town.reference(), member, 900, "a lost year"))
    approve_proposal(town.context, Actor.admin("bob"), proposed.id)
    put_right(town, member, 100)
    put_right(town, member, 100, Actor.admin("bob"))
    town.check()


def test_two_at_once_do_not_pass_a_day(make: Make) -> None:
    town = make(rules(limits=COUNTED))
    members = [town.member() for _ in range(4)]

    def one(member: str) -> int:
        try:
            give(town, member, 20)
        except CallerError:
            return 0
        return 20

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(one, members)) == 40
    town.check()


def test_a_replay_counts_what_was_given_by_hand(make: Make) -> None:
    town = make(rules(limits=COUNTED))
    member = town.member()
    give(town, member, 30)
    assert town.buy(member, 10_000).value.points == 20
    same = replay_purchases(town.context, parse_ruleset(rules(limits=COUNTED)), 30)
    assert (same.given, same.other) == (20, 20)
    uncounted = replay_purchases(town.context, parse_ruleset(rules(limits=f"{{{CAPPED}}}")), 30)
    assert (uncounted.given, uncounted.other) == (20, 50)
