"""Whatever an honest programme does, its replay finds nothing: every kind of entry and rule, drawn at random."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from token_service.audit.report import REPLAYED, Status
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
    NewMember,
    NewMembership,
    NewReversal,
    NewVoucher,
    NewVoucherUse,
)
from token_service.ledger.members import enrol
from token_service.ledger.memberships import refund_membership, sell_membership
from token_service.ledger.merging import merge_members
from token_service.ledger.referrals import get_invitation
from token_service.ledger.segments import set_segments
from token_service.ledger.vouchers import buy_reward, list_vouchers, use_voucher

from .opened_programme import OpenedProgramme, make_opened
from .test_honest_chain import explain, statuses

DAY = timedelta(days=1)
ADMIN = Actor.admin()
RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning:
  - {id: base, kind: spend, points: %(points)s, per: 100, basis: net, rounding: %(rounding)s}
  - {id: fruit, kind: item, points: 3, per_quantity: 1, categories: [FRUIT]}
  - {id: second, kind: visit, points: 6, every: 2}
  - {id: review, kind: event, event: review.written, points: 12, limits: {per_member: {times: 2, every: P5D}}}
  - {id: survey, kind: event, event: survey.answered, points: 7, once_per: subject, limits: {budget_amount: 605}}
  - {id: box, kind: subscription, points: 25}
  - {id: hello, kind: event, event: member.joined, points: 5, once_per: person}
  - {id: friend, kind: event, event: member.referred, points: 15}
  - {id: share, kind: referral, percent: 10, up_to_points: 30}
  - {id: invited, kind: event, event: member.invited, points: 10}
  - {id: cake, kind: event, event: member.birthday, points: 9}
campaigns:
  - {id: third, when: "visit.number %% 3 == 0", award: {points: 50}, limits: {per_member: {times: 2, every: P9D}}}
  - {id: big, when: "order.total >= 5000 && member.tier != 'gold'", award: {multiplier_percent: 200}, limits: %(big)s}
  - {id: juicy, award: {multiplier_percent: 180, items: {categories: [FRUIT]}}, limits: {per_member: {times: 5, every: P6D}}}
  - {id: pulp, award: {points: 2, per: 130, basis: net, rounding: ceil, items: {categories: [FRUIT]}}}
  - {id: treat, when: "'FRUIT' in order.categories", award: {voucher: coffee}, limits: {per_member: {times: 3}}}
  - {id: regular, when: visit.number > 2, award: {badge: true}}
  - {id: known, when: "'regulars' in member.segments && size(member.segments) < 2", award: {points: 4}}
  - {id: first, when: "order.total >= 2000", award: {points: 30}, limits: {per_member: {times: 1}, budget_points: 75}}
memberships:
  - {id: club, price: 2900, period: P9D, grace: P2D, multiplier_percent: 130, points: 8}
  - {id: press, price: 500, period: P1M}
segments: [{id: regulars}, {id: press}]
challenges:
  - {id: card, count: {kind: items, categories: [FRUIT]}, target: 5, repeat: always, award: {reward: coffee}}
  - {id: spree, count: {kind: spend, when: order.total > 300}, target: 9000, repeat: always, award: {points: 11}}
  - {id: week, count: {kind: orders}, target: 3, period: week, repeat: always, award: {points: 13}}
  - {id: days, count: {kind: visits}, target: 2, award: {badge: true}}
  - {id: row, count: {kind: streak, every: week}, target: 2, repeat: always, award: {points: 6, badge: false}}
  - {id: critic, count: {kind: events, event: review.written}, target: 2, repeat: always, award: {points: 4}}
tiers:
  qualify_by: %(qualify)s
  window: {kind: rolling, period: P60D}
  downgrade: {after: window, grace: P5D, steps: 1}
  levels:
    - {id: bronze, from: 0}
    - {id: silver, from: %(silver)s%(keeps_silver)s, multiplier_percent: 120}
    - {id: gold, from: %(gold)s%(keeps_gold)s, multiplier_percent: 150}
expiry: %(expiry)s
%(window)s
%(delivery)s
%(visits)s
%(redemption)s
limits: {per_order_points: 400, per_member_day_points: 500, %(caps)smanual_issuance_points: 300, adjustment_points: 400}
accept_late: P10D
restoration_grace: P3D
rewards:
  - {id: coffee, kind: gift, points: 40, points_by_level: {silver: 31, gold: 23}, voucher_valid: P3D, on_expiry: give_back}
  - {id: dinner, kind: gift, points: 20, memberships: [club]}
  - {id: cake, kind: gift, points: 9, per_member: {times: 1, every: P3D}, voucher_valid: PT40H, on_expiry: lose}
"""
EXPIRIES = (
    "{kind: none}",
    "{kind: fixed, period: P20D}",
    "{kind: fixed, period: P20D, round_to: month_end}",
    "{kind: period_end, period: month}",
    "{kind: inactivity, period: P12D}",
)


