"""Everything that can happen to members, in any order hypothesis can think of, on both databases: what must hold does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from ledger_town import ADMIN, Make, Town, accept_by_chain, rules
from sqlalchemy import select

from token_service.errors import CallerError
from token_service.ledger import tables
from token_service.ledger.campaign_uses import used_points
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.events import reverse_event, send_event
from token_service.ledger.holds import capture, hold, release
from token_service.ledger.inputs import (
    NewCapture,
    NewEvent,
    NewHold,
    NewItem,
    NewMembership,
    NewRedemption,
    NewRenewal,
    NewReversal,
)
from token_service.ledger.members import freeze, get_member, unfreeze
from token_service.ledger.memberships import refund_membership, sell_membership
from token_service.ledger.merging import merge_members
from token_service.ledger.purchases import record_purchase, simulate_purchase
from token_service.ledger.redemptions import redeem, simulate_redemption
from token_service.ledger.rulesets import draft, publish
from token_service.ledger.segments import set_segments
from token_service.ledger.standing_orders import renew, set_standing_order
from token_service.ledger.transaction import read

ORDER, MEMBER_DAY, MERCHANT_DAY, PROGRAM_DAY = 120, 200, 260, 300
BUDGETS = {"often": 150, "scarce": 90, "review": 60}
WHOLE = rules(
    campaigns="[{id: often, award: {points: 9}, limits: {per_member: {times: 2, every: P3D}, budget_points: 150}}, "
    "{id: scarce, award: {multiplier_percent: 150}, limits: {budget_points: 90}}, "
    "{id: known, when: '\"press\" in member.segments', award: {points: 3}}]",
    segments="[{id: press}, {id: regulars}]",
    challenges="[{id: card, count: {kind: items, categories: [coffee]}, target: 4, repeat: always, award: {reward: treat}}, "
    "{id: week, count: {kind: orders}, target: 2, period: week, repeat: always, award: {points: 13}}]",
    memberships="[{id: club, price: 900, period: P8D, grace: P2D, points: 5, multiplier_percent: 120}]",
    rewards="[{id: treat, kind: gift, points: 40}]",
    tiers="{qualify_by: spend, window: {kind: rolling, period: P20D}, downgrade: {after: window, grace: P2D, steps: 1}, "
    "levels: [{id: bronze, from: 0}, {id: silver, from: 9000, multiplier_percent: 130}, {id: gold, from: 20000}]}",
    expiry="{kind: fixed, period: P25D}",
    return_window="P2D",
    limits=f"{{per_order_points: {ORDER}, per_member_day_points: {MEMBER_DAY}, per_merchant_day_points: {MERCHANT_DAY}, "
    f"program_day_points: {PROGRAM_DAY}, velocity: {{purchases: 4, every: P1D}}}}",
).replace(
    "rounding: floor}]",
    "rounding: floor}, {id: review, kind: event, event: review.written, points: 6, limits: {budget_points: 60}}]",
)
EXAMPLES = {"sqlite": 5, "postgresql": 3}
STEPS = 40
SOAK_EXAMPLES = 150
MEMBERS = st.integers(0, 2)


class Lifecycle(RuleBasedStateMachine):
    """Three members of a programme of their own for each example, so that a failing one can be run again; the clock only goes
    forward. What is refused leaves nothing.
    """

    new_town: Callable[[], Town]

    @initialize()
    def enrol(self) -> None:
        self.town, self.numbers = type(self).new_town(), count()
        self.members = [self.town.member() for _ in range(3)]
        self.made: dict[str, list[str]] = defaultdict(list)
        self.merged: set[str] = set()

    @rule(member=MEMBERS, total=st.integers(0, 15_000), pieces=st.integers(0, 3))
    def buy(self, member: int, total: int, pieces: int) -> None:
        items = (NewItem(line=1, amount=total, category="coffee", quantity=pieces),) if pieces else ()
        new = self.town.new_purchase(self.members[member], total, items=items)
        simulated, real = self._both(
            lambda: simulate_purchase(self.town.context, self.town.alice, new),
            lambda: record_purchase(self.town.context, self.town.alice, new).value,
        )
        if real is None:
            return
        assert simulated == replace(real, id=simulated.id, completed=simulated.completed)
        self.made["purchase"].append(real.id)

    @rule(member=MEMBERS, points=st.integers(1, 90))
    def redeem(self, member: int, points: int) -> None:
        new = NewRedemption(self.town.reference(), self.members[member], points)
        simulated, real = self._both(
            lambda: simulate_redemption(self.town.context, self.town.alice, new),
            lambda: redeem(self.town.context, self.town.alice, new).value,
        )
        if real is None:
            return
        assert simulated == replace(real, id=simulated.id)
        self.made["redemption"].append(real.id)

    @rule(data=st.data(), amount=st.integers(1, 9_000))
    def refund(self, data: st.DataObject, amount: int) -> None:
        self._try(lambda: self.town.refund(self._one(data, "purchase"), amount))

    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        self._try(lambda: self.town.restore(self._one(data, "redemption"), None))

    @rule(member=MEMBERS, points=st.integers(1, 80))
    def issue(self, member: int, points: int) -> None:
        self._try(lambda: self.town.issue(self.members[member], points))

    @rule(member=MEMBERS)
    def send(self, member: int) -> None:
        new = NewEvent(self.town.reference(), "review.written", self.town.clock.at, self.members[member])
        self._try(lambda: self.made["event"].append(send_event(self.town.context, self.town.alice, new).value.id))

    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        new = NewReversal(self.town.reference())
        self._try(lambda: reverse_event(self.town.context, self.town.alice, self._one(data, "event"), new))

    @rule(member=MEMBERS)
    def join(self, member: int) -> None:
        new = NewMembership(self.town.reference(), "club", self.members[member])
        self._try(
            lambda: self.made["membership"].append(sell_membership(self.town.context, self.town.alice, new).value.id)
        )

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        new = NewReversal(self.town.reference())
        self._try(lambda: refund_membership(self.town.context, self.town.alice, self._one(data, "membership"), new))

    @rule(member=MEMBERS, points=st.integers(1, 60))
    def hold(self, member: int, points: int) -> None:
        new = NewHold(self.town.reference(), self.members[member], points, timedelta(hours=30))
        self._try(lambda: self.made["hold"].append(hold(self.town.context, self.town.alice, new).value.id))

    @rule(data=st.data(), points=st.integers(0, 60))
    def end_hold(self, data: st.DataObject, points: int) -> None:
        def end() -> None:
            held = self._one(data, "hold")
            if points:
                capture(self.town.context, self.town.alice, held, NewCapture(points))
            else:
                release(self.town.context, self.town.alice, held)

        self._try(end)

    @rule(member=MEMBERS, points=st.integers(0, 30), amount=st.integers(0, 500))
    def renew(self, member: int, points: int, amount: int) -> None:
        set_standing_order(self.town.context, ADMIN, self.members[member], points)
        new = NewRenewal(self.town.reference(), amount, self.members[member])
        self._try(lambda: renew(self.town.context, self.town.alice, new))

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
            self.merged.add(self.members[into])
            self.members[member] = self.town.member()

        self._try(merge)

    @rule(member=MEMBERS, segments=st.sets(st.sampled_from(["press", "regulars"])))
    def label(self, member: int, segments: set[str]) -> None:
        set_segments(self.town.context, ADMIN, self.members[member], tuple(segments))

    @rule()
    def set_everybody_free(self) -> None:
        for who in self.members:
            unfreeze(self.town.context, ADMIN, who, "looked at")
            reopen_member(self.town.context, ADMIN, who, "came back")

    @rule(points=st.integers(1, 3))
    def change_the_rules(self, points: int) -> None:
        text = WHOLE.replace("{id: base, kind: spend, points: 1", f"{{id: base, kind: spend, points: {points}")
        hidden = f"{text}accept_late: P{next(self.numbers) + 5}D\n"
        made = draft(self.town.context, ADMIN, hidden)
        publish(self.town.context, ADMIN, made.hash, self.town.clock.at.replace(microsecond=0) + timedelta(hours=2))
        accept_by_chain(self.town, made.hash)
        self.town.pass_time(timedelta(hours=3))

    @rule(hours=st.integers(1, 90), is_swept=st.booleans())
    def wait(self, hours: int, is_swept: bool) -> None:
        if is_swept:
            self.town.pass_time(timedelta(hours=hours))
        else:
            self.town.clock.forward(timedelta(hours=hours))

    @invariant()
    def no_limit_is_passed(self) -> None:
        if not hasattr(self, "town"):
            return
        spent = read(self.town.context, lambda tx: used_points(tx, list(BUDGETS)))
        assert all(0 <= spent[name] <= most for name, most in BUDGETS.items()), spent
        with self.town.context.store.read() as connection:
            for row in connection.execute(select(tables.campaign_budgets)):
                day, _, whose = row.campaign_id.partition("/")
                if whose:
                    assert 0 <= row.used_points <= (PROGRAM_DAY if whose == "program" else MERCHANT_DAY), day
            kept: dict[Any, int] = defaultdict(int)
            for row in connection.execute(select(tables.purchases)):
                assert 0 <= row.kept <= max(ORDER, row.awarded)
                if row.member_id not in self.merged:  # two accounts may have had a day's most each
                    kept[row.member_id, row.local_date] += row.kept
            assert max(kept.values(), default=0) <= MEMBER_DAY

    @invariant()
    def the_entries_are_the_balance(self) -> None:
        for who in self.members if hasattr(self, "members") else ():
            balance = get_member(self.town.context, ADMIN, who).balance
            assert balance.available >= 0
            assert balance.available + balance.held == sum(points for _, points in self.town.moves(who))

    def teardown(self) -> None:
        """All that is kept is what the sources say: lots, tiers, balances, budgets."""
        if hasattr(self, "town"):
            self.town.check()
            self.town.context.store.dispose()  # the next example opens another

    def _one(self, data: st.DataObject, kind: str) -> str:
        if not self.made[kind]:
            return "none"
        return data.draw(st.sampled_from(self.made[kind]))

    @staticmethod
    def _both(simulate: Any, work: Any) -> tuple[Any, Any]:
        """What both answer; a refusal must be told by both, for the same reason, and gives None."""
        told, refused = None, None
        try:
            simulated = simulate()
            told = simulated.refusal
        except CallerError as wrong:
            simulated, told = None, wrong.code
        try:
            return simulated.value if simulated else None, work()
        except CallerError as refusal:
            refused = refusal.code
        assert told == refused
        return None, None

    @staticmethod
    def _try(work: Any) -> None:
        try:
            work()
        except CallerError:
            return


def run(new_town: Callable[[], Town], examples: int, *, anew: bool) -> None:
    """`anew`: other lives each time; else always the same ones."""
    machine = type("OnThisDatabase", (Lifecycle,), {"new_town": staticmethod(new_town)})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=checks,
            database=None,
            derandomize=not anew,
            phases=[Phase.generate],  # every step writes to a database: shrinking would outlast the test's time
        ),
    )


def test_whatever_happens_no_limit_is_passed_and_the_sources_say_all(make: Make, database: str) -> None:
    run(lambda: make(WHOLE), EXAMPLES[database], anew=False)


@pytest.mark.soak
def test_the_same_for_long(make: Make) -> None:
    run(lambda: make(WHOLE), SOAK_EXAMPLES, anew=True)
