"""The rest of what happens to members in test_whole_lifecycle.py: by hand, on holds and renewals, in the wallet, to their
accounts, by invitations and birthdays, and to the rules themselves.
"""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule
from ledger_town import ADMIN, accept_by_chain
from lifecycle_machine import MEMBERS, MERCHANTS, Trade, after
from lifecycle_rules import TREAT, changed, with_campaign

from token_service.ledger.adjustments import adjust, simulate_adjustment
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.donations import donate
from token_service.ledger.holds import capture, hold, release
from token_service.ledger.inputs import (
    NewAdjustment,
    NewCapture,
    NewDonation,
    NewHold,
    NewMember,
    NewRenewal,
    NewReversal,
    NewVoucher,
    NewVoucherUse,
)
from token_service.ledger.issuances import reverse_issuance
from token_service.ledger.members import enrol, freeze, unfreeze
from token_service.ledger.merging import merge_members
from token_service.ledger.referrals import get_invitation
from token_service.ledger.rulesets import draft, publish, ruleset_in_force
from token_service.ledger.segments import set_segments
from token_service.ledger.standing_orders import renew, set_standing_order
from token_service.ledger.vouchers import buy_reward, use_voucher


class Lifecycle(Trade):
    """Trade, and everything else."""

    @rule(member=MEMBERS, at=MERCHANTS, points=st.integers(1, 80))
    def issue(self, member: int, at: int, points: int) -> None:
        who = self.merchants[at]

        def issue() -> None:
            self.made["issuance"].append((who, self.town.issue(self.members[member], points, actor=who).value.id))

        self._try(issue)

    @after("issuance")
    @rule(data=st.data(), points=st.none() | st.integers(1, 50))
    def take_issue_back(self, data: st.DataObject, points: int | None) -> None:
        who, issued = self._one(data, "issuance")
        self._try(lambda: reverse_issuance(self.town.context, who, issued, NewReversal(self.town.reference(), points)))

    @rule(member=MEMBERS, points=st.integers(-60, 60).filter(bool))
    def adjust(self, member: int, points: int) -> None:
        new = NewAdjustment(self.town.reference(), self.members[member], points, "counted again")
        self._alike(
            "adjustment",
            ADMIN,
            lambda who: simulate_adjustment(self.town.context, who, new),
            lambda who: adjust(self.town.context, who, new),
        )

    @rule(member=MEMBERS, at=MERCHANTS, points=st.integers(1, 60))
    def hold(self, member: int, at: int, points: int) -> None:
        new, who = NewHold(self.town.reference(), self.members[member], points, timedelta(hours=30)), self.merchants[at]
        self._try(lambda: self.made["hold"].append((who, hold(self.town.context, who, new).value.id)))

    @after("hold")
    @rule(data=st.data(), points=st.integers(0, 60))
    def end_hold(self, data: st.DataObject, points: int) -> None:
        who, held = self._one(data, "hold")

        def end() -> None:
            if points:
                capture(self.town.context, who, held, NewCapture(points))
            else:
                release(self.town.context, who, held)

        self._try(end)

    @rule(member=MEMBERS, points=st.integers(0, 30), amount=st.integers(0, 500))
    def renew(self, member: int, points: int, amount: int) -> None:
        set_standing_order(self.town.context, ADMIN, self.members[member], points)
        new = NewRenewal(self.town.reference(), amount, self.members[member])
        self._try(lambda: renew(self.town.context, self.town.alice, new))

    @rule(member=MEMBERS)
    def buy_reward(self, member: int) -> None:
        new, who = NewVoucher(self.town.reference(), "treat", TREAT), Actor.member(self.members[member])

        def buy() -> None:
            bought = buy_reward(self.town.context, who, new).value
            self.made["code"].append((who, str(bought.code)))
            self.made["redemption"].append((ADMIN, str(bought.redemption_id)))

        self._try(buy)

    @after("code")
    @rule(data=st.data(), at=MERCHANTS)
    def use_voucher(self, data: st.DataObject, at: int) -> None:
        _, code = self._one(data, "code")
        new = NewVoucherUse(self.town.reference(), code, self.stores[at])
        self._try(lambda: use_voucher(self.town.context, self.merchants[at], new))

    @rule(member=MEMBERS, points=st.integers(1, 50))
    def give(self, member: int, points: int) -> None:
        new = NewDonation(self.town.reference(), self.members[member], points, self.cause)
        self._try(lambda: donate(self.town.context, self.town.alice, new))

    @rule(member=MEMBERS, into=MEMBERS, mail=st.sampled_from(["ada@example.com", None]), days=st.integers(0, 30))
    def invite(self, member: int, into: int, mail: str | None, days: int) -> None:
        """A friend takes the place of one of the three, who goes on without being met again; perhaps with a birthday soon."""

        def invite() -> None:
            code = get_invitation(self.town.context, ADMIN, self.members[member]).code
            born = date(1990, 3, 1) + timedelta(days=days)
            new = NewMember(self.town.reference(), email=mail, birth_date=born, referral_code=code)
            friend = enrol(self.town.context, self.town.alice, new).member.id
            self.members[into] = self.known_to_both(friend)

        self._try(invite)

    @rule(member=MEMBERS, forfeit=st.booleans(), is_frozen=st.booleans())
    def close_or_freeze(self, member: int, forfeit: bool, is_frozen: bool) -> None:
        who = self.members[member]
        if is_frozen:
            freeze(self.town.context, ADMIN, who, "a doubt")
        else:
            self._try(lambda: close_member(self.town.context, ADMIN, who, "asked to", forfeit=forfeit))

    @rule(member=MEMBERS, into=MEMBERS)
    def merge(self, member: int, into: int) -> None:
        """One of the accounts becomes part of another one; a newcomer takes its place."""

        def merge() -> None:
            merge_members(self.town.context, ADMIN, self.members[member], self.members[into], "the same person")
            self.members[member] = self.newcomer()

        self._try(merge)

    @rule(member=MEMBERS, segments=st.sets(st.sampled_from(["press", "regulars"])))
    def label(self, member: int, segments: set[str]) -> None:
        set_segments(self.town.context, ADMIN, self.members[member], tuple(segments))

    @rule()
    def set_everybody_free(self) -> None:
        for who in self.members:
            unfreeze(self.town.context, ADMIN, who, "looked at")
            reopen_member(self.town.context, ADMIN, who, "came back")

    @rule(points=st.integers(1, 3), is_inactivity=st.booleans())
    def change_the_rules(self, points: int, is_inactivity: bool) -> None:
        made = draft(self.town.context, ADMIN, changed(points, next(self.numbers), is_inactivity=is_inactivity))
        publish(self.town.context, ADMIN, made.hash, self.town.clock.at.replace(microsecond=0) + timedelta(hours=2))
        accept_by_chain(self.town, made.hash)
        self.town.pass_time(timedelta(hours=3))

    @rule()
    def add_to_the_rules(self) -> None:
        """A flash campaign, at once."""
        base = ruleset_in_force(self.town.context, self.town.clock.at)
        made = draft(self.town.context, ADMIN, with_campaign(base.document, next(self.numbers)), base.hash)
        publish(self.town.context, ADMIN, made.hash, self.town.clock.at)
        accept_by_chain(self.town, made.hash)
