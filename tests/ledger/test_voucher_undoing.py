"""A use of a voucher is undone by the merchant that made it: the voucher buys its reward again, once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import delete, select

from token_service.errors import (
    AlreadyReversed,
    CallerError,
    InvalidInput,
    NotFound,
    ReferenceConflict,
    VoucherCancelled,
    VoucherExpired,
    VoucherNotUsed,
    VoucherUsed,
)
from token_service.ledger import tables, views
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewItem, NewOrder, NewReversal, NewVoucher, NewVoucherReversal, NewVoucherUse
from token_service.ledger.members import freeze
from token_service.ledger.merging import merge_members
from token_service.ledger.net_settlement import net_settlement
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.redemptions import restore
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.voids import void_skipped
from token_service.ledger.voucher_undoing import undo_use
from token_service.ledger.voucher_use_tables import undone_voucher_uses
from token_service.ledger.vouchers import buy_reward, check_voucher, get_voucher, list_vouchers, use_voucher

RULES = rules(
    rewards="""
  - {id: coffee, kind: gift, points: 100}
  - {id: tenth, kind: discount, points: 50, discount: {percent: 10}}
  - {id: tea, kind: gift, points: 40, voucher_valid: P90D, on_expiry: give_back}
""",
    challenges="""
  - {id: card, count: {kind: items, categories: [tea]}, target: 5, award: {reward: coffee}}
