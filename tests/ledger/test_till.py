"""What a till shows and guards: its day, its receipts, other shops' nothing, nobody's own card. On both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import InsufficientBalance, NotFound, OwnCard
from token_service.ledger import views
from token_service.ledger.context import Actor
from token_service.ledger.inputs import (
    NewMember,
    NewPurchase,
    NewRedemption,
    NewRefund,
    NewRefundItem,
    NewStore,
    NewVoucher,
    NewVoucherUse,
)
from token_service.ledger.member_codes import member_by_code, new_code
from token_service.ledger.members import enrol
from token_service.ledger.merchants import create_store
from token_service.ledger.purchases import record_purchase
from token_service.ledger.redemptions import redeem
from token_service.ledger.refunds import simulate_refund
from token_service.ledger.staff import NewPerson, Person, add_person
from token_service.ledger.staff_trail import Deed, list_actions, perform
from token_service.ledger.till import at_till, day_of, find_operation, purchases_of, receipt_of
from token_service.ledger.till_lines import TillLine
from token_service.ledger.till_vouchers import holder_of, honoured_voucher, open_rewards
from token_service.ledger.vouchers import buy_reward, use_voucher

MORNING = timedelta(hours=9)


def store(town: Town, actor: Actor, name: str) -> str:
    return create_store(town.context, actor, NewStore(name, name)).id


def cashier(town: Town, actor: Actor | None = None, *, store_id: str | None = None, name: str = "Paul") -> Person:
    merchant = (actor or town.alice).merchant_id
    new = NewPerson(f"{town.reference()}@example.com", name, "cashier", merchant, store_id)
    return add_person(town.context, ADMIN, new).person


def since(town: Town) -> datetime:
    return town.clock() - MORNING


def buy(town: Town, person: Person, member_id: str, total: int, **more: Any) -> views.Outcome[views.Purchase]:
    new = NewPurchase(
        **({"reference": town.reference()} | more),
        occurred_at=town.clock(),
        total=total,
        member_id=member_id,
        store_id=person.store_id,
    )
    return at_till(
        town.context,
        person,
        member_id,
        lambda joined: record_purchase(joined, person.actor, new),
        _deed,
    )


def spend(town: Town, person: Person, member_id: str, points: int) -> views.Outcome[views.Redemption]:
    new = NewRedemption(town.reference(), member_id, points=points)
    return at_till(town.context, person, member_id, lambda joined: redeem(joined, person.actor, new), _deed)


def honour(town: Town, person: Person, member_id: str) -> None:
    """The member buys a voucher, which this person honours."""
    bought = buy_reward(town.context, Actor.member(member_id), NewVoucher(town.reference(), "coffee", 10)).value
    assert open_rewards(town.context, member_id) == ("coffee",)
    assert holder_of(town.context, bought.id) == member_id
    new = NewVoucherUse(town.reference(), bought.code or "")
    deed = Deed("voucher.used", bought.id, member_id)
    perform(town.context, person, lambda joined: use_voucher(joined, person.actor, new), lambda _: deed)


def _deed(done: views.Outcome[Any]) -> Deed | None:
    return None if done.replayed else Deed("thing.done", done.value.id, done.value.member_id)


def shown(line: TillLine) -> tuple[str, int, int | None, str | None]:
    return line.kind, line.points, line.amount, line.staff_name


def test_the_day_lists_what_was_done_newest_first_with_sums(town: Town) -> None:
    person, member = cashier(town), town.member()
    bought = buy(town, person, member, 2_390).value
    town.buy(member, 1_000)
    town.refund(bought.id, 500)
    redemption = spend(town, person, member, 10).value
    town.restore(redemption.id, 4)
    day = day_of(town.context, person, since(town))
    assert [shown(line) for line in day.lines] == [
        ("restoration", 4, None, None),
        ("redemption", -10, None, "Paul"),
        ("refund", -5, 500, None),
        ("purchase", 10, 1_000, None),
        ("purchase", 23, 2_390, "Paul"),
    ]
    assert {(tally.kind, tally.count, tally.points, tally.amount) for tally in day.tallies} == {
        ("purchase", 2, 33, 3_390),
        ("refund", 1, -5, 500),
        ("redemption", 1, -10, None),
        ("restoration", 1, 4, None),
    }
    assert day.count == 5


def test_yesterday_is_not_today(town: Town) -> None:
    person, member = cashier(town), town.member()
    buy(town, person, member, 1_000)
    town.clock.forward(DAY)
    assert day_of(town.context, person, since(town)) == day_of(town.context, cashier(town, town.charlie), since(town))
    assert day_of(town.context, person, since(town)).count == 0


def test_money_of_a_day_may_exceed_what_32_bits_hold(make: Make) -> None:
    town = make(rules(), ceiling_points=2**53 - 1)
    person, member = cashier(town), town.member()
    for _ in range(2):
        buy(town, person, member, 3_000_000_000)
    assert day_of(town.context, person, since(town)).tallies[0].amount == 6_000_000_000


def test_a_till_in_a_store_lists_that_store(town: Town) -> None:
    lyon, paris = (store(town, town.alice, name) for name in ("Lyon", "Paris"))
    in_lyon, in_paris = cashier(town, store_id=lyon, name="Léa"), cashier(town, store_id=paris)
    everywhere, member = cashier(town, name="Zoé"), town.member()
    buy(town, in_lyon, member, 5_000)
    spend(town, in_lyon, member, 10)  # a redemption itself knows no store
    buy(town, in_paris, member, 700)
    town.buy(member, 100, store_id=lyon)
    assert [line.kind for line in day_of(town.context, in_lyon, since(town)).lines] == [
        "purchase",
        "redemption",
        "purchase",
    ]
    assert [line.amount for line in day_of(town.context, in_paris, since(town)).lines] == [700]
    assert day_of(town.context, everywhere, since(town)).count == 4


def test_vouchers_stand_in_the_day_of_whoever_honoured_them(make: Make) -> None:
    town = make(rules(rewards="[{id: coffee, kind: gift, points: 10}]"))
    lyon = store(town, town.charlie, "Lyon")
    in_lyon, elsewhere = cashier(town, town.charlie, store_id=lyon, name="Léa"), cashier(town, town.charlie)
    member = town.member()
    town.buy(member, 5_000)
    for person in (in_lyon, elsewhere, in_lyon):
        honour(town, person, member)
        town.clock.forward(timedelta(minutes=1))
    assert open_rewards(town.context, member) == ()
    day = day_of(town.context, in_lyon, since(town))
    assert [(line.kind, line.reward_id, line.staff_name, line.member_name) for line in day.lines] == [
        ("voucher", "coffee", "Léa", None)
    ] * 2
    assert [(tally.kind, tally.count, tally.points) for tally in day.tallies] == [("voucher", 2, 0)]
    assert day_of(town.context, in_lyon, since(town), most=1).count == 2
    assert day_of(town.context, elsewhere, since(town)).count == 3
    assert "voucher" not in {line.kind for line in day_of(town.context, cashier(town), since(town)).lines}
    assert honoured_voucher(town.context, elsewhere, day.lines[0].id).reference == day.lines[0].reference
    with pytest.raises(NotFound):
        honoured_voucher(town.context, cashier(town), day.lines[0].id)


def test_another_shop_sees_nothing_of_it(town: Town) -> None:
    person, foreign, member = cashier(town), cashier(town, town.charlie), town.member()
    bought = buy(town, person, member, 1_000, reference="mine").value
    assert day_of(town.context, foreign, since(town)).lines == ()
    assert purchases_of(town.context, foreign, member) == ()
    assert find_operation(town.context, foreign, "purchase", "mine") is None
    with pytest.raises(NotFound):
        receipt_of(town.context, foreign, bought.id)
    member_by_code(town.context, town.charlie, new_code(town.context, Actor.member(member)).code)
    assert purchases_of(town.context, foreign, member) == ()
    assert [line.id for line in purchases_of(town.context, person, member)] == [bought.id]
    assert find_operation(town.context, person, "purchase", "mine") == bought.id


def test_a_receipt_has_the_promise_and_later_says_that_it_was_kept(town: Town) -> None:
    person, member = cashier(town), town.member()
    done = buy(town, person, member, 1_000)
    receipt = receipt_of(town.context, person, done.value.id)
    assert receipt.promise == done.promise
    assert receipt.promise is not None
    assert (receipt.balance.available, receipt.is_written) == (10, False)
    town.settle_all()
    assert receipt_of(town.context, person, done.value.id).is_written


def test_a_purchase_without_points_has_a_receipt_too(town: Town) -> None:
    person, member = cashier(town), town.member()
    done = buy(town, person, member, 99)
    receipt = receipt_of(town.context, person, done.value.id)
    assert (receipt.line.points, receipt.line.amount, receipt.is_written) == (0, 99, False)


def test_nobody_moves_the_points_of_their_own_card(town: Town) -> None:
    person = cashier(town)
    own = enrol(town.context, town.alice, NewMember("own", email=person.email.upper())).member.id
    with pytest.raises(OwnCard):
        buy(town, person, own, 1_000)
    assert town.balance(own).available == 0
    assert buy(town, cashier(town), own, 1_000).value.points == 10


def test_what_was_done_and_its_trail_are_written_together_and_once(town: Town) -> None:
    person, member = cashier(town), town.member()
    first = buy(town, person, member, 1_000, reference="once")
    again = buy(town, person, member, 1_000, reference="once")
    assert (first.replayed, again.replayed, again.value) == (False, True, first.value)
    with pytest.raises(InsufficientBalance):
        spend(town, person, member, 11)
    assert [action.object_id for action in list_actions(town.context, staff_id=person.id).data] == [first.value.id]
    assert town.balance(member).available == 10


def test_a_simulated_refund_says_what_the_real_one_does_and_writes_nothing(make: Make) -> None:
    for document in (rules(), rules(return_window="P14D")):
        town = make(document)
        member = town.member()
        bought = town.buy(member, 5_000).value
        if not bought.pending:
            town.redeem(member, 30)
        before = town.balance(member), town.statement(member)
        new = NewRefund("back", amount=4_000)
        seen = simulate_refund(town.context, town.alice, bought.id, new)
        assert (town.balance(member), town.statement(member)) == before
        done = town.refund(bought.id, 4_000, reference="back").value
        assert seen.value is not None
        figures = ("kept", "reversed", "debt", "pending_cancelled", "amount")
        assert [getattr(seen.value, name) for name in figures] == [getattr(done, name) for name in figures]
        assert done.kept == 10
        town.check()


def test_a_refund_above_the_purchase_is_refused_before_it_is_tried(town: Town) -> None:
    bought = town.buy(town.member(), 1_000).value
    seen = simulate_refund(town.context, town.alice, bought.id, NewRefund("", amount=1_001))
    assert (seen.value, seen.refusal, seen.facts) == (None, "refund_exceeds_purchase", {"refundable": 1_000})
    with pytest.raises(NotFound):
        simulate_refund(town.context, town.charlie, bought.id, NewRefund("", items=(NewRefundItem(1),)))
