"""Corrections above the limit: proposed by one, approved by another, made once, as everything is then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from ledger_town import ADMIN, Make, Town, rules

from token_service.errors import (
    ApprovalNeeded,
    CallerError,
    Conflict,
    Forbidden,
    InsufficientBalance,
    InvalidInput,
    MemberFrozen,
    NotFound,
    ReferenceConflict,
)
from token_service.ledger import views
from token_service.ledger.adjustments import adjust, simulate_adjustment
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.members import freeze
from token_service.ledger.proposals import (
    approve_proposal,
    decline_proposal,
    get_proposal,
    open_proposals,
    propose_adjustment,
)

BOB, CAROL = Actor.admin("bob"), Actor.admin("carol")


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(limits="{adjustment_points: 100}"))


def new(town: Town, member: str, points: int = 500, reference: str | None = None) -> NewAdjustment:
    return NewAdjustment(reference or town.reference(), member, points, "lost receipts of March")


def propose(town: Town, member: str, points: int = 500) -> views.Proposal:
    return propose_adjustment(town.context, ADMIN, new(town, member, points))


@pytest.mark.parametrize("points", [101, -101])
def test_a_second_approver_is_needed_above_a_threshold(town: Town, points: int) -> None:
    """Number 54 of the brief's list. Up to the limit one person is enough."""
    member = town.member()
    town.adjust(member, 100)
    with pytest.raises(ApprovalNeeded) as refused:
        town.adjust(member, points)
    assert refused.value.facts["limit"] == 100
    seen = simulate_adjustment(town.context, ADMIN, new(town, member, points))
    assert (seen.value, seen.refusal) == (None, "approval_needed")
    assert town.balance(member).available == 100


def test_another_person_approves_and_both_stand_in_the_receipt(town: Town) -> None:
    member = town.member()
    made = propose(town, member)
    assert (made.state, made.proposed_by, town.balance(member).available) == ("open", "alma", 0)
    assert [one.id for one in open_proposals(town.context, BOB)] == [made.id]
    done = approve_proposal(town.context, BOB, made.id)
    assert (done.value.points, done.value.actor, done.value.reference) == (500, "alma", made.reference)
    (entry,) = done.entries
    assert (entry.facts["actor"], entry.facts["approved_by"]) == ("alma", "bob")
    after = get_proposal(town.context, ADMIN, made.id)
    assert (after.state, after.decided_by, after.adjustment_id) == ("approved", "bob", done.value.id)
    assert open_proposals(town.context, ADMIN) == ()
    town.check()


def test_whoever_proposed_it_cannot_approve_it(town: Town) -> None:
    made = propose(town, town.member())
    with pytest.raises(Forbidden):
        approve_proposal(town.context, ADMIN, made.id)
    assert get_proposal(town.context, ADMIN, made.id).state == "open"


def test_approving_is_repeatable_for_whoever_did_it_and_for_nobody_else(town: Town) -> None:
    member = town.member()
    made = propose(town, member)
    first, again = (approve_proposal(town.context, BOB, made.id) for _ in range(2))
    assert (first.replayed, again.replayed, again.value) == (False, True, first.value)
    with pytest.raises(Conflict):
        approve_proposal(town.context, CAROL, made.id)
    with pytest.raises(Conflict):
        decline_proposal(town.context, CAROL, made.id)
    assert town.balance(member).available == 500


def test_two_at_once_make_it_once(town: Town) -> None:
    member = town.member()
    made = propose(town, member)

    def approve(actor: Actor) -> bool:
        try:
            return not approve_proposal(town.context, actor, made.id).replayed
        except CallerError:
            return False

    with ThreadPoolExecutor(4) as people:
        assert sum(people.map(approve, [BOB, CAROL] * 4)) == 1
    assert town.balance(member).available == 500
    town.check()


def test_declined_is_declined(town: Town) -> None:
    member = town.member()
    made = propose(town, member)
    assert {decline_proposal(town.context, actor, made.id).state for actor in (ADMIN, BOB)} == {"declined"}
    with pytest.raises(Conflict):
        approve_proposal(town.context, BOB, made.id)
    assert town.balance(member).available == 0


def test_it_is_decided_on_what_is_there_then(town: Town) -> None:
    member = town.member()
    town.buy(member, 30_000)
    made = propose(town, member, -200)
    town.redeem(member, 150)
    with pytest.raises(InsufficientBalance):
        approve_proposal(town.context, BOB, made.id)
    freeze(town.context, ADMIN, member, "under investigation")
    with pytest.raises(MemberFrozen):
        approve_proposal(town.context, BOB, made.id)
    assert get_proposal(town.context, ADMIN, made.id).state == "open"


def test_a_reference_names_one_thing(town: Town) -> None:
    member = town.member()
    asked = new(town, member)
    first, again = (propose_adjustment(town.context, ADMIN, asked) for _ in range(2))
    assert again == first
    with pytest.raises(ReferenceConflict):
        propose_adjustment(town.context, ADMIN, new(town, member, 501, asked.reference))
    small = new(town, member, 50)
    adjust(town.context, ADMIN, small)
    with pytest.raises(ReferenceConflict):
        propose_adjustment(town.context, ADMIN, new(town, member, 500, small.reference))


def test_only_admins_propose_and_decide(town: Town) -> None:
    member = town.member()
    made = propose(town, member)
    for work in (
        lambda: propose_adjustment(town.context, town.alice, new(town, member)),
        lambda: approve_proposal(town.context, town.alice, made.id),
        lambda: decline_proposal(town.context, town.alice, made.id),
        lambda: open_proposals(town.context, town.alice),
    ):
        with pytest.raises(Forbidden):
            work()
    with pytest.raises(NotFound):
        approve_proposal(town.context, BOB, "prp_nothing")
    with pytest.raises(InvalidInput):
        propose(town, member, 0)
