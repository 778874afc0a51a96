"""Points expire whatever they were given for, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

from ledger_town import ADMIN, START, Make, Town, rules

from token_service.ledger.context import Actor
from token_service.ledger.events import send_event
from token_service.ledger.holds import capture, hold
from token_service.ledger.inputs import (
    NewCapture,
    NewEvent,
    NewHold,
    NewItem,
    NewMember,
    NewMembership,
    NewVoucher,
)
from token_service.ledger.members import enrol
from token_service.ledger.memberships import sell_membership
from token_service.ledger.merging import merge_members
from token_service.ledger.referrals import get_invitation
from token_service.ledger.segments import set_segments
from token_service.ledger.vouchers import buy_reward

WELCOME = 5
BASE = "{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}"
EARNING = f"""[{BASE},
  {{id: hello, kind: event, event: member.joined, points: {WELCOME}}},
  {{id: review, kind: event, event: review.written, points: 7}},
  {{id: cake, kind: event, event: member.birthday, points: 9}},
  {{id: friend, kind: event, event: member.referred, points: 11}},
  {{id: invited, kind: event, event: member.invited, points: 3}},
  {{id: share, kind: referral, percent: 50, up_to_points: 40}}]"""
RULES = rules(
    expiry="{kind: fixed, period: P20D}",
    campaigns="[{id: tea, when: \"'tea' in order.categories\", award: {points: 4}}]",
    challenges="[{id: cups, count: {kind: items, categories: [tea]}, target: 2, award: {points: 13}}]",
    schedules="[{id: week, every: week, points: 6, until: 2026-03-10, when: \"'press' in member.segments\"}]",
    memberships="[{id: club, price: 2900, period: P1M, points: 8}]",
    segments="[{id: press}]",
    rewards="[{id: gone, kind: gift, points: 10, voucher_valid: P5D, on_expiry: give_back}]",
).replace(f"[{BASE}]", EARNING)


def joined(town: Town) -> str:
    return town.member()


def bought(town: Town) -> str:
    member = town.member()
    town.buy(member, 2_000)
    return member


def challenged(town: Town) -> str:
    """With a campaign's bonus beside it."""
    member = town.member()
    town.buy(member, 300, items=(NewItem(line=1, amount=300, category="tea", quantity=2),))
    return member


def sent(town: Town) -> str:
    member = town.member()
    send_event(town.context, town.alice, NewEvent(town.reference(), "review.written", town.clock.at, member))
    return member


def born(town: Town) -> str:
    new = NewMember(town.reference(), birth_date=date(1990, START.month, START.day + 3))
    return enrol(town.context, town.alice, new).member.id


def inviting(town: Town) -> str:
    member = town.member()
    code = get_invitation(town.context, ADMIN, member).code
    friend = enrol(town.context, town.alice, NewMember(town.reference(), referral_code=code)).member.id
    town.buy(friend, 2_000)
    return member


def invited(town: Town) -> str:
    code = get_invitation(town.context, ADMIN, town.member()).code
    friend = enrol(town.context, town.alice, NewMember(town.reference(), referral_code=code)).member.id
    town.buy(friend, 100)
    return friend


def scheduled(town: Town) -> str:
    member = town.member()
    set_segments(town.context, ADMIN, member, ("press",))
    return member


def paying(town: Town) -> str:
    member = town.member()
    sell_membership(town.context, town.alice, NewMembership(town.reference(), "club", member_id=member))
    return member


def given_by_hand(town: Town) -> str:
    member = town.member()
    town.issue(member, 30)
    return member


def corrected(town: Town) -> str:
    member = town.member()
    town.adjust(member, 30)
    return member


def restored(town: Town) -> str:
    member = given_by_hand(town)
    town.restore(town.redeem(member, 30).value.id, 20)
    return member


def with_an_ended_voucher(town: Town) -> str:
    member = given_by_hand(town)
    buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), "gone", None))
    return member


def with_a_hold(town: Town) -> str:
    """Captured in part; one that is never ended lapses."""
    member = given_by_hand(town)
    first = hold(town.context, town.alice, NewHold(town.reference(), member, 10)).value.id
    capture(town.context, town.alice, first, NewCapture(4))
    hold(town.context, town.alice, NewHold(town.reference(), member, 10))
    return member


def merged(town: Town) -> str:
    member, other = town.member(), given_by_hand(town)
    merge_members(town.context, ADMIN, other, member, "the same person")
    return member


CREDITS: Final[Mapping[str, Callable[[Town], str]]] = {
    "welcome": joined,
    "purchase": bought,
    "campaign and challenge": challenged,
    "event": sent,
    "birthday": born,
    "referral, who invites": inviting,
    "referral, who comes": invited,
    "schedule": scheduled,
    "membership": paying,
    "by hand": given_by_hand,
    "adjustment": corrected,
    "restoration": restored,
    "ended voucher": with_an_ended_voucher,
    "hold": with_a_hold,
    "merge": merged,
}


def test_points_of_every_kind_of_credit_expire(make: Make) -> None:
    """“Expiry by label missed lots” elsewhere: here nobody keeps a point whose date has passed, whatever it was given for."""
    town = make(RULES)
    members = {name: make_credit(town) for name, make_credit in CREDITS.items()}
    late = town.redeem(members["by hand"], 10).value.id
    town.pass_time(timedelta(days=8))
    before = {name: town.balance(member).available for name, member in members.items()}
    assert [name for name, points in before.items() if points <= WELCOME] == ["welcome"]
    town.pass_time(timedelta(days=33))
    assert left(town, members) == {}
    town.restore(late)
    assert left(town, members) == {"by hand": 10}, "what comes back late has its grace"
    town.pass_time(timedelta(days=31))
    assert left(town, members) == {}
    for name, member in members.items():
        gone = -sum(points for kind, points in town.moves(member) if kind == "expiry")
        assert gone == before[name] + 10 * (name == "by hand")
    town.check()


def left(town: Town, members: Mapping[str, str]) -> dict[str, int]:
    """Points that somebody still has, by what they were given for."""
    balances = {name: town.balance(member) for name, member in members.items()}
    return {name: one.available + one.held for name, one in balances.items() if one.available + one.held}
