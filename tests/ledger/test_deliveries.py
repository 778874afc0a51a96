"""An order of a web shop waits for its delivery: its return window begins with it. One that never comes brings nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import AlreadyDelivered, DeliveryNotAwaited, InvalidInput, NotFound, ReferenceConflict
from token_service.ledger.context import Actor
from token_service.ledger.deliveries import tell_delivery
from token_service.ledger.due import next_due_at
from token_service.ledger.inputs import NewDelivery
from token_service.ledger.members import freeze, unfreeze
from token_service.ledger.merging import merge_members
from token_service.ledger.purchases import get_purchase
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.ledger.views import Outcome, Purchase
from token_service.program.ruleset import parse_ruleset

LAPSING = rules(return_window="P14D", delivery="{channels: [online], within: P60D, otherwise: lapse}")
BEGINNING = rules(return_window="P14D", delivery="{channels: [online], within: P60D, otherwise: begin}")


def order(town: Town, member: str, cents: int = 10_000) -> Purchase:
    return town.buy(member, cents, channel="online").value


def deliver(town: Town, purchase_id: str, *, actor: Actor | None = None, **more: object) -> Outcome[Purchase]:
    new = NewDelivery(**({"reference": town.reference()} | more))  # type: ignore[arg-type]
    return tell_delivery(town.context, actor or town.alice, purchase_id, new)


def test_an_order_paid_on_monday_and_delivered_on_friday_waits_from_friday_on(make: Make) -> None:
    """'its return window must begin with the delivery, and points of an order that is never delivered never come'"""
    town = make(LAPSING)
    member = town.member()
    bought = order(town, member)
    spring = timedelta(hours=1)  # the clocks of the programme go forward meanwhile
    until, latest = (town.clock.at + days * DAY - spring for days in (60, 74))
    assert (bought.pending, bought.delivery_by, bought.available_at) == (100, until, latest)
    town.pass_time(4 * DAY)
    told = deliver(town, bought.id).value
    assert (told.delivered_at, told.delivery_by) == (town.clock.at, None)
    assert told.available_at == town.clock.at + 14 * DAY == next_due_at(town.context)
    assert check_rebuild(town.context) == []
    assert town.pass_time(13 * DAY).awards_matured == 0
    assert town.pass_time(DAY).awards_matured == 1
    assert town.moves(member) == [("issuance", 100)]
    town.check()


def test_an_order_that_is_never_delivered_brings_nothing(make: Make) -> None:
    town = make(LAPSING)
    member = town.member()
    bought = order(town, member)
    report = town.pass_time(60 * DAY)
    assert (report.awards_lapsed, report.awards_matured) == (1, 0)
    lapsed = get_purchase(town.context, town.alice, bought.id)
    assert (lapsed.pending, lapsed.kept, lapsed.available_at) == (0, 0, None)
    assert town.balance(member).pending == 0
    with pytest.raises(DeliveryNotAwaited) as refusal:
        deliver(town, bought.id)
    assert refusal.value.facts["reason"] == "nothing_pending"
    refund = town.refund(bought.id, 10_000).value
    assert (refund.reversed, refund.debt, refund.pending_cancelled) == (0, 0, 0)
    assert town.pass_time(30 * DAY).is_idle
    assert town.moves(member) == []
    same = replay_purchases(town.context, parse_ruleset(LAPSING), 366)
    assert (same.gaining, same.losing) == (0, 0)
    town.check()


def test_the_window_begins_without_a_delivery_where_the_rules_say_so(make: Make) -> None:
    town = make(BEGINNING)
    member = town.member()
    bought = order(town, member)
    town.pass_time(60 * DAY)
    with pytest.raises(DeliveryNotAwaited) as refusal:
        deliver(town, bought.id)
    assert refusal.value.facts["reason"] == "over"
    assert town.pass_time(13 * DAY).awards_matured == 0
    assert town.pass_time(DAY).awards_matured == 1
    town.check()


def test_without_a_return_window_the_points_come_with_the_delivery(make: Make) -> None:
    town = make(rules(delivery="{channels: [online], within: P60D, otherwise: lapse}"))
    member = town.member()
    bought = order(town, member)
    town.pass_time(3 * DAY)
    assert town.moves(member) == []
    deliver(town, bought.id)
    assert town.pass_time(0 * DAY).awards_matured == 1
    town.check()


def test_only_the_channels_and_merchants_of_the_rules_wait(make: Make) -> None:
    town = make(LAPSING)
    bought = town.buy(town.member(), 10_000, channel="store").value
    assert (bought.delivery_by, bought.available_at) == (None, town.clock.at + 14 * DAY)
    with pytest.raises(DeliveryNotAwaited) as refusal:
        deliver(town, bought.id)
    assert refusal.value.facts["reason"] == "counts_from_purchase"
    others = make(rules(delivery="{merchants: [mrc_other], within: P60D, otherwise: lapse}"))
    assert order(others, others.member()).pending == 0


def test_a_delivery_is_told_once(make: Make) -> None:
    town = make(LAPSING)
    bought = order(town, town.member())
    town.pass_time(2 * DAY)
    first = deliver(town, bought.id, reference="parcel", delivered_at=town.clock.at)
    again = deliver(town, bought.id, reference="parcel", delivered_at=town.clock.at)
    same = deliver(town, bought.id, delivered_at=town.clock.at)
    assert [one.replayed for one in (first, again, same)] == [False, True, True]
    with pytest.raises(AlreadyDelivered):
        deliver(town, bought.id, delivered_at=town.clock.at - DAY)
    with pytest.raises(ReferenceConflict):
        deliver(town, bought.id, reference="parcel", delivered_at=town.clock.at - DAY)
    town.check()


def test_it_refuses_a_delivery_before_the_purchase_in_the_future_or_of_another_merchant(make: Make) -> None:
    town = make(LAPSING)
    bought = order(town, town.member())
    for wrong in (town.clock.at - DAY, town.clock.at + DAY):
        with pytest.raises(InvalidInput):
            deliver(town, bought.id, delivered_at=wrong)
    with pytest.raises(NotFound):
        deliver(town, bought.id, actor=town.charlie)
    town.refund(bought.id, 10_000)
    with pytest.raises(DeliveryNotAwaited):
        deliver(town, bought.id)


def test_refunds_cut_what_waits_before_and_after_the_delivery(make: Make) -> None:
    town = make(LAPSING)
    member = town.member()
    bought = order(town, member)
    town.refund(bought.id, 1_000)
    deliver(town, bought.id)
    town.refund(bought.id, 2_000)
    assert town.pass_time(14 * DAY).awards_matured == 1
    assert town.refund(bought.id, 7_000).value.reversed == 70
    assert town.moves(member) == [("issuance", 70), ("reversal", -70)]
    town.check()


def test_a_frozen_member_is_told_of_a_delivery_and_lapses_only_afterwards(make: Make) -> None:
    town = make(LAPSING)
    member = town.member()
    delivered, lost = order(town, member), order(town, member)
    freeze(town.context, town.alice, member, "a doubt")
    deliver(town, delivered.id)
    assert town.pass_time(61 * DAY).is_idle
    unfreeze(town.context, town.alice, member, "cleared")
    report = town.pass_time(0 * DAY)
    assert (report.awards_matured, report.awards_lapsed) == (1, 1)
    assert get_purchase(town.context, town.alice, lost.id).kept == 0
    town.check()


def test_an_order_goes_on_waiting_for_the_account_that_stays(make: Make) -> None:
    town = make(LAPSING)
    member, other = town.member(), town.member()
    told, waiting, lost = order(town, member), order(town, member), order(town, member)
    deliver(town, told.id)
    merge_members(town.context, ADMIN, member, other, "the same person")
    deliver(town, waiting.id)
    rebuild(town.context)
    report = town.pass_time(60 * DAY)
    assert (report.awards_matured, report.awards_lapsed) == (2, 1)
    assert town.moves(other) == [("issuance", 100), ("issuance", 100)]
    assert get_purchase(town.context, town.alice, lost.id).kept == 0
    town.check()


def test_a_lapsed_award_gives_its_campaigns_back_what_they_gave(make: Make) -> None:
    campaign = "[{id: once, award: {points: 50}, limits: {per_member: {times: 1}, budget_points: 50}}]"
    town = make(LAPSING + f"campaigns: {campaign}\n")
    member = town.member()
    assert order(town, member).points == 150
    assert order(town, member).points == 100
    town.pass_time(60 * DAY)
    assert order(town, member).points == 150
    town.check()


def test_an_order_told_after_its_time_lapses_at_once(make: Make) -> None:
    town = make(LAPSING)
    member = town.member()
    late = town.buy(member, 10_000, channel="online", occurred_at=town.clock.at - 90 * DAY).value
    assert late.pending == 100
    assert town.pass_time(0 * DAY).awards_lapsed == 1
    town.check()
