"""A random history of members in which nearly everything happens, and the rules for it."""

from __future__ import annotations

import random
from datetime import timedelta

from benefit_history import BenefitHistory
from ledger_town import ADMIN, TIERS, Town, rules
from newcomers import bill_a_renewal, bring_somebody_in, give_an_order

from token_service.errors import CallerError
from token_service.ledger.causes import create_cause
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.deliveries import tell_delivery
from token_service.ledger.donations import donate
from token_service.ledger.events import reverse_event, send_event
from token_service.ledger.holds import capture, hold, release
from token_service.ledger.inputs import (
    NewCapture,
    NewDelivery,
    NewDonation,
    NewEvent,
    NewHold,
    NewItem,
    NewMembership,
    NewOrder,
    NewReversal,
    NewVoucher,
    NewVoucherReversal,
    NewVoucherUse,
)
from token_service.ledger.memberships import refund_membership, sell_membership
from token_service.ledger.merging import merge_members
from token_service.ledger.segments import set_segments
from token_service.ledger.voucher_undoing import undo_use
from token_service.ledger.vouchers import buy_reward, list_vouchers, use_voucher

CAMPAIGNS = (
    "[{id: often, award: {points: 9}, limits: {per_member: {times: 2, every: P3D}}}, "
    "{id: scarce, award: {multiplier_percent: 150}, limits: {budget_points: 120}}, "
    "{id: known, when: '\"press\" in member.segments', award: {points: 3}}, "
    "{id: brew, award: {multiplier_percent: 200, items: {categories: [coffee]}}}, "
    "{id: beans, award: {points: 1, per: 300, rounding: ceil, items: {categories: [coffee]}}}, "
    "{id: bonus, when: order.total > 1500, award: {voucher: coffee}, limits: {per_member: {times: 3}}}, "
    "{id: regular, when: visit.number > 2, award: {badge: true}}, "
    "{id: open, when: member.purchases > 1, award: {benefit: lounge}, limits: {per_member: {times: 3, every: P5D}}}]"
)
EVENTS = """
  - {id: third, kind: visit, points: 7, every: 3}
  - {id: review, kind: event, event: review.written, points: 6, limits: {per_member: {times: 2, every: P5D}, budget_points: 90}}
  - {id: box, kind: subscription, points: 11}
"""
CHALLENGES = """
  - {id: card, count: {kind: items, categories: [coffee]}, target: 4, repeat: always, award: {reward: coffee}}
  - {id: week, count: {kind: orders}, target: 2, period: week, repeat: always, award: {points: 13}}
  - {id: critic, count: {kind: events, event: review.written}, target: 2, award: {badge: true}}
"""
MEMBERSHIPS = (
    "[{id: club, price: 900, period: P8D, grace: P2D, points: 5, multiplier_percent: 120, benefits: [{id: lounge, times: 2}]}, "
    "{id: press, price: 1, period: P1M}]"
)
REWARDS = """
  - id: coffee
    kind: discount
    points: 40
    points_by_level: {gold: 30}
    discount: {percent: 10}
    voucher_valid: P4D
    on_expiry: give_back
  - {id: cup, kind: discount, points: 12, discount: {amount: 200}, categories: [coffee], segments: [press, regulars]}
  - {id: cake, kind: gift, points: 7, voucher_valid: P6D, on_expiry: lose}
"""
WHOLE = (
    rules(
        challenges=CHALLENGES,
        memberships=MEMBERSHIPS,
        rewards=REWARDS,
        segments="[{id: press}, {id: regulars}]",
        tiers=TIERS,
        expiry="{kind: inactivity, period: P60D}",
        return_window="P5D",
        delivery="{channels: [online], within: P9D, otherwise: lapse}",
        campaigns=CAMPAIGNS,
        limits="{per_merchant_day_points: 300, program_day_points: 400, velocity: {purchases: 5, every: P2D}}",
    )
    .replace("rounding: floor}]", "rounding: floor}" + EVENTS)
    .replace("earning: [{", "earning:\n  - {")
)
STEPS = 45


