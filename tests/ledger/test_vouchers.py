"""Vouchers: bought once however often it is asked for, shown as a code, honoured once, and what giving back does to them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from ledger_town import ADMIN, Make, Town, rules
from sqlalchemy import delete, select, update

from token_service.errors import (
    CallerError,
    Forbidden,
    InsufficientBalance,
    InvalidInput,
    MemberFrozen,
    MemberLeaving,
    NotFound,
    ReferenceConflict,
    RewardUnavailable,
    VoucherCancelled,
    VoucherUnknown,
    VoucherUsed,
)
from token_service.ledger import tables, views
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewReversal, NewStore, NewVoucher, NewVoucherUse
from token_service.ledger.members import freeze, unfreeze
from token_service.ledger.merchants import create_store
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.redemptions import get_redemption, restore
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.voids import void_skipped
from token_service.ledger.vouchers import buy_reward, check_voucher, get_voucher, list_vouchers, use_voucher
from token_service.units import EntryKind

REWARDS = "[{id: coffee, kind: gift, points: 100, name: {fr: Café, en: Coffee}}, {id: hamper, kind: gift, points: 900}]"


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(rewards=REWARDS))


@pytest.fixture
def member(town: Town) -> str:
    """Has 250 points."""
    member_id = town.member()
    town.issue(member_id, 250)
    return member_id


def buy(town: Town, member_id: str, **more: Any) -> views.Outcome[views.Voucher]:
    new = NewVoucher(**({"reference": town.reference(), "reward_id": "coffee", "points": 100} | more))
    return buy_reward(town.context, Actor.member(member_id), new)


def code_of(outcome: views.Outcome[views.Voucher]) -> str:
    assert outcome.value.code is not None
    return outcome.value.code


def use(town: Town, code: str, *, actor: Actor | None = None, **more: Any) -> views.VoucherUse:
    new = NewVoucherUse(**({"reference": town.reference(), "code": code} | more))
    return use_voucher(town.context, actor or town.alice, new)


def give_back(town: Town, redemption_id: str, *, actor: Actor = ADMIN, **more: Any) -> views.Reversal:
    return restore(town.context, actor, redemption_id, NewReversal(town.reference(), **more)).value


def test_a_voucher_is_an_ordinary_redemption_at_the_programme_itself(town: Town, member: str) -> None:
    outcome = buy(town, member)
    voucher = outcome.value
    assert (voucher.state, voucher.reward_id, voucher.points) == ("open", "coffee", 100)
    assert outcome.balance.available == 150
    assert outcome.promise is not None
    assert town.moves(member) == [("issuance", 250), ("redemption", -100)]
    redemption = get_redemption(town.context, ADMIN, voucher.redemption_id)
    assert (redemption.points, redemption.reward_id, redemption.member_id) == (100, "coffee", member)
    with town.context.store.read() as connection:
        entry = connection.execute(select(tables.entries).where(tables.entries.c.points < 0)).one()
    assert (entry.kind, entry.party) == (int(EntryKind.REDEMPTION), 1)
    town.check()


def test_the_same_reference_gives_the_same_voucher(town: Town, member: str) -> None:
    first = buy(town, member, reference="form-1")
    again = buy(town, member, reference="form-1")
    assert again.replayed
    assert again.value == first.value
    assert town.balance(member).available == 150
    with pytest.raises(ReferenceConflict):
        buy(town, member, reference="form-1", reward_id="hamper", points=900)


def test_somebody_elses_reference_is_not_answered(town: Town, member: str) -> None:
    buy(town, member, reference="form-1")
    other = town.member()
    town.issue(other, 100)
    with pytest.raises(ReferenceConflict):
        buy(town, other, reference="form-1")
    assert list_vouchers(town.context, Actor.member(other)) == ()


def test_the_code_can_be_shown_again_and_only_its_hash_is_stored(town: Town, member: str) -> None:
    voucher = buy(town, member).value
    code = code_of(buy(town, member))
    assert get_voucher(town.context, Actor.member(member), voucher.id) == voucher
    assert voucher.code != code
    assert len(code) == 14
    assert code.count("-") == 2
    assert code not in repr(voucher)
    with town.context.store.read() as connection:
        hashes = set(connection.execute(select(vouchers.c.code_hash)).scalars())
    assert sha256(code.replace("-", "").encode()).hexdigest() in hashes


def test_what_cannot_be_bought_leaves_nothing(town: Town, member: str) -> None:
    with pytest.raises(InsufficientBalance) as short:
        buy(town, member, reward_id="hamper", points=900)
    assert short.value.facts == {"available": 250, "missing_points": 650}
    with pytest.raises(RewardUnavailable):
        buy(town, member, reward_id="yacht")
    with pytest.raises(RewardUnavailable):
        buy(town, member, points=90)  # the price that the member saw is not the one that would be taken
    freeze(town.context, town.alice, member, "looked at")
    with pytest.raises(MemberFrozen):
        buy(town, member)
    for actor in (town.alice, ADMIN):
        with pytest.raises(Forbidden):
            buy_reward(town.context, actor, NewVoucher("r", "coffee", 100))
    assert list_vouchers(town.context, Actor.member(member)) == ()
    assert town.balance(member).available == 250


def test_nobody_buys_with_a_salt_key_that_was_erased(town: Town, member: str) -> None:
    shown = buy(town, member).value
    with town.context.store.write() as connection:
        connection.execute(update(tables.members).where(tables.members.c.id == member).values(sealed_salt_key=None))
    with pytest.raises(MemberLeaving):
        buy(town, member)
    assert get_voucher(town.context, Actor.member(member), shown.id).code is None
    town.check()


def test_a_till_learns_what_a_voucher_is_worth_and_nothing_of_its_member(town: Town, member: str) -> None:
    code = code_of(buy(town, member))
    for actor in (town.alice, town.charlie):
        checked = check_voucher(town.context, actor, code)
        assert checked.refusal is None
        voucher = checked.voucher
        assert (voucher.reward_id, voucher.reward_name, voucher.points) == (
            "coffee",
            {"fr": "Café", "en": "Coffee"},
            100,
        )
        assert (voucher.value, voucher.state) == (views.Money(1000, "EUR"), "open")
        assert member not in str(checked)
    assert check_voucher(town.context, ADMIN, code, town.alice.merchant_id).refusal is None


@pytest.mark.parametrize(
    "change", [str.lower, lambda code: code.replace("-", " "), lambda code: " " + code.replace("0", "o")]
)
def test_a_code_may_be_typed_as_people_type(town: Town, member: str, change: Any) -> None:
    assert check_voucher(town.context, town.alice, change(code_of(buy(town, member)))).voucher.state == "open"


@pytest.mark.parametrize("code", ["", "x", "0000-0000-0000", "U" * 12, "0" * 1_000, "é" * 12])
def test_a_made_up_code_is_nobodys(town: Town, code: str) -> None:
    with pytest.raises(VoucherUnknown):
        check_voucher(town.context, town.alice, code)
    with pytest.raises(VoucherUnknown):
        use(town, code)


def test_a_voucher_is_used_once_and_the_first_use_is_named_to_its_merchant_alone(town: Town, member: str) -> None:
    code = code_of(buy(town, member))
    used = use(town, code, reference="till-1")
    assert (used.replayed, used.voucher.state, used.voucher.used_at) == (False, "used", town.clock.at)
    assert used.voucher.reference == "till-1"
    with pytest.raises(VoucherUsed) as own:
        use(town, code, reference="till-2")
    assert own.value.facts == {
        "used_at": town.clock.at,
        "merchant_id": town.alice.merchant_id,
        "reference": "till-1",
    }
    with pytest.raises(VoucherUsed) as foreign:
        use(town, code, actor=town.charlie, reference="till-1")
    assert foreign.value.facts == {"used_at": town.clock.at}
    assert str(town.alice.merchant_id) not in foreign.value.detail
    checked = check_voucher(town.context, town.charlie, code)
    assert (checked.refusal, checked.facts) == ("voucher_used", {"used_at": town.clock.at})
    assert checked.voucher.reference is None
    assert town.balance(member).available == 150


def test_the_same_use_again_is_answered_as_the_first(town: Town, member: str) -> None:
    code = code_of(buy(town, member))
    first = use(town, code, reference="till-1")
    town.clock.forward(timedelta(hours=1))
    again = use(town, code, reference="till-1")
    assert again.replayed
    assert again.voucher == first.voucher
    with pytest.raises(ReferenceConflict):
        use(town, code_of(buy(town, member)), reference="till-1")


def test_the_member_reads_when_and_where_it_was_used(town: Town, member: str) -> None:
    outcome = buy(town, member)
    other = buy(town, member).value
    use(town, code_of(outcome))
    voucher = get_voucher(town.context, Actor.member(member), outcome.value.id)
    assert (voucher.state, voucher.used_by, voucher.used_at, voucher.code) == ("used", "Alice", town.clock.at, None)
    assert [one.id for one in list_vouchers(town.context, Actor.member(member))] == [other.id, voucher.id]


def test_nobody_sees_a_voucher_of_somebody_else(town: Town, member: str) -> None:
    voucher = buy(town, member).value
    with pytest.raises(NotFound):
        get_voucher(town.context, Actor.member(town.member()), voucher.id)
    with pytest.raises(Forbidden):
        get_voucher(town.context, town.alice, voucher.id)


def test_a_use_is_a_promised_fact_that_names_who_honoured_it(town: Town, member: str) -> None:
    outcome = buy(town, member)
    store = create_store(town.context, town.alice, NewStore("s1", "Lyon"))
    use(town, code_of(outcome), reference="till-1", store_id=store.id)
    with town.context.store.read() as connection:
        fact = connection.execute(select(tables.facts).where(tables.facts.c.kind == "voucher_used")).one()
    detail = json.loads(fact.detail)
    assert (fact.member_id, fact.points) == (member, 0)
    expected = {
        "kind": "voucher_used",
        "of": outcome.value.redemption_id,
        "voucher": outcome.value.id,
        "reward": "coffee",
        "merchant": town.alice.merchant_id,
        "store": store.id,
        "reference": "till-1",
    }
    assert expected.items() <= detail.items()
    assert detail["party"] > 1
    assert code_of(outcome).replace("-", "") not in fact.detail
    town.check()


def test_a_store_of_another_merchant_honours_nothing(town: Town, member: str) -> None:
    store = create_store(town.context, town.charlie, NewStore("s1", "Lyon"))
    code = code_of(buy(town, member))
    with pytest.raises(NotFound):
        use(town, code, store_id=store.id)
    assert check_voucher(town.context, town.alice, code).voucher.state == "open"


def test_giving_the_redemption_back_cancels_an_open_voucher(town: Town, member: str) -> None:
    outcome = buy(town, member)
    with pytest.raises(NotFound):
        give_back(town, outcome.value.redemption_id, actor=town.alice)
    with pytest.raises(InvalidInput):
        give_back(town, outcome.value.redemption_id, points=40)
    assert give_back(town, outcome.value.redemption_id).reversed == 100
    voucher = get_voucher(town.context, Actor.member(member), outcome.value.id)
    assert (voucher.state, voucher.cancelled_at, voucher.code) == ("cancelled", town.clock.at, None)
    with pytest.raises(VoucherCancelled):
        use(town, code_of(outcome))
    assert check_voucher(town.context, town.alice, code_of(outcome)).refusal == "voucher_cancelled"
    assert town.balance(member).available == 250
    town.check()


def test_a_used_voucher_is_given_back_only_by_an_admin_with_a_reason(town: Town, member: str) -> None:
    outcome = buy(town, member)
    use(town, code_of(outcome))
    redemption_id = outcome.value.redemption_id
    with town.context.store.read() as connection:
        own = connection.execute(select(tables.merchants.c.id).where(tables.merchants.c.party == 1)).scalar_one()
    with pytest.raises(VoucherUsed):
        give_back(town, redemption_id, actor=Actor.merchant(own), reason="a wish")
    with pytest.raises(InvalidInput) as refusal:
        give_back(town, redemption_id)
    assert refusal.value.places[0].pointer == "/reason"
    give_back(town, redemption_id, reason="the coffee machine was broken", points=60)
    assert get_voucher(town.context, Actor.member(member), outcome.value.id).state == "used"
    assert town.balance(member).available == 210
    town.check()


def test_a_frozen_members_voucher_waits(town: Town, member: str) -> None:
    code = code_of(buy(town, member))
    freeze(town.context, town.alice, member, "looked at")
    assert check_voucher(town.context, town.alice, code).refusal == "member_frozen"
    with pytest.raises(MemberFrozen):
        use(town, code)
    unfreeze(town.context, town.alice, member, "all right")
    assert use(town, code).voucher.state == "used"


def test_a_voucher_whose_redemption_the_contract_refused_buys_nothing(town: Town, member: str) -> None:
    outcome = buy(town, member)
    with town.context.store.write() as connection:
        void_skipped(connection, town.context, outcome.entries[0].id, reason=4)
    assert check_voucher(town.context, town.alice, code_of(outcome)).refusal == "voucher_cancelled"
    assert town.balance(member).available == 250
    town.check()


def test_two_vouchers_never_share_a_code(town: Town, member: str) -> None:
    """An id whose code is taken is passed over."""
    taken, free = buy(town, member).value.id, "vch_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    ids, plain = iter([taken, free]), town.context.new_id
    town.context = replace(town.context, new_id=lambda kind: next(ids) if kind == "vch" else plain(kind))
    assert buy(town, member).value.id == free


def test_every_state_of_a_voucher_is_rebuilt_from_the_sources(town: Town, member: str) -> None:
    town.issue(member, 250)
    bought = [buy(town, member) for _ in range(4)]
    use(town, code_of(bought[0]))
    town.clock.forward(timedelta(minutes=1))
    give_back(town, bought[1].value.redemption_id)
    use(town, code_of(bought[2]))
    give_back(town, bought[2].value.redemption_id, reason="goodwill")
    before = list_vouchers(town.context, Actor.member(member))
    assert sorted(one.state for one in before) == ["cancelled", "open", "used", "used"]
    with town.context.store.write() as connection:
        connection.execute(delete(vouchers))
    assert len(check_rebuild(town.context)) == 4
    rebuild(town.context)
    assert list_vouchers(town.context, Actor.member(member)) == before
    assert use(town, code_of(bought[3])).voucher.state == "used"
    town.check()


class TestAtOnce:
    def test_of_two_tills_one_honours_the_voucher(self, town: Town, member: str) -> None:
        code = code_of(buy(town, member))

        def call(number: int) -> str:
            try:
                use(town, code, actor=(town.alice, town.charlie)[number % 2], reference=f"till-{number}")
            except CallerError as refusal:
                return refusal.code
            return "used"

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(call, range(4))) == ["used", "voucher_used", "voucher_used", "voucher_used"]
        town.check()

    def test_a_double_click_buys_one_voucher(self, town: Town, member: str) -> None:
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: buy(town, member, reference="form-1"), range(4)))
        assert len({one.value.id for one in done}) == 1
        assert sum(not one.replayed for one in done) == 1
        assert town.balance(member).available == 150

    def test_one_reference_honours_one_voucher_of_two_members(self, town: Town, member: str) -> None:
        other = town.member()
        town.issue(other, 100)
        codes = [code_of(buy(town, one)) for one in (member, other)]

        def call(code: str) -> str:
            try:
                use(town, code, reference="till-1")
            except CallerError as refusal:
                return refusal.code
            return "used"

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(call, codes)) == ["reference_conflict", "used"]

    def test_a_voucher_is_either_used_or_given_back(self, town: Town, member: str) -> None:
        outcome = buy(town, member)

        def honour() -> str:
            try:
                return use(town, code_of(outcome)).voucher.state
            except VoucherCancelled:
                return "cancelled"

        def take_back() -> str:
            try:
                give_back(town, outcome.value.redemption_id)
            except InvalidInput:  # it was used: a reason is wanted
                return "used"
            return "cancelled"

        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(honour), pool.submit(take_back)]
            assert len({one.result() for one in done}) == 1
        town.check()
