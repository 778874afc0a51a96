"""A member's account is closed and opened again; nothing new happens to it meanwhile."""

from __future__ import annotations

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import func, select

from token_service.errors import ApprovalNeeded, Conflict, Forbidden, MemberFrozen, MemberLeaving, NotFound
from token_service.ledger import tables
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.holds import hold
from token_service.ledger.inputs import NewHold, NewMember
from token_service.ledger.members import enrol, freeze, get_member
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.sessions import members_with_email
from token_service.ledger.standing_orders import get_standing_order, set_standing_order


def state(town: Town, member: str) -> tuple[str, int]:
    found = get_member(town.context, ADMIN, member)
    return found.state, found.balance.available


def close(town: Town, member: str, **more: bool) -> None:
    close_member(town.context, ADMIN, member, "asked to", **more)


def facts(town: Town, member: str, kind: str) -> int:
    columns = tables.facts.c
    query = select(func.count()).where(columns.member_id == member, columns.kind == kind)
    with town.context.store.read() as connection:
        return int(connection.execute(query).scalar_one())


@pytest.fixture
def town(make: Make) -> Town:
    return make()


def test_nothing_is_earned_or_used_with_a_closed_account(town: Town) -> None:
    member = town.member()
    for _ in range(2):
        close(town, member)
    assert facts(town, member, "closed") == 1
    assert state(town, member) == ("closed", 0)
    for work in (lambda: town.buy(member, 1_000), lambda: town.issue(member, 5), lambda: town.redeem(member, 5)):
        with pytest.raises((MemberLeaving, NotFound)):
            work()
    assert check_rebuild(town.context) == []
    town.check()


def test_points_that_are_left_are_lost_only_if_that_was_said(town: Town) -> None:
    member = town.member()
    town.issue(member, 80)
    with pytest.raises(Conflict) as refused:
        close(town, member)
    assert refused.value.facts["available"] == 80
    assert state(town, member) == ("active", 80)
    close(town, member, forfeit=True)
    assert state(town, member) == ("closed", 0)
    assert [move[:2] for move in town.moves(member)][-1] == ("adjustment", -80)
    town.check()


def test_who_opens_it_again_finds_their_history_and_what_came_meanwhile(make: Make) -> None:
    town = make(rules(return_window="P5D"))
    member = town.member()
    bought = town.buy(member, 1_000).value
    close(town, member)
    town.clock.forward(6 * DAY)
    run_due(town.context)
    assert state(town, member) == ("closed", 10)
    town.refund(bought.id, 400)
    for _ in range(2):
        reopen_member(town.context, ADMIN, member, "came back")
    assert facts(town, member, "reopened") == 1
    assert state(town, member) == ("active", 6)
    assert town.buy(member, 1_000).value.points == 10
    assert check_rebuild(town.context) == []
    town.check()


def test_points_of_a_closed_account_expire_as_any(make: Make) -> None:
    town = make(rules(return_window="P5D", expiry="{kind: fixed, period: P30D}"))
    member = town.member()
    town.buy(member, 1_000)
    close(town, member)
    town.clock.forward(40 * DAY)
    run_due(town.context)
    assert state(town, member) == ("closed", 0)
    town.check()


def test_what_has_expired_already_is_no_more_to_lose(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P30D}"))
    old, mixed = town.member(), town.member()
    for member in (old, mixed):
        town.buy(member, 1_000)
    town.clock.forward(20 * DAY)
    town.buy(mixed, 500)
    town.clock.forward(11 * DAY)
    close(town, old)
    with pytest.raises(Conflict) as refused:
        close(town, mixed)
    assert refused.value.facts["available"] == 5
    close(town, mixed, forfeit=True)
    assert [state(town, member) for member in (old, mixed)] == [("closed", 0), ("closed", 0)]
    assert town.moves(mixed)[-2:] == [("expiry", -10), ("adjustment", -5)]
    town.check()


def test_holds_freezes_and_two_person_limits_come_first(make: Make) -> None:
    town = make(rules(limits="{adjustment_points: 50}"))
    held, frozen, rich = town.member(), town.member(), town.member()
    for member in (held, frozen, rich):
        town.issue(member, 80)
    hold(town.context, town.alice, NewHold("h-1", held, 30))
    with pytest.raises(Conflict):
        close(town, held, forfeit=True)
    freeze(town.context, ADMIN, frozen, "a doubt")
    with pytest.raises(MemberFrozen):
        close(town, frozen, forfeit=True)
    with pytest.raises(ApprovalNeeded):
        close(town, rich, forfeit=True)
    assert state(town, rich) == ("active", 80)
    town.check()


def test_nobody_signs_in_to_it_and_no_renewal_uses_its_points(town: Town) -> None:
    member = enrol(town.context, town.alice, NewMember("card-1", email="zoe@example.com")).member.id
    set_standing_order(town.context, ADMIN, member, 50)
    close(town, member)
    assert members_with_email(town.context, "zoe@example.com") == ()
    reopen_member(town.context, ADMIN, member, "came back")
    assert [one.id for one in members_with_email(town.context, "zoe@example.com")] == [member]
    assert get_standing_order(town.context, ADMIN, member).points == 0


def test_a_merchant_closes_nobody(town: Town) -> None:
    member = town.member()
    for actor in (town.alice, Actor.member(member)):
        with pytest.raises(Forbidden):
            close_member(town.context, actor, member, "asked to")
        with pytest.raises(Forbidden):
            reopen_member(town.context, actor, member, "asked to")
    with pytest.raises(NotFound):
        close(town, "mem_nobody")