CAPS = "per_merchant_day_points: 450, program_day_points: 700, velocity: {purchases: 4, every: P3D}, "
BY_HAND = (
    "count_manual: true, manual_issuance_day_points: 400, adjustment_day_points: 450, "
    "over: {per_order_points: refuse, per_merchant_day_points: refuse}, "
)
BOUND = "redemption: {min_points: 5, per_member_day_points: 300, cool_down: PT2H}"


DELIVERIES = (
    "",
    "delivery: {channels: [online], within: P4D, otherwise: lapse}",
    "delivery: {channels: [online], within: P3D, otherwise: begin}",
)


def rules(draw: random.Random, post: random.Random | None = None) -> str:
    qualify = draw.choice(["spend", "points", "engagement"])
    silver, gold = {"spend": (4_000, 12_000), "points": (300, 900), "engagement": (2, 5)}[qualify]
    return RULES % {
        "points": draw.randrange(1, 4),
        "rounding": draw.choice(["floor", "half_up", "ceil"]),
        "qualify": qualify,
        "silver": silver,
        "gold": gold,
        "expiry": draw.choice(EXPIRIES),
        "big": "{budget_amount: 7009, budget_points: 800}",
        "window": draw.choice(["", "return_window: P2D"]),
        "delivery": "" if post is None else post.choice(DELIVERIES),
        "visits": draw.choice(["", "visits: {}", "visits: {window: PT30H}", "visits: {window: PT5H, refunded: count}"]),
        "caps": (caps := draw.choice(["", CAPS, CAPS + BY_HAND])),
        "redemption": BOUND if BY_HAND in caps else "",
        "keeps_silver": (keeps := draw.choice(["", f", keep: {silver // 2}"])),
        "keeps_gold": keeps and f", keep: {gold // 3}",
    }


