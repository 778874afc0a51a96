"""Paid membership as one story, and what keeps staff honest: sentences of the issue and of users' reports, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ledger_town import ADMIN, DAY, START, Make, Town, rules

from token_service.errors import Forbidden, OwnCard
from token_service.ledger import views
from token_service.ledger.benefits import get_benefit
from token_service.ledger.inputs import NewAdjustment, NewMember, NewMembership, NewPurchase, NewRedemption, NewReversal
from token_service.ledger.members import enrol, get_member
from token_service.ledger.memberships import membership_totals, refund_membership, sell_membership
from token_service.ledger.purchases import record_purchase
from token_service.ledger.redemptions import redeem
from token_service.ledger.staff import NewPerson, Person, add_person
from token_service.ledger.staff_members import adjust_member
from token_service.ledger.staff_trail import Deed
from token_service.ledger.till import at_till
from token_service.ledger.views import Outcome, Purchase

CLUB = "[{id: club, price: 2900, period: P30D, grace: P5D, benefits: [lounge], multiplier_percent: 200, points: 10}]"


def sell(town: Town, member: str) -> views.Membership:
    return sell_membership(town.context, town.alice, NewMembership(town.reference(), "club", member)).value


def may_use(town: Town, member: str) -> tuple[bool, int]:
    """Whether the lounge is open to the member, and what 10.00 EUR earn."""
    benefit = get_benefit(town.context, town.alice, member, "lounge")
    return benefit.granted, town.buy(member, 1_000).value.points


def test_membership_price_period_renewal_grace_refund_benefits_inside_the_period_only(make: Make) -> None:
    town = make(rules(memberships=CLUB))
    member = town.member()
    assert may_use(town, member) == (False, 10)
    first = sell(town, member)
    ends_at = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)  # thirty days on the programme's clock, into summer time
    assert (first.paid.amount, first.starts_at, first.ends_at) == (2_900, START, ends_at), "price, period"
    assert may_use(town, member) == (True, 20)
    town.clock.forward(34 * DAY)
    assert may_use(town, member) == (True, 20), "grace"
    second = sell(town, member)
    assert (second.is_renewal, second.starts_at) == (True, first.ends_at), "renewal"
    town.clock.at = second.keeps_until
    assert may_use(town, member) == (False, 10), "the grace is over"
    third = sell(town, member)
    assert (third.is_renewal, may_use(town, member)) == (False, (True, 20))
    town.clock.forward(timedelta(hours=1))
    before = town.balance(member).available
    refund_membership(town.context, town.alice, third.id, NewReversal(town.reference()))
    assert may_use(town, member) == (False, 10), "a refund ends it"
    assert town.balance(member).available == before - 10 + 10, "its points go, those of the last purchase came"
    (total,) = membership_totals(town.context, town.alice, START.date(), town.clock.at.date())
    assert (total.sold, total.renewals, total.refunds, total.paid) == (3, 1, 1, 3 * 2_900)
    town.check()


def cashier(town: Town, name: str = "Paul") -> Person:
    new = NewPerson(f"{name}@example.com".lower(), name, "cashier", town.alice.merchant_id)
    return add_person(town.context, ADMIN, new).person


def ring_up(town: Town, person: Person, member: str, total: int) -> Outcome[Purchase]:
    new = NewPurchase(town.reference(), town.clock(), total, member)
    return at_till(
        town.context,
        person,
        member,
        lambda joined: record_purchase(joined, person.actor, new),
        lambda done: Deed("purchase.recorded", done.value.id, member),
    )


def test_staff_cannot_credit_themselves(town: Town) -> None:
    """Neither by a purchase at the till nor by hand; nor spend there. Their own card is the one with their address."""
    paul = cashier(town)
    own = enrol(town.context, town.alice, NewMember("own", email=" Paul@Example.com")).member.id
    with pytest.raises(OwnCard):
        ring_up(town, paul, own, 5_000)
    olga = add_person(town.context, ADMIN, NewPerson("olga@example.com", "Olga", "owner")).person
    hers = enrol(town.context, town.alice, NewMember("hers", email="olga@example.com")).member.id
    with pytest.raises(Forbidden):
        adjust_member(town.context, olga, NewAdjustment("for-me", hers, 100, "for me"))
    town.issue(own, 50)
    new = NewRedemption(town.reference(), own, points=10)
    with pytest.raises(OwnCard):
        at_till(
            town.context,
            paul,
            own,
            lambda joined: redeem(joined, paul.actor, new),
            lambda done: Deed("points.redeemed", done.value.id, own),
        )
    assert (town.balance(own).available, town.balance(hers).available) == (50, 0)
    town.check()


def test_users_report_pos_staff_swiping_their_own_card_per_day_caps(make: Make) -> None:
    """A card that nobody can tell to be theirs, swiped for every customer: the day gives no more than the rules allow, and the
    one too many in an hour freezes the card until somebody has looked.
    """
    limits = "{per_member_day_points: 100, velocity: {purchases: 4, every: PT1H, freeze: true}}"
    town = make(rules(limits=limits))
    paul, friend = cashier(town), town.member()
    given = [ring_up(town, paul, friend, 4_000).value.points for _ in range(4)]
    assert given == [40, 40, 20, 0]
    too_fast = ring_up(town, paul, friend, 4_000).value
    assert too_fast.points == 0
    assert get_member(town.context, ADMIN, friend).frozen
    assert town.balance(friend).available == 100
    town.check()
