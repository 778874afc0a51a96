"""Lots against a plain model of single points: order of debits, expiry, reversals, restorations, replay."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from token_service.errors import InsufficientBalance, InvalidInput, InvariantBroken
from token_service.program import lots as engine
from token_service.program.expiry import expires_at, extended
from token_service.program.lots import Lot, Use

from .baskets import NOON, ruleset_of

DAY = timedelta(days=1)
GRACE = ruleset_of(restoration_grace="P30D")


def lot(name: str, left: int, *, issued: int = 0, expires: int | None = None, points: int | None = None) -> Lot:
    """A lot issued `issued` days after noon that expires `expires` days after noon."""
    expiry = None if expires is None else NOON + expires * DAY
    return Lot(name, f"pur_{name}", left if points is None else points, left, NOON + issued * DAY, expiry)


def taken(uses: tuple[Use, ...]) -> list[tuple[str, int]]:
    return [(use.lot_id, use.points) for use in uses]


def test_debits_take_the_earliest_expiry_then_the_earliest_issuance_then_what_never_expires() -> None:
    stock = [
        lot("never", 5),
        lot("late", 5, expires=9),
        lot("second", 5, issued=2, expires=3),
        lot("first", 5, expires=3),
    ]
    assert taken(engine.consume(stock, 17, at=NOON)) == [("first", -5), ("second", -5), ("late", -5), ("never", -2)]


def test_expired_points_are_not_consumed() -> None:
    stock = [lot("old", 5, expires=1), lot("new", 5, expires=2)]
    assert taken(engine.consume(stock, 5, at=NOON + DAY)) == [("new", -5)]
    with pytest.raises(InsufficientBalance) as refused:
        engine.consume(stock, 7, at=NOON + DAY)
    assert refused.value.facts == {"available": 5, "missing_points": 2}


def test_number_43_expiry_takes_every_lot_whose_instant_has_come() -> None:
    stock = [
        lot("b", 7, expires=2),
        lot("a", 5, expires=1),
        lot("c", 9, expires=3),
        lot("n", 1),
        lot("empty", 0, expires=1, points=3),
    ]
    assert taken(engine.expire(stock, NOON + 2 * DAY)) == [("a", -5), ("b", -7)]
    assert taken(engine.expire(stock, NOON + DAY - timedelta(microseconds=1))) == []


def test_a_reversal_takes_its_own_lot_first_and_at_most_what_is_there() -> None:
    stock = [lot("early", 5, expires=1), lot("own", 5, expires=9), lot("gone", 50, expires=0)]
    assert taken(engine.reverse(stock, 7, operation_id="pur_own", at=NOON)) == [("own", -5), ("early", -2)]
    assert taken(engine.reverse(stock, 99, operation_id="pur_own", at=NOON)) == [("own", -5), ("early", -5)]
    assert engine.reverse([], 5, operation_id="pur_own", at=NOON) == ()


def test_a_reversal_never_takes_expired_points_of_its_own_lot() -> None:
    stock = [lot("own", 5, expires=1), lot("other", 5, expires=9)]
    assert taken(engine.reverse(stock, 7, operation_id="pur_own", at=NOON + DAY)) == [("other", -5)]


def test_a_restoration_brings_back_the_same_lots_last_consumed_first() -> None:
    stock = (lot("a", 5, expires=1), lot("b", 5, expires=50), lot("n", 5))
    uses = engine.consume(stock, 12, at=NOON)
    left = engine.apply(stock, uses)
    part = engine.restore(uses, left, 4, ruleset=GRACE, now=NOON + 2 * DAY)
    assert taken(part) == [("n", 2), ("b", 2)]
    rest = engine.restore((*uses, *part), engine.apply(left, part), 8, ruleset=GRACE, now=NOON + 2 * DAY)
    assert taken(rest) == [("b", 3), ("a", 5)]
    assert rest[0].expires_at == NOON + 50 * DAY
    assert rest[1].expires_at == NOON + 32 * DAY  # its date had passed: now + the grace


def test_no_more_comes_back_than_was_taken() -> None:
    stock = (lot("a", 5),)
    uses = engine.consume(stock, 3, at=NOON)
    with pytest.raises(InvalidInput):
        engine.restore(uses, engine.apply(stock, uses), 4, ruleset=GRACE, now=NOON)


def test_activity_moves_the_dates_of_lots_that_have_not_expired() -> None:
    ruleset = ruleset_of(expiry={"kind": "inactivity", "period": "P6M"})
    made = lot("a", 5, expires=10)
    assert extended(ruleset, made.expires_at, NOON + 9 * DAY) == datetime.fromisoformat("2027-06-01T10:00:00+00:00")
    assert extended(ruleset, made.expires_at, NOON + 10 * DAY) == made.expires_at
    assert extended(ruleset_of(), made.expires_at, NOON) == made.expires_at
    assert extended(ruleset, None, NOON) is None


@pytest.mark.parametrize(
    "steps",
    [
        [Use("a", -1, None)],
        [lot("a", 5), Use("a", -6, None)],
        [lot("a", 5), Use("a", 1, None)],
        [lot("a", 5), lot("a", 5)],
    ],
)
def test_replay_refuses_an_impossible_history(steps: list[Lot | Use]) -> None:
    with pytest.raises(InvariantBroken):
        engine.replay(steps)


@pytest.mark.parametrize("points", [0, -1])
def test_it_refuses_to_move_nothing_or_less(points: int) -> None:
    stock = (lot("a", 5),)
    for act in (
        lambda: engine.consume(stock, points, at=NOON),
        lambda: engine.reverse(stock, points, operation_id="x", at=NOON),
        lambda: engine.restore((), stock, points, ruleset=GRACE, now=NOON),
    ):
        with pytest.raises(InvalidInput):
            act()


class LotsAgainstPoints(RuleBasedStateMachine):
    """The model holds every single point as (expiry day or None, issue day, lot): a debit takes the smallest ones."""

    redemptions = Bundle("redemptions")

    def __init__(self) -> None:
        super().__init__()
        self.day = 0
        self.lots: tuple[Lot, ...] = ()
        self.steps: list[Lot | Use] = []
        self.points: list[tuple[int, int, str]] = []
        self.taken: dict[int, tuple[Use, ...]] = {}

    @property
    def now(self) -> datetime:
        return NOON + self.day * DAY

    def use(self, uses: tuple[Use, ...]) -> None:
        before = sum(lot.left for lot in self.lots)
        self.steps.extend(uses)
        self.lots = engine.apply(self.lots, uses)
        assert sum(lot.left for lot in self.lots) == before + sum(use.points for use in uses)

    @rule(points=st.integers(1, 8), expires=st.none() | st.integers(1, 6))
    def issue(self, points: int, expires: int | None) -> None:
        name = f"{len(self.lots):04d}"
        day = None if expires is None else self.day + expires
        made = lot(name, points, issued=self.day, expires=day)
        self.steps.append(made)
        self.lots = (*self.lots, made)
        self.points += [(10_000 if day is None else day, self.day, name)] * points

    @rule(days=st.integers(1, 4))
    def wait_and_expire(self, days: int) -> None:
        self.day += days
        self.use(engine.expire(self.lots, self.now))
        self.points = [point for point in self.points if point[0] > self.day]

    @rule(target=redemptions, data=st.data())
    def redeem(self, data: st.DataObject) -> Any:
        if not self.points:
            return multiple()
        points = data.draw(st.integers(1, len(self.points)))
        uses = engine.consume(self.lots, points, at=self.now)
        assert -sum(use.points for use in uses) == points
        self.use(uses)
        self.points = sorted(self.points)[points:]
        number = len(self.taken)
        self.taken[number] = uses
        return number

    @rule(number=redemptions, data=st.data())
    def restore(self, number: int, data: st.DataObject) -> None:
        still_out = sum(engine.outstanding(self.taken[number]).values())
        if not still_out:
            return
        back = engine.restore(
            self.taken[number], self.lots, data.draw(st.integers(1, still_out)), ruleset=GRACE, now=self.now
        )
        issued = {lot.id: (lot.issued_at - NOON).days for lot in self.lots}
        self.use(back)
        self.taken[number] += back
        for use in back:
            day = 10_000 if use.expires_at is None else (use.expires_at - NOON + timedelta(hours=2)).days
            assert day > self.day
            self.points = [(day, *point[1:]) if point[2] == use.lot_id else point for point in self.points]
            self.points += [(day, issued[use.lot_id], use.lot_id)] * use.points

    @rule(data=st.data(), points=st.integers(1, 12))
    def reverse(self, data: st.DataObject, points: int) -> None:
        if not self.lots:
            return
        own = data.draw(st.sampled_from(self.lots))
        uses = engine.reverse(self.lots, points, operation_id=own.operation_id or "", at=self.now)
        gone = -sum(use.points for use in uses)
        assert gone == min(points, len(self.points))
        if own.left:
            assert uses[0].lot_id == own.id
        self.use(uses)
        self.points = sorted(self.points, key=lambda point: (point[2] != own.id, *point))[gone:]

    @invariant()
    def the_lots_hold_exactly_the_points(self) -> None:
        held = {lot.id: lot.left for lot in self.lots if lot.left}
        counted: dict[str, int] = {}
        for _, _, name in self.points:
            counted[name] = counted.get(name, 0) + 1
        assert held == counted
        assert engine.available(self.lots, self.now) == len(self.points)

    @invariant()
    def replay_gives_the_same_lots(self) -> None:
        assert engine.replay(self.steps) == self.lots


LotsAgainstPoints.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
test_lots_agree_with_single_points = LotsAgainstPoints.TestCase


@given(st.lists(st.tuples(st.integers(1, 9), st.none() | st.integers(1, 9)), max_size=6), st.integers(1, 60))
def test_a_debit_is_all_or_nothing(stock: list[tuple[int, int | None]], points: int) -> None:
    held = [lot(str(index), left, expires=expires) for index, (left, expires) in enumerate(stock)]
    total = sum(left for left, _ in stock)
    if points > total:
        with pytest.raises(InsufficientBalance):
            engine.consume(held, points, at=NOON)
    else:
        assert engine.available(engine.apply(held, engine.consume(held, points, at=NOON)), NOON) == total - points


def test_a_lot_of_an_inactivity_ruleset_begins_with_its_period() -> None:
    ruleset = ruleset_of(expiry={"kind": "inactivity", "period": "P1D"})
    assert expires_at(ruleset, NOON) == NOON + DAY
