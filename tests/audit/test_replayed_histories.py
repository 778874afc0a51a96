"""Whatever an honest programme does, its replay finds nothing: every kind of entry and rule, drawn at random."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from newcomers import bill_a_renewal, bring_somebody_in, give_an_order

from token_service.audit.report import REPLAYED, Status
from token_service.errors import CallerError
from token_service.ledger.benefit_using import reverse_use, use_benefit
from token_service.ledger.causes import create_cause
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.deliveries import tell_delivery
from token_service.ledger.donations import donate
from token_service.ledger.events import reverse_event, send_event
from token_service.ledger.holds import capture, hold, release
from token_service.ledger.inputs import (
    MemberChange,
    NewBenefitUse,
    NewCapture,
    NewDelivery,
    NewDonation,
    NewEvent,
    NewHold,
    NewItem,
    NewMember,
    NewMembership,
    NewReversal,
    NewUseReversal,
    NewVoucher,
    NewVoucherReversal,
    NewVoucherUse,
)
from token_service.ledger.members import enrol
from token_service.ledger.memberships import refund_membership, sell_membership
from token_service.ledger.merging import merge_members
from token_service.ledger.profiles import change_member
from token_service.ledger.referrals import get_invitation
from token_service.ledger.segments import set_segments
from token_service.ledger.views import BenefitUsed
from token_service.ledger.voucher_undoing import undo_use
from token_service.ledger.vouchers import buy_reward, list_vouchers, use_voucher

from .opened_programme import OpenedProgramme, make_opened
from .random_rules import rules
from .test_honest_chain import explain, statuses

DAY = timedelta(days=1)
ADMIN = Actor.admin()


class RandomBusiness:
    """People who buy, return, redeem, and those who put things right by hand. `post` draws what is ordered and delivered."""

    def __init__(self, made: OpenedProgramme, draw: random.Random, post: random.Random | None = None) -> None:
        self.made, self.town, self.draw, self.post = made, made.town, draw, post
        self.dates = random.Random(draw.getstate()[1][0])
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
        self.luck, self.known = random.Random(str(draw.getstate())), list(self.members)
        self.redeemed: list[str] = []

    def run(self, steps: int) -> None:
        everyday = self.everyday()
        for _ in range(steps):
            action = self.draw.choice(
                [*everyday, self.wait, self.wait, self.wait, self.settle, self.settle, self.rarely]
            )
            for one in (action, self.beside):
                with suppress(CallerError):
                    one()
        self.settle()

    def beside(self) -> None:
        """Now and then something by a luck of its own, so that what the other steps draw stays what it was."""
        if self.luck.random() < 0.2:
            way = self.luck.choice([give_an_order, bill_a_renewal, bill_a_renewal, bring_somebody_in])
            way(self.town, self.luck, self.known)
            self.town.buy(self.luck.choice(self.known), self.luck.randrange(5_000))

    def everyday(self) -> list[Callable[[], None]]:
        return (
            [self.buy] * 8
            + [self.refund] * 4
            + [self.redeem] * 3
            + [self.send] * 3
            + [self.use_voucher, self.buy_voucher, self.join, self.leave]
            + [self.hold, self.end_hold, self.end_hold, self.donate, self.close, self.reopen, self.merge, self.label]
            + [self.restore, self.issue, self.reverse, self.adjust, self.take_back]
        )

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

    def correct(self) -> None:
        """Somebody's birth date is put right, perhaps just behind a birthday. Drawn by itself: the rest of a history stays."""
        born = (self.town.clock.at + timedelta(days=self.dates.randrange(-3, 8))).date().replace(year=1990)
        change = MemberChange(frozenset({"birth_date"}), birth_date=born)
        change_member(self.town.context, self.town.alice, self.dates.choice(self.members), change)

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
        self.correct()
        self.town.pass_time(timedelta(hours=self.draw.choice([1, 5, 24, 72, 240])))

    def settle(self) -> None:
        self.made.settle(self.draw.choice([None, 5, 20]))

    def rarely(self) -> None:
        self.town.pass_time(timedelta(hours=9))
        self.made.publish(self.other_rules(), ahead=timedelta(hours=3))
        self.members.append(self.member())

    def other_rules(self) -> str:
        return rules(self.draw, self.post)


