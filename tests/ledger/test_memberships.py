"""Paid memberships in the ledger: sold, renewed, refunded; perks inside the period only; what they brought in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import AlreadyReversed, InvalidInput, NotFound, ReferenceConflict, RewardUnavailable
from token_service.ledger import views
from token_service.ledger.benefits import get_benefit
from token_service.ledger.events import reverse_event
from token_service.ledger.inputs import NewMembership, NewReversal
from token_service.ledger.members import get_member
from token_service.ledger.memberships import (
    get_membership,
    list_memberships,
    membership_totals,
    refund_membership,
    sell_membership,
    simulate_membership,
)

MEMBERSHIPS = """
  - {id: club, price: 2900, period: P12M, grace: P14D, benefits: [free-delivery, lounge], multiplier_percent: 150, points: 100}
  - {id: press, price: 500, period: P1M, benefits: [magazine]}
"""
RULES = rules(
    memberships=MEMBERSHIPS,
    campaigns="[{id: insiders, when: '\"press\" in member.memberships', award: {points: 7}}]",
    rewards=(
        "[{id: dinner, kind: experience, points: 10, memberships: [club]}, "
        "{id: sale, kind: gift, points: 10, from: 2026-03-09, early_days: {club: 7}}]"
    ),
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def sell(town: Town, member: str, membership: str = "club", **more: Any) -> views.Membership:
    new = NewMembership(**({"reference": town.reference(), "membership": membership, "member_id": member} | more))
    return sell_membership(town.context, town.alice, new).value


def refund(town: Town, membership_id: str) -> views.Membership:
    return refund_membership(town.context, town.alice, membership_id, NewReversal(town.reference())).value


def benefit(town: Town, member: str, name: str = "lounge") -> views.Benefit:
    return get_benefit(town.context, town.alice, member, name)


def test_a_membership_has_price_start_end_renewal(town: Town) -> None:
    """Number 9 of the brief's list."""
    member = town.member()
    first = sell(town, member)
    assert (first.paid.amount, first.starts_at, first.is_renewal) == (2900, town.clock.at, False)
    assert first.ends_at == datetime(2027, 3, 2, 9, 0, tzinfo=UTC)
    town.clock.forward(300 * DAY)
    second = sell(town, member, paid=2500)
    assert (second.starts_at, second.is_renewal, second.paid.amount) == (first.ends_at, True, 2500)
    assert [held.until for held in get_member(town.context, ADMIN, member).memberships] == [second.ends_at]
    assert [one.id for one in list_memberships(town.context, town.alice, member)] == [second.id, first.id]
    town.check()


def test_perks_apply_only_inside_the_period(town: Town) -> None:
    member = town.member()
    assert (benefit(town, member).reason, benefit(town, member).needs_memberships) == ("membership_needed", ("club",))
    sold = sell(town, member)
    granted = benefit(town, member)
    assert (granted.granted, granted.reason, granted.membership, granted.until) == (
        True,
        "membership",
        "club",
        sold.ends_at,
    )
    assert town.buy(member, 1_000).value.points == 15
    town.clock.at = sold.ends_at + 13 * DAY
    assert benefit(town, member).granted, "the grace"
    assert town.buy(member, 1_000).value.points == 15
    town.clock.at = sold.keeps_until
    assert not benefit(town, member).granted
    assert town.buy(member, 1_000).value.points == 10
    assert sell(town, member).starts_at == town.clock.at, "after the grace it begins anew"
    town.check()


def test_a_purchase_of_yesterday_has_the_memberships_of_yesterday(town: Town) -> None:
    member = town.member()
    yesterday = town.clock.at
    town.clock.forward(DAY)
    sell(town, member)
    assert town.buy(member, 1_000, occurred_at=yesterday).value.points == 10
    assert town.buy(member, 1_000).value.points == 15


def test_renewed_within_the_grace_it_follows_on(town: Town) -> None:
    member = town.member()
    first = sell(town, member)
    town.clock.at = first.ends_at + 10 * DAY
    assert sell(town, member).starts_at == first.ends_at


def test_a_refund_ends_it(town: Town) -> None:
    member = town.member()
    sold = sell(town, member)
    assert town.balance(member).available == 100
    town.clock.forward(DAY)
    ended = refund(town, sold.id)
    assert ended.ended_at == town.clock.at
    assert not benefit(town, member).granted
    assert town.balance(member).available == 0
    assert get_membership(town.context, town.alice, sold.id).ended_at == town.clock.at
    with pytest.raises(AlreadyReversed):
        refund(town, sold.id)
    assert not sell(town, member).is_renewal, "bought again, it begins at once"
    town.check()


def test_a_refund_of_one_without_points_is_a_leaf_too(town: Town) -> None:
    member = town.member()
    sold = sell(town, member, "press")
    assert sold.points == 0
    refund(town, sold.id)
    assert not benefit(town, member, "magazine").granted
    town.check()


def test_fee_revenue_is_a_kpi(town: Town) -> None:
    one, other = town.member(), town.member()
    sell(town, one)
    sell(town, one, paid=2000)
    refund(town, sell(town, other).id)
    sell(town, other, "press")
    today = town.clock.at.date()
    totals = membership_totals(town.context, town.alice, today, today)
    assert totals == (
        views.MembershipTotal("club", sold=3, renewals=1, refunds=1, paid=7800, paid_back=2900, members=1),
        views.MembershipTotal("press", sold=1, renewals=0, refunds=0, paid=500, paid_back=0, members=1),
    )
    assert membership_totals(town.context, town.charlie, today, today) == ()
    assert membership_totals(town.context, ADMIN, today, today) == totals
    with pytest.raises(InvalidInput):
        membership_totals(town.context, ADMIN, today, today - DAY)


def test_conditions_and_rewards_ask_for_memberships(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    with pytest.raises(RewardUnavailable) as refused:
        town.redeem(member, None, reward_id="dinner")
    assert refused.value.facts == {"reason": "membership_needed", "memberships": ["club"]}
    with pytest.raises(RewardUnavailable):
        town.redeem(member, None, reward_id="sale")
    sell(town, member)
    sell(town, member, "press")
    town.redeem(member, None, reward_id="dinner")
    town.redeem(member, None, reward_id="sale")
    assert town.buy(member, 1_000).value.points == 10 + 7 + 5
    town.check()


def test_the_same_reference_is_the_same_sale(town: Town) -> None:
    member = town.member()
    first = sell(town, member, reference="till-1")
    assert sell(town, member, reference="till-1").id == first.id
    with pytest.raises(ReferenceConflict):
        sell(town, member, "press", reference="till-1")
    assert len(list_memberships(town.context, town.alice, member)) == 1


def test_what_the_rules_do_not_sell_is_refused(town: Town) -> None:
    with pytest.raises(InvalidInput, match="membership"):
        sell(town, town.member(), "gym")


def test_a_membership_is_no_event_of_others(town: Town) -> None:
    member = town.member()
    sold = sell(town, member)
    with pytest.raises(InvalidInput, match="call of its own"):
        reverse_event(town.context, ADMIN, sold.id, NewReversal(town.reference()))
    with pytest.raises(NotFound):
        get_membership(town.context, town.charlie, sold.id)


def test_a_simulation_sells_nothing(town: Town) -> None:
    member = town.member()
    new = NewMembership("asked", "club", member_id=member)
    said = simulate_membership(town.context, town.alice, new)
    assert said.value is not None
    assert said.value.ends_at - town.clock.at == timedelta(days=365)
    assert list_memberships(town.context, town.alice, member) == ()