""",
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


@pytest.fixture
def member(town: Town) -> str:
    """Has 250 points."""
    member_id = town.member()
    town.issue(member_id, 250)
    return member_id


def buy(town: Town, member: str, reward: str = "coffee") -> views.Voucher:
    return buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), reward, None)).value


def use(town: Town, voucher: views.Voucher, *, actor: Actor | None = None, **more: Any) -> views.ShownVoucher:
    new = NewVoucherUse(**({"reference": town.reference(), "code": str(voucher.code)} | more))
    return use_voucher(town.context, actor or town.alice, new).voucher


def undo(
    town: Town, voucher: views.Voucher, *, actor: Actor | None = None, **more: Any
) -> views.VoucherReversalOutcome:
    new = NewVoucherReversal(**({"reference": town.reference()} | more))
    return undo_use(town.context, actor or town.alice, voucher.id, new)


def test_a_till_that_consumed_a_voucher_by_mistake_gives_it_back_and_it_is_usable_again_once(
    town: Town, member: str
) -> None:
    """Issue 5: "Returns: by item or amount, earn and spend sides"."""
    voucher = buy(town, member)
    used = use(town, voucher, reference="till-1")
    done = undo(town, voucher, reference="undo-1", reason="the wrong customer")
    assert not done.replayed
    one = done.reversal
    assert (one.reference, one.use_reference, one.used_at, one.reason) == (
        "undo-1",
        "till-1",
        used.used_at,
        "the wrong customer",
    )
    assert (one.voucher_id, one.reward_id, one.merchant_id) == (voucher.id, "coffee", town.alice.merchant_id)
    assert town.balance(member).available == 150, "the voucher came back, not its points"
    shown = get_voucher(town.context, Actor.member(member), voucher.id)
    assert (shown.state, shown.code, shown.used_at) == ("open", voucher.code, None)
    assert [(past.reference, past.undone_reference) for past in shown.undone] == [("till-1", "undo-1")]
    use(town, voucher, actor=town.charlie, reference="till-9")
    with pytest.raises(VoucherUsed):
        use(town, voucher, actor=town.charlie)
    town.check()


def test_the_refusal_of_a_second_use_names_the_use_that_stands(town: Town, member: str) -> None:
    voucher = buy(town, member)
    use(town, voucher, reference="till-1")
    undo(town, voucher)
    town.clock.forward(DAY)
    use(town, voucher, reference="till-2")
    with pytest.raises(VoucherUsed) as refusal:
        use(town, voucher)
    assert refusal.value.facts["reference"] == "till-2"
    assert refusal.value.facts["used_at"] == town.clock.at


def test_the_same_reference_gives_the_same_answer_whatever_came_of_the_voucher(town: Town, member: str) -> None:
    voucher, other = buy(town, member), buy(town, member)
    use(town, voucher)
    use(town, other)
    first = undo(town, voucher, reference="undo-1")
    use(town, voucher)
    again = undo(town, voucher, reference="undo-1")
    assert (again.replayed, again.reversal) == (True, first.reversal)
    assert check_voucher(town.context, town.alice, str(voucher.code)).voucher.state == "used"
    for wrong in ({"reason": "another one"}, {"use_reference": "till-1"}):
        with pytest.raises(ReferenceConflict):
            undo(town, voucher, reference="undo-1", **wrong)
    with pytest.raises(ReferenceConflict):
        undo(town, other, reference="undo-1")


def test_only_the_merchant_that_used_it_undoes_that(town: Town, member: str) -> None:
    voucher = buy(town, member)
    use(town, voucher)
    with pytest.raises(NotFound):
        undo(town, voucher, actor=town.charlie)
    with pytest.raises(InvalidInput):
        undo(town, voucher, actor=ADMIN)
    with pytest.raises(NotFound):
        undo(town, voucher, actor=ADMIN, merchant_id=town.charlie.merchant_id)
    undo(town, voucher, actor=ADMIN, merchant_id=town.alice.merchant_id)
    use(town, voucher, actor=town.charlie)
    assert check_voucher(town.context, town.charlie, str(voucher.code)).voucher.undone == ()
    with pytest.raises(AlreadyReversed):
        undo(town, voucher)


def test_only_a_used_voucher_is_undone_and_each_use_once(town: Town, member: str) -> None:
    voucher = buy(town, member)
    with pytest.raises(VoucherNotUsed):
        undo(town, voucher)
    with pytest.raises(NotFound):
        undo_use(town.context, town.alice, "vch_nothing", NewVoucherReversal(town.reference()))
    use(town, voucher, reference="till-1")
    done = undo(town, voucher)
    with pytest.raises(AlreadyReversed) as refusal:
        undo(town, voucher)
    assert refusal.value.facts == {"existing_id": done.reversal.id}


def test_an_undoing_that_names_its_use_never_takes_back_a_later_one(town: Town, member: str) -> None:
    voucher = buy(town, member)
    use(town, voucher, reference="till-1")
    undo(town, voucher, use_reference="till-1")
    use(town, voucher, reference="till-2")
    with pytest.raises(AlreadyReversed):
        undo(town, voucher, use_reference="till-1")
    with pytest.raises(NotFound):
        undo(town, voucher, use_reference="till-3")
    assert undo(town, voucher, use_reference="till-2").reversal.use_reference == "till-2"


def test_the_reference_of_an_undone_use_uses_nothing_again(town: Town, member: str) -> None:
    """A till that repeats its call after a timeout must not take the voucher for honoured."""
    voucher, other = buy(town, member), buy(town, member)
    use(town, voucher, reference="till-1")
    undo(town, voucher)
    with pytest.raises(AlreadyReversed):
        use(town, voucher, reference="till-1")
    with pytest.raises(ReferenceConflict):
        use(town, other, reference="till-1")
    assert {one.state for one in list_vouchers(town.context, Actor.member(member))} == {"open"}


def test_a_use_stands_once_the_vouchers_time_is_over(town: Town, member: str) -> None:
    voucher = buy(town, member, "tea")
    use(town, voucher)
    town.clock.at = voucher.expires_at or town.clock.at
    with pytest.raises(VoucherExpired) as refusal:
        undo(town, voucher)
    assert refusal.value.facts == {"expired_at": voucher.expires_at}


def test_a_voucher_that_was_undone_ends_when_it_would_have(town: Town, member: str) -> None:
    voucher = buy(town, member, "tea")
    use(town, voucher)
    undo(town, voucher)
    town.pass_time(91 * DAY)
    assert get_voucher(town.context, Actor.member(member), voucher.id).state == "expired"
    assert town.balance(member).available == 250
    town.check()


def test_a_use_stands_whose_points_were_given_back(town: Town, member: str) -> None:
    voucher = buy(town, member)
    use(town, voucher)
    new = NewReversal(town.reference(), reason="cold", points=10)
    restore(town.context, ADMIN, str(voucher.redemption_id), new)
    with pytest.raises(VoucherCancelled):
        undo(town, voucher)
    refused = buy(town, member)
    use(town, refused)
    with town.context.store.write() as connection:
        void_skipped(connection, town.context, str(refused.entry_id), reason=4)
    with pytest.raises(VoucherCancelled):
        undo(town, refused)
    town.check()


def test_after_undoing_its_points_are_given_back_as_those_of_any_open_voucher(town: Town, member: str) -> None:
    voucher = buy(town, member)
    use(town, voucher)
    undo(town, voucher)
    restore(town.context, ADMIN, str(voucher.redemption_id), NewReversal(town.reference()))
    assert get_voucher(town.context, Actor.member(member), voucher.id).state == "cancelled"
    with pytest.raises(VoucherCancelled):
        use(town, voucher)
    town.check()


def test_what_came_off_the_order_is_told_with_the_use_that_was_undone(town: Town, member: str) -> None:
    voucher = buy(town, member, "tenth")
    use(town, voucher, order=NewOrder(2_600))
    assert undo(town, voucher).reversal.discount == views.Money(260, "EUR")
    again = use(town, voucher, order=NewOrder(1_000))
    assert again.discount == views.Money(100, "EUR")
    assert [one.discount for one in again.undone] == [views.Money(260, "EUR")]


def test_a_frozen_member_gets_a_use_undone_and_waits_with_the_voucher(town: Town, member: str) -> None:
    voucher = buy(town, member)
    use(town, voucher)
    freeze(town.context, town.alice, member, "looked at")
    undo(town, voucher)
    assert check_voucher(town.context, town.alice, str(voucher.code)).refusal == "member_frozen"


def test_it_is_a_promised_fact_that_names_the_use(town: Town, member: str) -> None:
    voucher = buy(town, member)
    used = use(town, voucher, reference="till-1")
    done = undo(town, voucher, reference="undo-1").reversal
    with town.context.store.read() as connection:
        fact = connection.execute(select(tables.facts).where(tables.facts.c.kind == "voucher_reversal")).one()
    detail = json.loads(fact.detail)
    expected = {
        "operation": "voucher_reversal",
        "operation_id": done.id,
        "of": voucher.redemption_id,
        "voucher": voucher.id,
        "reward": "coffee",
        "merchant": town.alice.merchant_id,
        "reference": "undo-1",
        "use": "till-1",
        "reason": None,
    }
    assert expected.items() <= detail.items()
    assert used.used_at is not None
    assert detail["used_at"] == used.used_at.isoformat().replace("+00:00", "Z")
    assert fact.points == 0
    town.check()


def test_uses_and_undoing_are_rebuilt_from_the_sources(town: Town, member: str) -> None:
    other = town.member()
    town.issue(other, 250)
    for one in (member, other):
        voucher = buy(town, one)
        for _ in range(2):
            use(town, voucher)
            undo(town, voucher)
        use(town, voucher, actor=town.charlie)
        voucher = buy(town, one)
        use(town, voucher)
        undo(town, voucher)
    merge_members(town.context, Actor.admin("alma"), other, member, "the same person")
    use(town, voucher)
    undo(town, voucher)
    before = list_vouchers(town.context, Actor.member(member))
    assert sorted((one.state, len(one.undone)) for one in before) == [
        ("open", 1),
        ("open", 2),
        ("used", 2),
        ("used", 2),
    ]
    with town.context.store.write() as connection:
        connection.execute(delete(undone_voucher_uses))
        connection.execute(delete(vouchers))
    assert len(check_rebuild(town.context)) == 11
    rebuild(town.context)
    assert list_vouchers(town.context, Actor.member(member)) == before
    town.check()


def test_a_won_voucher_is_undone_and_used_again(town: Town, member: str) -> None:
    items = (NewItem(line=1, sku="t1", category="tea", quantity=5, amount=2_000),)
    town.buy(member, 2_000, items=items)
    (voucher,) = list_vouchers(town.context, Actor.member(member))
    use(town, voucher)
    undo(town, voucher)
    assert use(town, voucher).state == "used"
    town.check()


def test_a_day_that_was_settled_stays_as_it_was_and_the_undoing_counts_on_its_own(town: Town, member: str) -> None:
    voucher = buy(town, member)
    use(town, voucher)
    first = town.clock.at.date()
    before = owed(town, first)
    assert before == [100]
    town.clock.forward(DAY)
    undo(town, voucher)
    assert owed(town, first) == before
    assert owed(town, town.clock.at.date()) == [-100]
    assert owed(town, first, town.clock.at.date()) == [0]


def owed(town: Town, since: date, until: date | None = None) -> list[int]:
    """What the programme owes alice's shop for vouchers."""
    rows = net_settlement(town.context, ADMIN, since, until or since).rows
    return [row.points for row in rows if row.issuer == 1 and row.acceptor != 1]


def test_of_many_calls_at_once_one_undoes_the_use(town: Town, member: str) -> None:
    voucher = buy(town, member)
    use(town, voucher)

    def call(number: int) -> str:
        try:
            undo(town, voucher, reference=f"undo-{number}")
        except CallerError as refusal:
            return refusal.code
        return "undone"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(call, range(4))) == ["already_reversed"] * 3 + ["undone"]
    town.check()
