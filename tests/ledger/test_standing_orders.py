"""Points on recurring orders (number 27 of the brief)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, Make, Town, rules
from sqlalchemy import insert, select, update

from token_service.errors import Forbidden, InvalidInput, MemberLeaving, NotFound, ReferenceConflict
from token_service.ledger import tables, views
from token_service.ledger.closing import close_member
from token_service.ledger.context import Actor
from token_service.ledger.holds import hold
from token_service.ledger.inputs import NewHold, NewRenewal
from token_service.ledger.members import freeze, get_member
from token_service.ledger.merging import merge_members
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.standing_orders import (
    find_renewal,
    get_renewal,
    get_standing_order,
    renew,
    set_standing_order,
)
from token_service.ledger.standing_tables import standing_orders


def bill(town: Town, member: str, amount: int, **more: Any) -> views.Renewal:
    actor = more.pop("actor", town.alice)
    reference = more.pop("reference", None) or town.reference()
    return renew(town.context, actor, NewRenewal(reference, amount, member, **more))


def order(town: Town, member: str, points: int) -> None:
    set_standing_order(town.context, Actor.member(member), member, points)


def available(town: Town, member: str) -> int:
    return get_member(town.context, ADMIN, member).balance.available


def test_a_member_can_set_use_up_to_n_points_on_each_renewal_honoured_at_the_billing_hook(town: Town) -> None:
    member = town.member()
    town.issue(member, 500)
    order(town, member, 200)
    first = bill(town, member, 2_990)
    assert (first.points, first.value.amount, first.to_pay.amount, first.why_none) == (200, 2_000, 990, None)
    assert available(town, member) == 300
    second = bill(town, member, 2_990)
    third = bill(town, member, 2_990)
    assert (second.points, third.points, third.to_pay.amount) == (200, 100, 1_990)
    fourth = bill(town, member, 2_990)
    assert (fourth.points, fourth.to_pay.amount, fourth.why_none, fourth.redemption_id) == (0, 2_990, "no_points", None)
    town.check()


def test_never_more_than_the_bill(town: Town) -> None:
    member = town.member()
    town.issue(member, 500)
    order(town, member, 200)
    paid = bill(town, member, 1_495)
    assert (paid.points, paid.value.amount, paid.to_pay.amount) == (149, 1_490, 5)
    assert (bill(town, member, 5).why_none, bill(town, member, 0).points) == ("too_small", 0)
    town.check()


def test_without_an_order_nothing_is_used(town: Town) -> None:
    member = town.member()
    town.issue(member, 500)
    assert bill(town, member, 1_000).why_none == "no_standing_order"
    order(town, member, 100)
    order(town, member, 0)
    assert get_standing_order(town.context, town.alice, member).points == 0
    assert bill(town, member, 1_000).why_none == "no_standing_order"
    assert available(town, member) == 500


def test_asked_again_it_answers_the_same_whatever_the_balance_has_become(town: Town) -> None:
    member = town.member()
    order(town, member, 100)
    none = bill(town, member, 1_000, reference="box-1")
    town.issue(member, 500)
    assert bill(town, member, 1_000, reference="box-1") == none
    some = bill(town, member, 1_000, reference="box-2")
    order(town, member, 0)
    assert bill(town, member, 1_000, reference="box-2") == some
    assert available(town, member) == 400
    assert find_renewal(town.context, town.alice, "box-2") == some
    assert get_renewal(town.context, town.alice, some.id) == some
    for member_id, amount in ((member, 999), (town.member(), 1_000)):
        with pytest.raises(ReferenceConflict):
            bill(town, member_id, amount, reference="box-2")
    town.check()


def test_its_points_are_a_redemption_that_can_be_given_back(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    order(town, member, 100)
    paid = bill(town, member, 1_000, reference="box-1")
    assert paid.redemption_id is not None
    town.restore(paid.redemption_id, None)
    assert available(town, member) == 100
    town.redeem(member, 50, reference="box-2")
    with pytest.raises(ReferenceConflict):
        bill(town, member, 1_000, reference="box-2")
    town.check()


def test_held_points_are_left_alone_until_their_hold_has_ended(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    order(town, member, 100)
    hold(town.context, town.alice, NewHold("h-1", member, 60, expires_in=timedelta(minutes=5)))
    assert bill(town, member, 1_000).points == 40
    town.clock.forward(timedelta(minutes=6))
    assert bill(town, member, 1_000).points == 60
    town.check()


def test_a_frozen_members_bill_is_not_refused(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    order(town, member, 100)
    freeze(town.context, ADMIN, member, "a doubt")
    assert (bill(town, member, 1_000).why_none, available(town, member)) == ("member_frozen", 100)


def test_a_closed_members_bill_is_answered_and_one_from_before_as_it_was(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    order(town, member, 100)
    paid = bill(town, member, 1_000, reference="box-1")
    close_member(town.context, ADMIN, member, "asked to")
    assert bill(town, member, 1_000, reference="box-1") == paid
    assert bill(town, member, 1_000).why_none == "no_standing_order"


def test_a_programme_whose_points_pay_nothing_says_so(make: Make) -> None:
    town = make(rules().replace(", point_value: {points: 100, amount: 1000}", ""))
    member = town.member()
    town.issue(member, 100)
    order(town, member, 100)
    assert bill(town, member, 1_000).why_none == "no_point_value"


def test_one_bill_at_once_from_many_sides_is_paid_once(town: Town) -> None:
    member = town.member()
    town.issue(member, 500)
    order(town, member, 200)
    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(lambda _: bill(town, member, 5_000, reference="box-1").id, range(6)))
    assert len(answers) == 1
    assert available(town, member) == 300
    town.check()


def test_strangers_set_nothing_and_see_nothing(town: Town) -> None:
    member = town.member()
    paid = bill(town, member, 1_000)
    for work in (
        lambda: set_standing_order(town.context, Actor.member(town.member()), member, 5),
        lambda: set_standing_order(town.context, town.charlie, member, 5),
        lambda: bill(town, member, 1_000, actor=town.charlie),
        lambda: get_renewal(town.context, town.charlie, paid.id),
        lambda: find_renewal(town.context, town.charlie, paid.reference),
    ):
        with pytest.raises((NotFound, Forbidden)):
            work()
    with pytest.raises(InvalidInput):
        order(town, member, -1)


def told(town: Town, member: str) -> list[tuple[int, str]]:
    """What the facts say of the member's order, and who said it."""
    columns = tables.facts.c
    query = select(columns.detail).where(columns.member_id == member, columns.kind == "standing_order")
    with town.context.store.read() as connection:
        details = [json.loads(text) for text in connection.execute(query.order_by(columns.seq)).scalars()]
    return [(one["up_to"], one["actor"]) for one in details]


