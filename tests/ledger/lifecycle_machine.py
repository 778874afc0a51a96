"""A state machine of all that can happen to members of a programme with two merchants. What is refused leaves nothing;
whatever can be simulated is, first: the answers must be the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_town import ADMIN, Town
from lifecycle_rules import LATE, TREATS
from lifecycle_sources import (
    all_kept,
    check_budgets,
    check_days,
    check_notices,
    check_stretches,
    donated,
    pieces_gone,
    used_of_each,
)

from token_service.errors import CallerError
from token_service.ledger import views
from token_service.ledger.causes import create_cause, list_causes
from token_service.ledger.context import Actor
from token_service.ledger.events import reverse_event, send_event, simulate_event
from token_service.ledger.inputs import (
    NewEvent,
    NewItem,
    NewMembership,
    NewRedemption,
    NewRefund,
    NewRefundItem,
    NewReversal,
    NewStore,
)
from token_service.ledger.member_codes import member_by_code, new_code
from token_service.ledger.members import get_member
from token_service.ledger.memberships import (
    refund_membership,
    sell_membership,
    simulate_membership,
    simulate_membership_refund,
)
from token_service.ledger.merchants import create_store
from token_service.ledger.point_views import Balance
from token_service.ledger.purchases import record_purchase, simulate_purchase
from token_service.ledger.redemptions import redeem, restore, simulate_redemption
from token_service.ledger.refunds import refund_purchase, simulate_refund
from token_service.ledger.stock import set_stock, stock_of

MEMBERS, MERCHANTS = st.integers(0, 2), st.integers(0, 1)
AGO = st.integers(0, LATE // timedelta(hours=1)) | st.just(0)
"""How many hours a fact comes late."""


class Basket(NamedTuple):
    at: int
    total: int
    coffees: int
    ago: int
    is_in_store: bool


BASKETS = st.builds(
    Basket,
    at=MERCHANTS,
    total=st.integers(0, 3_000) | st.integers(0, 15_000),
    coffees=st.integers(0, 3),
    ago=AGO,
    is_in_store=st.booleans(),
)


def after(kind: str) -> Callable[[Any], Any]:
    """Only when there is something of the kind to do it to."""
    return precondition(lambda self: bool(self.made[kind]))


class Trade(RuleBasedStateMachine):
    """Three members and two merchants of a programme of their own for each example, so that a failing one can be run again; the
    clock only goes forward.
    """

    new_town: Callable[[], Town]

    @initialize(first=st.lists(st.tuples(MEMBERS, BASKETS), min_size=4, max_size=10))
    def open(self, first: list[tuple[int, Basket]]) -> None:
        """Every life begins with some trade: hypothesis leaves whole rules out of many."""
        self.town, self.numbers = type(self).new_town(), count()
        self.merchants = (self.town.alice, self.town.charlie)
        context = self.town.context
        self.stores = [create_store(context, who, NewStore("1", "Rue Haute")).id for who in self.merchants]
        self.cause = create_cause(context, ADMIN, "Banque alimentaire").id
        self.pieces = TREATS
        set_stock(context, ADMIN, "treat", TREATS)
        self.members = [self.newcomer() for _ in range(3)]
        self.made: dict[str, list[tuple[Actor, str]]] = defaultdict(list)
        self.owners: dict[str, str] = {}
        for member, basket in first:
            self._buy(self.members[member], basket)
        self.town.pass_time(timedelta(days=3))

    def newcomer(self) -> str:
        """A member whom both merchants know."""
        return self.known_to_both(self.town.member())

    def known_to_both(self, member: str) -> str:
        code = new_code(self.town.context, Actor.member(member)).code
        return member_by_code(self.town.context, self.town.charlie, code).id

    @rule(member=MEMBERS, baskets=st.lists(BASKETS, min_size=1, max_size=6))
    def buy(self, member: int, baskets: list[Basket]) -> None:
        for basket in baskets:
            self._buy(self.members[member], basket)

    @rule(member=MEMBERS, basket=BASKETS, hours=st.integers(1, 12))
    def buy_and_wait(self, member: int, basket: Basket, hours: int) -> None:
        self._buy(self.members[member], basket)
        self.town.pass_time(timedelta(hours=hours))

    @after("purchase")
    @rule(data=st.data(), amount=st.integers(1, 9_000), pieces=st.integers(0, 2))
    def refund(self, data: st.DataObject, amount: int, pieces: int) -> None:
        who, bought = self._one(data, "purchase")
        items = (NewRefundItem(1, pieces),) if pieces else ()
        new = NewRefund(self.town.reference(), None if items else amount, items)
        self._alike(
            "refund",
            who,
            lambda who: simulate_refund(self.town.context, who, bought, new),
            lambda who: refund_purchase(self.town.context, who, bought, new),
        )

    @rule(member=MEMBERS, at=MERCHANTS, points=st.integers(1, 90), is_reward=st.booleans())
    def redeem(self, member: int, at: int, points: int, is_reward: bool) -> None:
        what = {"reward_id": "treat"} if is_reward else {"points": points}
        new = NewRedemption(self.town.reference(), self.members[member], **what)
        self._alike(
            "redemption",
            at,
            lambda who: simulate_redemption(self.town.context, who, new),
            lambda who: redeem(self.town.context, who, new),
        )

    @after("redemption")
    @rule(data=st.data(), points=st.none() | st.integers(1, 40))
    def restore(self, data: st.DataObject, points: int | None) -> None:
        who, spent = self._one(data, "redemption")
        self._try(lambda: restore(self.town.context, who, spent, NewReversal(self.town.reference(), points)))

    @rule(
        member=MEMBERS,
        at=MERCHANTS,
        what=st.sampled_from(["review.written", "survey.answered", "subscription.paid", "unheard.of"]),
        subject=st.sampled_from(["one", "two", None]),
        ago=AGO,
    )
    def send(self, member: int, at: int, what: str, subject: str | None, ago: int) -> None:
        who = self.members[member]
        new = NewEvent(self.town.reference(), what, self._before(ago), who, subject=subject)
        self._alike(
            "event",
            at,
            lambda who: simulate_event(self.town.context, who, new),
            lambda who: send_event(self.town.context, who, new),
        )

    @after("event")
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        who, sent = self._one(data, "event")
        self._try(lambda: reverse_event(self.town.context, who, sent, NewReversal(self.town.reference())))

    @rule(member=MEMBERS, at=MERCHANTS, paid=st.none() | st.integers(0, 900))
    def join(self, member: int, at: int, paid: int | None) -> None:
        new = NewMembership(self.town.reference(), "club", self.members[member], paid=paid)
        self._alike(
            "membership",
            at,
            lambda who: simulate_membership(self.town.context, who, new),
            lambda who: sell_membership(self.town.context, who, new),
        )

    @after("membership")
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        who, sold = self._one(data, "membership")
        new, context = NewReversal(self.town.reference()), self.town.context
        simulated, refusal = self._told(lambda: simulate_membership_refund(context, who, sold, new))
        real, refused = self._told(lambda: refund_membership(context, who, sold, new))
        assert refusal == refused
        if simulated and real:
            assert _but_settled(simulated.balance) == _but_settled(real.balance)

    @rule(more=st.integers(1, 3))
    def restock(self, more: int) -> None:
        self.pieces += more
        set_stock(self.town.context, ADMIN, "treat", stock_of(self.town.context)["treat"] + more)

    @rule(hours=st.integers(1, 60), is_swept=st.booleans())
    def wait(self, hours: int, is_swept: bool) -> None:
        if is_swept:
            self.town.pass_time(timedelta(hours=hours))
        else:
            self.town.clock.forward(timedelta(hours=hours))

    @invariant()
    def no_limit_is_passed(self) -> None:
        if not hasattr(self, "owners"):
            return
        everything, uses = all_kept(self.town, self.owners), used_of_each(self.town)
        check_days(everything)
        check_stretches(everything, uses)
        check_budgets(everything, uses)

    @invariant()
    def pieces_and_donations_add_up(self) -> None:
        if hasattr(self, "owners"):
            assert 0 <= stock_of(self.town.context)["treat"] == self.pieces - pieces_gone(self.town)
            assert list_causes(self.town.context)[0].donated == donated(self.town)

    @invariant()
    def each_change_of_level_is_told_once(self) -> None:
        if hasattr(self, "owners"):
            check_notices(self.town)

    @invariant()
    def the_entries_are_the_balance(self) -> None:
        for who in self.members if hasattr(self, "owners") else ():
            balance = get_member(self.town.context, ADMIN, who).balance
            assert balance.available >= 0
            assert balance.available + balance.held == sum(points for _, points in self.town.moves(who))

    def teardown(self) -> None:
        """All that is kept is what the sources say: lots, tiers, balances, budgets."""
        if hasattr(self, "owners"):
            self.town.check()
            self.town.context.store.dispose()  # the next example opens another

    def _buy(self, member: str, basket: Basket) -> None:
        one = NewItem(line=1, amount=basket.total, category="coffee", quantity=basket.coffees)
        new = self.town.new_purchase(
            member,
            basket.total,
            items=(one,) if basket.coffees else (),
            store_id=self.stores[basket.at] if basket.is_in_store else None,
            occurred_at=self._before(basket.ago),
        )
        self._alike(
            "purchase",
            basket.at,
            lambda who: simulate_purchase(self.town.context, who, new),
            lambda who: record_purchase(self.town.context, who, new),
        )

    def _before(self, hours: int) -> Any:
        return self.town.clock.at - timedelta(hours=hours)

    def _one(self, data: st.DataObject, kind: str) -> tuple[Actor, str]:
        """Something made before, and by whom."""
        return data.draw(st.sampled_from(self.made[kind]))

    def _alike(
        self, kind: str, by: int | Actor, simulate: Callable[[Actor], Any], work: Callable[[Actor], Any]
    ) -> None:
        """Does it as a simulation and for good: both tell the same, up to ids that are new, and leave the same balance; or refuse
        for the same reason.
        """
        who = by if isinstance(by, Actor) else self.merchants[by]
        simulated, refusal = self._told(lambda: simulate(who))
        real, refused = self._told(lambda: work(who))
        assert refusal == refused
        if simulated is None or real is None:
            return
        assert _without_ids(simulated.value) == _without_ids(real.value)
        assert _but_settled(simulated.balance) == _but_settled(real.balance)
        self.made[kind].append((who, real.value.id))

    @staticmethod
    def _told(work: Callable[[], Any]) -> tuple[Any, str | None]:
        """The answer, or None and why there is none."""
        try:
            answer = work()
        except CallerError as refusal:
            return None, refusal.code
        refusal = getattr(answer, "refusal", None)
        return (None, refusal) if refusal else (answer, None)

    @staticmethod
    def _try(work: Callable[[], Any]) -> None:
        try:
            work()
        except CallerError:
            return


def _but_settled(balance: Balance) -> Balance:
    """Of a simulation nothing waits to be settled, of the real thing perhaps what it wrote."""
    return replace(balance, on_chain=replace(balance.on_chain, settled=True))


def _without_ids(value: Any) -> Any:
    """The view without the names that were drawn for it."""
    if isinstance(value, views.Purchase):
        done = (replace(one, event_id="", voucher_id=one.voucher_id and "") for one in value.completed)
        return replace(value, id="", completed=tuple(done))
    return replace(value, id="")