class GenerousBusiness(RandomBusiness):
    """They also use benefits, give by rewards, undo uses, pay with points, and some are companies; under rules that say so."""

    def __init__(self, made: OpenedProgramme, draw: random.Random, post: random.Random | None = None) -> None:
        super().__init__(made, draw, post)
        cause = create_cause(self.town.context, ADMIN, "Lire")
        made.chain.admin("registerParty", cause.party, cause.name, 0, 0)
        self.causes = [self.cause, cause.id]
        self.uses: list[BenefitUsed] = []
        self.honoured: list[str] = []

    def everyday(self) -> list[Callable[[], None]]:
        more = [self.use_benefit] * 6 + [self.take_use_back] * 2 + [self.donate, self.give, self.give]
        return super().everyday() + more + [self.pay_with_points, self.pay_with_points, self.undo, self.buy_voucher]

    def other_rules(self) -> str:
        return rules(self.draw, self.post, with_giving=True)

    def use_benefit(self) -> None:
        benefit, member = self.draw.choice(["lounge", "lounge", "pool", "paper"]), self.draw.choice(self.members)
        new = NewBenefitUse(self.town.reference())
        self.uses.append(use_benefit(self.town.context, self.town.alice, member, benefit, new).use)

    def take_use_back(self) -> None:
        if self.uses:
            one = self.draw.choice(self.uses[-4:])
            where = {"use_id": one.id, "member_id": one.member_id, "benefit": one.benefit}
            reverse_use(self.town.context, self.town.alice, NewUseReversal(self.town.reference()), **where)

    def donate(self) -> None:
        self.cause = self.draw.choice(self.causes)
        super().donate()

    def give(self) -> None:
        new = NewDonation(self.town.reference(), self.draw.choice(self.members), reward_id="meal")
        donate(self.town.context, self.town.alice, new)

    def pay_with_points(self) -> None:
        member, points = self.draw.choice(self.members), self.draw.choice([10, 40])
        paid_by = self.town.redeem(member, points).value.id
        total = self.draw.choice([700, 2_390])
        self.bought.append(self.town.buy(member, total, paid_with_points=10 * points, paid_by=paid_by).value.id)

    def buy_voucher(self) -> None:
        reward = self.draw.choice(["coffee", "cake", "flyers", "flyers"])
        buy_reward(
            self.town.context,
            Actor.member(self.draw.choice(self.members)),
            NewVoucher(self.town.reference(), reward, None),
        )

    def use_voucher(self) -> None:
        found = list_vouchers(self.town.context, Actor.member(self.draw.choice(self.members)))
        for one in found[:1]:
            if one.code is not None:
                new = NewVoucherUse(self.town.reference(), one.code)
                use_voucher(self.town.context, self.town.alice, new)
                self.honoured.append(one.id)

    def undo(self) -> None:
        if self.honoured:
            new = NewVoucherReversal(self.town.reference())
            undo_use(self.town.context, self.town.alice, self.draw.choice(self.honoured[-3:]), new)

    def label(self) -> None:
        segments = self.draw.sample(["press", "regulars", "pros"], self.draw.randrange(4))
        set_segments(self.town.context, ADMIN, self.draw.choice(self.members), segments)


SEEDS = [*range(6)]
DELIVERED = range(1, 10_000, 2)
"""Those with orders that wait for their delivery."""
TOGETHER = 116
"""A seed where two purchases of one instant are told in another order than they were recorded in."""


@pytest.mark.parametrize("seed", SEEDS)
def test_an_honest_history_replays_without_a_finding(
    node_url: str, tmp_path: Path, keys_folder: Path, seed: int
) -> None:
    draw = random.Random(seed)
    post = random.Random(f"post {seed}") if seed in DELIVERED else None
    made = make_opened(node_url, tmp_path, keys_folder, rules(draw, post, with_giving=True))
    live(made, GenerousBusiness(made, draw, post))


def test_purchases_of_one_instant_replay_without_a_finding(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    draw = random.Random(TOGETHER)
    made = make_opened(node_url, tmp_path, keys_folder, rules(draw))
    live(made, RandomBusiness(made, draw))


def live(made: OpenedProgramme, business: RandomBusiness) -> None:
    business.run(150)
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
