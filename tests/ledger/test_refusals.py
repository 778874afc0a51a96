"""What was refused by a limit is remembered, though all of it is rolled back (number 46: "and the refusal is recorded")."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_town import ADMIN, Make, Town, rules
from sqlalchemy import Connection

from token_service.errors import ApprovalNeeded, CeilingReached, InsufficientBalance, LimitExceeded, MemberFrozen
from token_service.ledger.due import next_due_at, run_due
from token_service.ledger.inputs import NewIssuance
from token_service.ledger.issuances import issue
from token_service.ledger.members import freeze
from token_service.ledger.purchases import record_purchases, simulate_purchase
from token_service.ledger.refusals import KEPT, Refusal, list_refusals, refusals_by_code
from token_service.ledger.store import JoinedStore

LIMITS = "{manual_issuance_points: 500, adjustment_points: 100}"


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(limits=LIMITS), ceiling_points=1_000)


def noted(town: Town) -> list[Refusal]:
    return list(list_refusals(town.context, ADMIN).data)


def test_the_refusal_is_recorded_with_who_asked_for_how_much(town: Town) -> None:
    member = town.member()
    with pytest.raises(LimitExceeded):
        issue(town.context, town.alice, NewIssuance("too-much", member, 501, "a gift"))
    (one,) = noted(town)
    assert (one.code, one.key, one.kind) == ("limit_exceeded", "limits.manual_issuance_points", "issuance")
    assert (one.merchant_id, one.actor) == (town.alice.merchant_id, town.alice.name)
    assert (one.reference, one.points, one.times, one.last_at) == ("too-much", 501, 1, town.clock())


def test_the_same_call_again_adds_to_its_line(town: Town) -> None:
    member = town.member()
    for _ in range(3):
        with pytest.raises(LimitExceeded):
            issue(town.context, town.alice, NewIssuance("too-much", member, 501, "a gift"))
        town.clock.forward(timedelta(minutes=1))
    (one,) = noted(town)
    assert (one.times, one.last_at - one.first_at) == (3, timedelta(minutes=2))


def test_a_ceiling_a_freeze_and_a_missing_approval_are_recorded(town: Town) -> None:
    member = town.member()
    with pytest.raises(ApprovalNeeded):
        town.adjust(member, 101)
    with pytest.raises(CeilingReached):
        town.buy(member, 500_000)
    freeze(town.context, ADMIN, member, "looks like fraud")
    with pytest.raises(MemberFrozen):
        town.buy(member, 100)
    (refused,) = record_purchases(town.context, town.alice, [town.new_purchase(member, 100)])
    assert isinstance(refused, MemberFrozen)
    assert [one.code for one in noted(town)] == ["member_frozen", "member_frozen", "ceiling_reached", "approval_needed"]
    assert refusals_by_code(town.context.store) == {"approval_needed": 1, "ceiling_reached": 1, "member_frozen": 2}


def test_what_only_costs_too_much_or_was_only_tried_is_not(town: Town) -> None:
    member = town.member()
    with pytest.raises(InsufficientBalance):
        town.redeem(member, 10)
    assert simulate_purchase(town.context, town.alice, town.new_purchase(member, 500_000)).refusal == "ceiling_reached"
    assert noted(town) == []


def test_a_refusal_inside_a_larger_piece_of_work_is_recorded_once_that_is_rolled_back(town: Town) -> None:
    member, new = town.member(), NewIssuance("too-much", "", 501, "a gift")

    def work(connection: Connection) -> None:
        joined = replace(town.context, store=JoinedStore(town.context.store, connection))
        issue(joined, town.alice, replace(new, reference="small", member_id=member, points=7))
        issue(joined, town.alice, replace(new, member_id=member))

    with pytest.raises(LimitExceeded):
        town.context.store.transact(work)
    assert [(one.reference, one.times) for one in noted(town)] == [("too-much", 1)]
    assert town.balance(member).available == 0


def test_a_merchant_sees_its_own_part_by_part(town: Town) -> None:
    for actor, count in ((town.alice, 3), (town.charlie, 1)):
        member = town.member(actor=actor)
        for _ in range(count):
            with pytest.raises(LimitExceeded):
                issue(town.context, actor, NewIssuance(town.reference(), member, 501, "a gift"))
    first = list_refusals(town.context, town.alice, limit=2)
    rest = list_refusals(town.context, town.alice, limit=2, cursor=first.next_cursor)
    assert (len(first.data), len(rest.data), rest.next_cursor) == (2, 1, None)
    assert [one.merchant_id for one in list_refusals(town.context, town.charlie).data] == [town.charlie.merchant_id]
    named = list_refusals(town.context, ADMIN, merchant_id=town.charlie.merchant_id)
    assert len(named.data) == 1


def test_it_is_forgotten_after_400_days(town: Town) -> None:
    with pytest.raises(LimitExceeded):
        issue(town.context, town.alice, NewIssuance("too-much", town.member(), 501, "a gift"))
    town.clock.forward(KEPT - timedelta(seconds=1))
    run_due(town.context)
    assert len(noted(town)) == 1
    assert next_due_at(town.context) == town.clock() + timedelta(seconds=1)
    town.clock.forward(timedelta(seconds=1))
    run_due(town.context)
    assert noted(town) == []