class History:
    """Everything that members and merchants can do, drawn by one number; what is refused is left out."""

    def __init__(self, town: Town, luck: random.Random) -> None:
        self.town, self.luck = town, luck
        self.members = [town.member() for _ in range(5)]
        self.purchases: list[str] = []
        self.issuances: list[str] = []
        self.redemptions: list[str] = []
        self.events: list[str] = []
        self.joined: list[str] = []
        self.holds: list[str] = []
        self.benefits = BenefitHistory(town, luck, self.members)
        self.cause = create_cause(town.context, ADMIN, "Refuge").id

    def run(self, steps: int) -> None:
        ways = [self.buy] * 4 + [
            self.refund,
            self.deliver,
            self.issue,
            self.reverse,
            self.redeem,
            self.redeem,
            self.restore,
            self.adjust,
            self.wait,
            self.send,
            self.send,
            self.take_back,
            self.use_voucher,
            self.buy_voucher,
            self.undo_voucher,
            self.pay_with_points,
            self.pay_with_points,
            self.give,
            self.join,
            self.leave,
            self.hold,
            self.end_hold,
            self.donate,
            self.close,
            self.reopen,
            self.merge,
            self.label,
            lambda: give_an_order(self.town, self.luck, self.members),
            lambda: bill_a_renewal(self.town, self.luck, self.members),
            lambda: bring_somebody_in(self.town, self.luck, self.members, may_join=False),
            self.benefits.act,
        ]
        for _ in range(steps):
            try:
                self.luck.choice(ways)()
            except CallerError:
                continue
            except (IndexError, StopIteration):  # nothing to take back, or to use, yet
                continue

    def close(self) -> None:
        forfeit = self.luck.random() < 0.7
        close_member(self.town.context, ADMIN, self.luck.choice(self.members), "asked to", forfeit=forfeit)

    def merge(self) -> None:
        """Two of the accounts are the same person's; nobody new joins, whom an older copy would not know."""
        if len(self.members) > 2 and self.luck.random() < 0.5:
            member, into = self.luck.sample(self.members, 2)
            merge_members(self.town.context, ADMIN, member, into, "the same person")
            self.members.remove(member)

    def label(self) -> None:
        segments = self.luck.sample(["press", "regulars"], self.luck.randrange(3))
        set_segments(self.town.context, ADMIN, self.luck.choice(self.members), segments)

    def reopen(self) -> None:
        for member in self.members:
            reopen_member(self.town.context, ADMIN, member, "came back")

    def buy(self) -> None:
        total, pieces = self.luck.randint(0, 9_000), self.luck.randint(0, 3)
        items = (NewItem(line=1, amount=total, category="coffee", quantity=pieces),) if pieces else ()
        channel = self.luck.choice(["store", "online"])
        bought = self.town.buy(self.luck.choice(self.members), total, items=items, channel=channel)
        self.purchases.append(bought.value.id)

    def deliver(self) -> None:
        new = NewDelivery(self.town.reference())
        tell_delivery(self.town.context, self.town.alice, self.luck.choice(self.purchases), new)

    def pay_with_points(self) -> None:
        """Points pay part of a purchase, of which something comes back perhaps."""
        member, points = self.luck.choice(self.members), self.luck.randint(1, 40)
        paid_by = self.town.redeem(member, points).value.id
        self.redemptions.append(paid_by)
        said = {"paid_with_points": points * 10, "paid_by": paid_by}
        purchase = self.town.buy(member, self.luck.randint(0, 5_000), **said).value
        self.purchases.append(purchase.id)
        if self.luck.random() < 0.6:
            self.town.refund(purchase.id, self.luck.randint(1, 4_000))

    def send(self) -> None:
        type_, subject = (
            self.luck.choice(["review.written", "subscription.paid", "door.opened"]),
            self.luck.choice("abc"),
        )
        new = NewEvent(
            self.town.reference(), type_, self.town.clock.at, self.luck.choice(self.members), subject=subject
        )
        self.events.append(send_event(self.town.context, self.town.alice, new).value.id)

    def join(self) -> None:
        new = NewMembership(self.town.reference(), self.luck.choice(["club", "press"]), self.luck.choice(self.members))
        self.joined.append(sell_membership(self.town.context, self.town.alice, new).value.id)

    def leave(self) -> None:
        new = NewReversal(self.town.reference())
        refund_membership(self.town.context, self.town.alice, self.luck.choice(self.joined), new)

    def buy_voucher(self) -> None:
        member, reward = self.luck.choice(self.members), self.luck.choice(["coffee", "cake"])
        new = NewVoucher(self.town.reference(), reward, None)
        redemption = buy_reward(self.town.context, Actor.member(member), new).value.redemption_id
        self.redemptions.append(str(redemption))

    def use_voucher(self) -> None:
        found = list_vouchers(self.town.context, Actor.member(self.luck.choice(self.members)))
        code = next(one.code for one in found if one.code is not None)
        order = self.luck.choice([None, NewOrder(self.luck.randint(0, 5_000))])
        use_voucher(self.town.context, self.town.alice, NewVoucherUse(self.town.reference(), code, order=order))

    def undo_voucher(self) -> None:
        """Not always one that may be undone."""
        voucher = self.luck.choice(list_vouchers(self.town.context, Actor.member(self.luck.choice(self.members))))
        undo_use(self.town.context, self.town.alice, voucher.id, NewVoucherReversal(self.town.reference()))

    def give(self) -> None:
        """A reward at the till, for an order."""
        amount = self.luck.randint(0, 3_000)
        order = NewOrder(amount, items=(NewItem(line=1, amount=amount, category="coffee"),))
        reward = self.luck.choice(["coffee", "cup"])
        self.redemptions.append(
            self.town.redeem(self.luck.choice(self.members), None, reward_id=reward, order=order).value.id
        )

    def hold(self) -> None:
        lasting = timedelta(hours=self.luck.choice([1, 30, 160]))
        new = NewHold(self.town.reference(), self.luck.choice(self.members), self.luck.randint(1, 60), lasting)
        self.holds.append(hold(self.town.context, self.town.alice, new).value.id)

    def donate(self) -> None:
        points = self.luck.randint(1, 30)
        new = NewDonation(self.town.reference(), self.luck.choice(self.members), points, self.cause)
        donate(self.town.context, self.town.alice, new)

    def end_hold(self) -> None:
        held = self.luck.choice(self.holds)
        if self.luck.random() < 0.3:
            release(self.town.context, self.town.alice, held)
        else:
            new = NewCapture(self.luck.choice([None, self.luck.randint(1, 40)]))
            self.redemptions.append(capture(self.town.context, self.town.alice, held, new).value.id)

    def take_back(self) -> None:
        new = NewReversal(self.town.reference())
        reverse_event(self.town.context, self.town.alice, self.luck.choice(self.events), new)

    def refund(self) -> None:
        self.town.refund(self.luck.choice(self.purchases), self.luck.randint(1, 4_000))

    def issue(self) -> None:
        self.issuances.append(self.town.issue(self.luck.choice(self.members), self.luck.randint(1, 90)).value.id)

    def reverse(self) -> None:
        self.town.reverse(self.luck.choice(self.issuances), self.luck.choice([None, 5]))

    def redeem(self) -> None:
        self.redemptions.append(self.town.redeem(self.luck.choice(self.members), self.luck.randint(1, 60)).value.id)

    def restore(self) -> None:
        self.town.restore(self.luck.choice(self.redemptions), self.luck.choice([None, 3]))

    def adjust(self) -> None:
        self.town.adjust(self.luck.choice(self.members), self.luck.choice([-30, -7, 8, 25]))

    def wait(self) -> None:
        self.town.pass_time(timedelta(hours=self.luck.choice([2, 30, 130, 24 * 61])))