def test_giving_changing_and_ending_an_order_are_facts_once_each(town: Town) -> None:
    """Facts that move no points are leaves too."""
    member = town.member()
    for points in (0, 200, 200, 50, 0, 0):
        order(town, member, points)
    assert told(town, member) == [(200, member), (50, member), (0, member)]
    order(town, member, 70)
    town.check()
    with town.context.store.write() as connection:
        connection.execute(update(standing_orders).values(points=7_000))
    assert len(check_rebuild(town.context)) == 1
    rebuild(town.context)
    assert get_standing_order(town.context, town.alice, member).points == 70
    close_member(town.context, ADMIN, member, "asked to")
    assert told(town, member)[-1] == (0, "alma")
    with pytest.raises(MemberLeaving):
        order(town, member, 5)
    order(town, member, 0)
    town.check()


def test_a_renewals_redemption_says_whose_bill_it_paid(town: Town) -> None:
    member = town.member()
    town.issue(member, 500)
    order(town, member, 200)
    paid = bill(town, member, 2_990)
    with town.context.store.read() as connection:
        query = select(tables.entries.c.detail).where(tables.entries.c.operation_id == paid.redemption_id)
        detail = json.loads(connection.execute(query).scalar_one())
    assert detail["renewal"] == {"amount": 2_990}


def test_an_order_from_before_there_were_facts_has_one_when_it_is_next_used(town: Town) -> None:
    member, other = town.member(), town.member()
    for one in (member, other):
        town.issue(one, 500)
        row = {"member_id": one, "points": 200, "set_at": town.clock.at, "set_by": one}
        with town.context.store.write() as connection:
            connection.execute(insert(standing_orders).values(**row))
    town.check()
    assert bill(town, member, 2_990).points == 200
    assert bill(town, member, 2_990).points == 200
    order(town, other, 0)
    assert (told(town, member), told(town, other)) == ([(200, member)], [])
    town.check()


def test_the_account_that_stays_takes_over_an_order_unless_it_has_one(town: Town) -> None:
    for own, kept in ((0, 200), (30, 30)):
        gone, stays = town.member(), town.member()
        order(town, gone, 200)
        order(town, stays, own)
        merge_members(town.context, ADMIN, gone, stays, "the same person")
        assert get_standing_order(town.context, town.alice, stays).points == kept
        assert told(town, stays)[-1][0] == kept
    town.check()
    rebuild(town.context)
    town.check()
