"""What staff do to members: once, with the trail, never to their own account; on both databases."""

from __future__ import annotations

import pytest
from ledger_town import ADMIN, Town

from token_service.errors import Forbidden, InsufficientBalance, ReferenceConflict
from token_service.ledger.inputs import NewAdjustment, NewMember
from token_service.ledger.members import enrol, get_member
from token_service.ledger.merchant_totals import merchant_totals
from token_service.ledger.staff import NewPerson, Person, add_person
from token_service.ledger.staff_members import adjust_member, freeze_member, try_adjustment, unfreeze_member
from token_service.ledger.staff_trail import list_actions


@pytest.fixture
def olga(town: Town) -> Person:
    return add_person(town.context, ADMIN, NewPerson("olga@example.com", "Olga", "owner")).person


def test_an_adjustment_sent_twice_is_one_with_one_line_in_the_trail(town: Town, olga: Person) -> None:
    member = town.member()
    new = NewAdjustment("ctl_1", member, 120, "a gesture")
    outlook = try_adjustment(town.context, olga, new)
    assert outlook.balance.available == 120
    assert town.balance(member).available == 0
    first, again = adjust_member(town.context, olga, new), adjust_member(town.context, olga, new)
    assert (first.replayed, again.replayed, first.value.id) == (False, True, again.value.id)
    assert town.balance(member).available == 120
    (action,) = list_actions(town.context, member_id=member).data
    assert (action.action, action.reason, action.staff_id) == ("member.adjusted", "a gesture", olga.id)
    assert action.detail == {"points": 120, "available": 120}
    assert town.statement(member)[0].facts["actor"] == olga.id
    with pytest.raises(ReferenceConflict):
        adjust_member(town.context, olga, NewAdjustment("ctl_1", member, 121, "a gesture"))


def test_what_is_refused_leaves_nothing_in_the_trail(town: Town, olga: Person) -> None:
    member = town.member()
    new = NewAdjustment("ctl_1", member, -1, "too much")
    assert try_adjustment(town.context, olga, new).refusal == "insufficient_balance"
    with pytest.raises(InsufficientBalance):
        adjust_member(town.context, olga, new)
    assert list_actions(town.context).data == ()


def test_nobody_touches_their_own_account(town: Town, olga: Person) -> None:
    member = enrol(town.context, town.alice, NewMember("own", email="Olga@Example.com")).member.id
    new = NewAdjustment("ctl_1", member, 100, "for me")
    for act in (adjust_member, try_adjustment):
        with pytest.raises(Forbidden):
            act(town.context, olga, new)
    for change in (freeze_member, unfreeze_member):
        with pytest.raises(Forbidden):
            change(town.context, olga, member, "for me")
    assert town.balance(member).available == 0
    assert not get_member(town.context, ADMIN, member).frozen


def test_freezing_twice_is_one_line_in_the_trail(town: Town, olga: Person) -> None:
    member = town.member()
    assert freeze_member(town.context, olga, member, "lost").changed
    assert not freeze_member(town.context, olga, member, "lost again").changed
    assert get_member(town.context, ADMIN, member).frozen
    assert unfreeze_member(town.context, olga, member, "found").changed
    words = [(action.action, action.reason) for action in list_actions(town.context, member_id=member).data]
    assert words == [("member.unfrozen", "found"), ("member.frozen", "lost")]


def test_a_merchants_totals_are_the_sums_of_its_own_entries(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 10_000).value
    spent = town.redeem(member, 40).value
    town.restore(spent.id, 10)
    town.refund(bought.id, 3_000)
    assert town.alice.merchant_id is not None
    assert town.charlie.merchant_id is not None
    totals = merchant_totals(town.context, town.alice.merchant_id)
    assert (totals.issued, totals.redeemed, totals.restored, totals.reversed) == (100, 40, 10, 30)
    assert totals.members == 1
    other = merchant_totals(town.context, town.charlie.merchant_id)
    assert (other.issued, other.redeemed, other.members) == (0, 0, 0)