class RandomBusiness:
    """People who buy, return, redeem, and those who put things right by hand. `post` draws what is ordered and delivered."""

    def __init__(self, made: OpenedProgramme, draw: random.Random, post: random.Random | None = None) -> None:
        self.made, self.town, self.draw, self.post = made, made.town, draw, post
        self.members: list[str] = []
        for _ in range(4):
            self.members.append(self.member())
        self.sent: list[str] = []
        self.joined: list[str] = []
        self.holds: list[str] = []
        cause = create_cause(self.town.context, Actor.admin(), "Refuge")
        made.chain.admin("registerParty", cause.party, cause.name, 0, 0)
        self.cause = cause.id
        self.bought: list[str] = []
        self.issued: list[str] = []
        self.redeemed: list[str] = []

    def run(self, steps: int) -> None:
        everyday = (
            [self.buy] * 8
            + [self.refund] * 4
            + [self.redeem] * 3
            + [self.send] * 3
            + [self.use_voucher, self.buy_voucher, self.join, self.leave]
            + [self.hold, self.end_hold, self.end_hold, self.donate, self.close, self.reopen, self.merge, self.label]
            + [self.restore, self.issue, self.reverse, self.adjust, self.take_back]
        )
        for _ in range(steps):
            action = self.draw.choice(
                [*everyday, self.wait, self.wait, self.wait, self.settle, self.settle, self.rarely]
            )
            try:
                action()
            except CallerError:
                continue
        self.settle()

    def close(self) -> None:
        if self.draw.random() < 0.3:
            member = self.draw.choice(self.members)
            close_member(self.town.context, ADMIN, member, "asked to", forfeit=self.draw.random() < 0.7)

    def reopen(self) -> None:
        for member in self.members:
            reopen_member(self.town.context, ADMIN, member, "came back")

    def merge(self) -> None:
        """One of the accounts is the same person's as another one, and a newcomer takes its place."""
        member, into = self.draw.sample(self.members, 2)
        for actor in (ADMIN, Actor.admin("bob")):
            done = merge_members(self.town.context, actor, member, into, "the same person")
        assert not done.waits
        self.members[self.members.index(member)] = self.member()

    def label(self) -> None:
        segments = self.draw.sample(["press", "regulars"], self.draw.randrange(3))
        set_segments(self.town.context, ADMIN, self.draw.choice(self.members), segments)

    def buy(self) -> None:
        draw = self.draw
        late = timedelta(hours=draw.choice([0, 0, 0, 1, 30, 100]))
        total = draw.choice([0, 40, 399, 1_250, 2_390, 5_600, 19_900])
        items = (
            []
            if draw.random() < 0.5
            else [self.line(1, "FRUIT", total // 2, 3), self.line(2, None, total - total // 2, 1)]
        )
        member = draw.choice(self.members)
        bought = self.town.buy(
            member,
            total,
            occurred_at=self.town.clock.at - late,
            tax=total // 6,
            items=tuple(items),
            channel="store" if self.post is None else self.post.choice(["store", "online"]),
        )
        self.bought.append(bought.value.id)
        self.deliver()

    def deliver(self) -> None:
        """Perhaps one of the last orders, or one that waits for nothing."""
        if self.post is not None and self.post.random() < 0.5:
            new = NewDelivery(self.town.reference())
            tell_delivery(self.town.context, self.town.alice, self.post.choice(self.bought[-6:]), new)

    def line(self, line: int, category: str | None, amount: int, quantity: int) -> NewItem:
        return NewItem(line=line, sku=None, category=category, quantity=quantity, amount=amount, discount=0, tax=0)

    def refund(self) -> None:
        if self.bought:
            bought = self.draw.choice([self.bought[-1], self.draw.choice(self.bought)])
            self.town.refund(bought, self.draw.choice([100, 700, 1_250, 2_390, 5_600, 19_900]))

    def redeem(self) -> None:
        member = self.draw.choice(self.members)
        available = self.town.balance(member).available
        if self.draw.random() < 0.4 and available:  # everything: what is refunded then is owed
            self.redeemed.append(self.town.redeem(member, available).value.id)
        elif self.draw.random() < 0.5:
            self.redeemed.append(
                self.town.redeem(
                    member, None, reward_id=self.draw.choice(["coffee", "dinner", "cake", "cake"])
                ).value.id
            )
        else:
            self.redeemed.append(self.town.redeem(member, self.draw.randrange(1, 120)).value.id)

    def restore(self) -> None:
        if self.redeemed:
            self.town.restore(self.draw.choice(self.redeemed), self.draw.choice([None, 1, 5]))

    def issue(self) -> None:
        self.issued.append(self.town.issue(self.draw.choice(self.members), self.draw.randrange(1, 200)).value.id)

    def reverse(self) -> None:
        if self.issued:
            self.town.reverse(self.draw.choice(self.issued), self.draw.choice([None, 10]))

    def adjust(self) -> None:
        self.town.adjust(self.draw.choice(self.members), self.draw.choice([-30, -5, 15, 60]))

    def member(self) -> str:
        """Somebody whose birthday is soon, perhaps a person known by another card."""
        email = self.draw.choice([None, "a@example.com", "b@example.com", f"{self.draw.random()}@example.com"])
        born = (self.town.clock.at + timedelta(days=self.draw.randrange(-2, 20))).date().replace(year=1990)
        code = None
        if self.members and self.draw.random() < 0.7:
            code = get_invitation(self.town.context, ADMIN, self.draw.choice(self.members)).code
        new = NewMember(self.town.reference(), email=email, birth_date=born, referral_code=code)
        return enrol(self.town.context, self.town.alice, new).member.id

    def send(self) -> None:
        type_ = self.draw.choice(["review.written", "survey.answered", "subscription.paid", "door.opened"])
        late = timedelta(hours=self.draw.choice([0, 0, 1, 30]))
        subject = self.draw.choice([None, "one", "two", "three"])
        given = NewEvent(self.town.reference(), type_, self.town.clock.at - late, self.draw.choice(self.members))
        sent = send_event(self.town.context, self.town.alice, replace(given, subject=subject))
        self.sent.append(sent.value.id)

    def hold(self) -> None:
        lasting = timedelta(hours=self.draw.choice([1, 30, 160]))
        new = NewHold(self.town.reference(), self.draw.choice(self.members), self.draw.randrange(1, 150), lasting)
        self.holds.append(hold(self.town.context, self.town.alice, new).value.id)

    def buy_voucher(self) -> None:
        new = NewVoucher(self.town.reference(), self.draw.choice(["coffee", "cake"]), None)
        buy_reward(self.town.context, Actor.member(self.draw.choice(self.members)), new)

    def use_voucher(self) -> None:
        found = list_vouchers(self.town.context, Actor.member(self.draw.choice(self.members)))
        codes = [one.code for one in found if one.code is not None]
        if codes:
            use_voucher(
                self.town.context, self.town.alice, NewVoucherUse(self.town.reference(), self.draw.choice(codes))
            )

    def join(self) -> None:
        late = timedelta(hours=self.draw.choice([0, 0, 30]))
        new = NewMembership(
            self.town.reference(),
            self.draw.choice(["club", "club", "press"]),
            self.draw.choice(self.members),
            occurred_at=self.town.clock.at - late,
        )
        self.joined.append(sell_membership(self.town.context, self.town.alice, new).value.id)

    def leave(self) -> None:
        if self.joined:
            new = NewReversal(self.town.reference())
            refund_membership(self.town.context, self.town.alice, self.draw.choice(self.joined), new)

    def donate(self) -> None:
        points = self.draw.randrange(1, 40)
        new = NewDonation(self.town.reference(), self.draw.choice(self.members), points, self.cause)
        donate(self.town.context, self.town.alice, new)

    def end_hold(self) -> None:
        if self.holds:
            held = self.draw.choice(self.holds)
            if self.draw.random() < 0.3:
                release(self.town.context, self.town.alice, held)
            else:
                new = NewCapture(self.draw.choice([None, self.draw.randrange(1, 60)]))
                self.redeemed.append(capture(self.town.context, self.town.alice, held, new).value.id)

    def take_back(self) -> None:
        if self.sent:
            new = NewReversal(self.town.reference())
            reverse_event(self.town.context, self.town.alice, self.draw.choice(self.sent), new)

    def wait(self) -> None:
        self.town.pass_time(timedelta(hours=self.draw.choice([1, 5, 24, 72, 240])))

    def settle(self) -> None:
        self.made.settle(self.draw.choice([None, 5, 20]))

    def rarely(self) -> None:
        self.town.pass_time(timedelta(hours=9))
        self.made.publish(rules(self.draw, self.post), ahead=timedelta(hours=3))
        self.members.append(self.member())


SEEDS = [*range(6), 116]
"""In 116 two purchases of one instant are told in another order than they were recorded in."""
DELIVERED = (1, 3, 5)
"""Those with orders that wait for their delivery."""


@pytest.mark.parametrize("seed", SEEDS)
def test_an_honest_history_replays_without_a_finding(
    node_url: str, tmp_path: Path, keys_folder: Path, seed: int
) -> None:
    draw = random.Random(seed)
    post = random.Random(f"post {seed}") if seed in DELIVERED else None
    made = make_opened(node_url, tmp_path, keys_folder, rules(draw, post))
    RandomBusiness(made, draw, post).run(150)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert {statuses(report)[name] for name in REPLAYED} == {Status.HELD}
    assert report.openings is not None
    assert report.openings.opened == report.counts["leaves"] > 60
    assert {"issuance", "redemption", "tier"} <= kinds(made)
    made.town.context.store.dispose()


def kinds(made: OpenedProgramme) -> set[str]:
    """What was settled."""
    openings = [filed.opening for batch in made.chain.batches for filed in batch.leaves]
    return {json.loads(opening.detail)["kind"] for opening in openings if opening is not None}
