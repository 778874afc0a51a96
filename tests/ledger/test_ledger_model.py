"""The use cases against a pure model, in any order hypothesis can think of, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from ledger_model import ACTIVE_DOCUMENT, DOCUMENT, LIFE, ActiveModel, Model
from ledger_town import ADMIN, Make, Town

from token_service.errors import (
    AlreadyReversed,
    CallerError,
    InsufficientBalance,
    InvalidInput,
    LimitExceeded,
    RefundExceedsPurchase,
)
from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewRedemption, NewVoucher
from token_service.ledger.members import get_member
from token_service.ledger.purchases import record_purchase, simulate_purchase
from token_service.ledger.redemptions import redeem, simulate_redemption
from token_service.ledger.vouchers import buy_reward

EXAMPLES = {"sqlite": 20, "postgresql": 10}
STEPS = 25


class Ledger(RuleBasedStateMachine):
    """A new member for each example, in one programme whose clock only goes forward. The ledger's ids by the model's
    numbers.
    """

    town: Town
    make_model: type[Model] = Model

    def __init__(self) -> None:
        super().__init__()
        self.model = self.make_model()
        self.member = self.town.member()
        self.ids: dict[int, str] = {}
        self.vouchers: set[int] = set()  # redemptions that were made in the wallet
        self.last: Callable[[], Any] | None = None

    # --- what people do ---------------------------------------------------------------------------------------------

    @rule(total=st.integers(0, 30_000))
    def buy(self, total: int) -> None:
        new = self.town.new_purchase(self.member, total)
        simulated = simulate_purchase(self.town.context, self.town.alice, new)
        outcome = record_purchase(self.town.context, self.town.alice, new)
        assert simulated.value == replace(outcome.value, id=simulated.value.id)  # type: ignore[union-attr]
        number = self._number(outcome.value.id)
        self.model.buy(number, total, self.now)
        self._remember(lambda: record_purchase(self.town.context, self.town.alice, new))

    @precondition(lambda self: self.model.bought)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.bought)))
        bought = self.model.bought[number]
        amount = data.draw(st.integers(1, max(1, bought.total + 100)))
        if amount > bought.total - bought.refunded:
            self._refused(RefundExceedsPurchase, lambda: self.town.refund(self.ids[number], amount))
            return
        reference = self.town.reference()
        refund = self.town.refund(self.ids[number], amount, reference=reference).value
        expected = self.model.refund(number, amount, self.now)
        assert (refund.pending_cancelled, refund.reversed, refund.debt) == expected
        assert refund.kept == bought.kept
        self._remember(lambda: self.town.refund(self.ids[number], amount, reference=reference))

    @rule(points=st.integers(1, 520))
    def issue(self, points: int) -> None:
        if points > 500:
            self._refused(LimitExceeded, lambda: self.town.issue(self.member, points))
            return
        number = self._number(self.town.issue(self.member, points).value.id)
        self.model.issue(number, points, self.now)
        self._step()

    @precondition(lambda self: self.model.issued)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.issued)))
        one = self.model.issued[number]
        points = data.draw(st.integers(1, one.points + 5))
        if one.asked == one.points:
            self._refused(AlreadyReversed, lambda: self.town.reverse(self.ids[number], points))
        elif points > one.points - one.asked:
            self._refused(InvalidInput, lambda: self.town.reverse(self.ids[number], points))
        else:
            done = self.town.reverse(self.ids[number], points).value
            assert (done.reversed, done.debt) == self.model.reverse(number, points, self.now)
            self._step()

    @rule(points=st.integers(1, 300))
    def redeem(self, points: int) -> None:
        new = NewRedemption(reference=self.town.reference(), member_id=self.member, points=points)
        simulated = simulate_redemption(self.town.context, self.town.alice, new)
        usable = self.model.usable(self.now)
        if points > usable:
            refusal = self._refused(InsufficientBalance, lambda: redeem(self.town.context, self.town.alice, new))
            assert refusal.facts == simulated.facts == {"available": usable, "missing_points": points - usable}
            return
        outcome = redeem(self.town.context, self.town.alice, new)
        assert simulated.value == replace(outcome.value, id=simulated.value.id)  # type: ignore[union-attr]
        assert simulated.balance.available == outcome.balance.available
        self.model.redeem(self._number(outcome.value.id), points, self.now)
        self._remember(lambda: redeem(self.town.context, self.town.alice, new))

    @rule()
    def buy_a_voucher(self) -> None:
        """A redemption like any other."""
        new = NewVoucher(self.town.reference(), "treat", 40)
        member = Actor.member(self.member)
        if self.model.usable(self.now) < 40:
            self._refused(InsufficientBalance, lambda: buy_reward(self.town.context, member, new))
            return
        number = self._number(buy_reward(self.town.context, member, new).value.redemption_id)
        self.vouchers.add(number)
        self.model.redeem(number, 40, self.now)
        self._remember(lambda: buy_reward(self.town.context, member, new))

    @precondition(lambda self: self.model.spent)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.spent)))
        left = sum(points for _, points in self.model.spent[number].parts)
        points = data.draw(st.integers(1, left + 5))
        is_voucher = number in self.vouchers

        def restore() -> object:
            return self.town.restore(self.ids[number], points, actor=ADMIN if is_voucher else self.town.alice)

        if left == 0:
            self._refused(AlreadyReversed, restore)
        elif points > left or (is_voucher and points < left):
            self._refused(InvalidInput, restore)
        else:
            restore()
            self.model.restore(number, points, self.now)
            self._step()

    @rule(points=st.integers(-200, 200).filter(bool))
    def adjust(self, points: int) -> None:
        if -points > self.model.usable(self.now):
            self._refused(InsufficientBalance, lambda: self.town.adjust(self.member, points))
            return
        number = self._number(self.town.adjust(self.member, points).value.id)
        self.model.adjust(number, points, self.now)
        self._step()

    @precondition(lambda self: self.last is not None)
    @rule()
    def repeat(self) -> None:
        """The last thing again, under the same reference: the first answer, and nothing moves."""
        assert self.last is not None
        assert self.last().replayed

    @rule(hours=st.integers(1, 100), is_swept=st.booleans())
    def wait(self, hours: int, is_swept: bool) -> None:
        self.town.clock.forward(timedelta(hours=hours))
        if is_swept:
            run_due(self.town.context)
            self.model.run_due(self.now)
            assert get_member(self.town.context, self.town.alice, self.member).tier == self.model.tier(self.now)

    # --- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_agrees_with_the_model(self) -> None:
        balance = self.town.balance(self.member)
        assert balance.available == self.model.available
        assert (balance.pending, balance.debt, balance.held) == (self.model.pending, self.model.debt, 0)
        dates: dict[Any, int] = {}
        for lot in self.model.lots:
            if lot.left:
                dates[lot.until] = dates.get(lot.until, 0) + lot.left
        assert [(lot.at, lot.points) for lot in balance.expiring] == sorted(dates.items())

    def teardown(self) -> None:
        assert self.town.moves(self.member) == self.model.moves[:100]
        self.town.clock.forward(LIFE)

    # --- small words ------------------------------------------------------------------------------------------------

    @property
    def now(self) -> Any:
        return self.town.clock.at

    def _number(self, object_id: str) -> int:
        self.ids[len(self.ids)] = object_id
        return len(self.ids) - 1

    def _remember(self, again: Callable[[], Any]) -> None:
        self.last = again
        self._step()

    def _step(self) -> None:
        self.town.clock.forward(timedelta(seconds=1))

    @staticmethod
    def _refused(error: type[CallerError], call: Callable[[], object]) -> CallerError:
        with pytest.raises(error) as refusal:
            call()
        return refusal.value


@pytest.mark.parametrize(
    ("document", "model"), [(DOCUMENT, Model), (ACTIVE_DOCUMENT, ActiveModel)], ids=["dates", "activity"]
)
def test_the_ledger_does_what_the_model_says_and_rebuilds_from_its_sources(
    make: Make, database: str, document: str, model: type[Model]
) -> None:
    class OnThisDatabase(Ledger):
        town = make(document)
        make_model = model

    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(
            max_examples=EXAMPLES[database],
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=checks,
            database=None,
            phases=[Phase.generate],  # every step writes to a database: shrinking would outlast the test's time
        ),
    )
    OnThisDatabase.town.check()
