"""Purchases: recorded once, rated under the rules of their day, promised; refused ones leave nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_town import CHAIN_ID, CONTRACT, DAY, START, TIERS, Make, Town, rules

from token_service.errors import (
    AfterSunset,
    BacklogFull,
    CallerError,
    CeilingReached,
    InvalidInput,
    MemberFrozen,
    NotFound,
    ProgramPaused,
    ReferenceConflict,
    TooLate,
    TotalMismatch,
    WrongCurrency,
)
from token_service.ledger import tables
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewItem, NewMember, NewStore
from token_service.ledger.members import enrol, freeze, unfreeze
from token_service.ledger.merchants import create_store
from token_service.ledger.purchases import find_purchase, get_purchase, record_purchases, simulate_purchase
from token_service.ledger.receipts import openings
from token_service.ledger.statements import get_entry
from token_service.ledger.views import BatchOutcome
from token_service.protocol import promises
from token_service.protocol.receipts import commitment


def test_it_earns_and_promises_at_once(town: Town) -> None:
    member = town.member()
    outcome = town.buy(member, 2_390)
    assert outcome.value.points == 23
    assert [(entry.kind, entry.points, entry.balance_after) for entry in outcome.entries] == [("issuance", 23, 23)]
    assert outcome.balance.available == 23
    promise = outcome.promise
    assert promise is not None
    assert (promise.chain_id, promise.contract, promise.amount) == (CHAIN_ID, CONTRACT, 23)
    plain = promises.Promise(
        chain_id=promise.chain_id,
        contract=promise.contract,
        entry_id=promise.entry_id,
        account=promise.account,
        kind=promise.kind,
        party=promise.party,
        amount=promise.amount,
        commitment=promise.commitment,
        settle_by=int(promise.settle_by.timestamp()),
    )
    assert promises.verify(promises.SignedPromise(plain, promise.signature), town.keys.promise_address)
    town.check()


def test_the_commitment_opens_to_what_the_rules_read(town: Town) -> None:
    outcome = town.buy(town.member(), 2_390, reference="till-1")
    assert outcome.promise is not None
    salt, detail = openings(town.context, [outcome.entries[0].id])[outcome.entries[0].id]
    assert commitment(bytes.fromhex(salt[2:]), detail) == outcome.promise.commitment
    document = json.loads(detail)
    assert (document["v"], document["kind"], document["reference"], document["part"]) == (1, "issuance", "till-1", 1)
    assert (document["merchant"], document["ruleset"]) == (town.alice.merchant_id, outcome.value.ruleset)
    assert document["facts"]["total"] == 2_390
    assert sum(line["points"] for line in document["breakdown"]) == 23


def test_the_same_reference_and_content_is_answered_with_the_first_purchase(town: Town) -> None:
    member = town.member()
    new = town.new_purchase(member, 1_000, reference="once")
    first = record_purchases(town.context, town.alice, [new, new])
    assert all(isinstance(item, BatchOutcome) for item in first)
    assert [item.replayed for item in first if isinstance(item, BatchOutcome)] == [False, True]
    again = town.buy(member, 1_000, reference="once")
    assert again.replayed
    assert again.entries[0].points == 10
    assert town.balance(member).available == 10
    town.check()


def test_the_same_reference_with_other_content_is_a_conflict_that_names_the_first(town: Town) -> None:
    member = town.member()
    first = town.buy(member, 1_000, reference="once")
    with pytest.raises(ReferenceConflict) as refusal:
        town.buy(member, 1_001, reference="once")
    assert refusal.value.facts["existing_id"] == first.value.id
    assert town.balance(member).available == 10


def test_merchants_have_their_own_references(town: Town) -> None:
    town.buy(town.member(), 1_000, reference="once")
    theirs = town.buy(town.member(town.charlie), 2_000, reference="once", actor=town.charlie)
    assert theirs.value.points == 20


def test_charlie_sees_nothing_of_alices(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 1_000)
    for look in (
        lambda: get_purchase(town.context, town.charlie, bought.value.id),
        lambda: find_purchase(town.context, town.charlie, bought.value.reference),
        lambda: get_entry(town.context, town.charlie, bought.entries[0].id),
        lambda: town.buy(member, 1_000, actor=town.charlie),
    ):
        with pytest.raises(NotFound):
            look()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"total": -1}, InvalidInput),
        ({"total": 2**53}, InvalidInput),
        ({"total": True}, InvalidInput),
        ({"tax": 1_001}, InvalidInput),
        ({"currency": "USD"}, WrongCurrency),
        ({"reference": ""}, InvalidInput),
        ({"reference": "a\x00b"}, InvalidInput),
        ({"reference": "x" * 201}, InvalidInput),
        ({"occurred_at": START + timedelta(hours=1)}, InvalidInput),
        ({"occurred_at": START.replace(tzinfo=None)}, InvalidInput),
        ({"occurred_at": START.replace(year=1)}, InvalidInput),
        ({"member_id": "mem_nobody"}, NotFound),
        ({"member_id": None}, InvalidInput),
        ({"external_id": "both"}, InvalidInput),
        ({"store_id": "sto_nowhere"}, NotFound),
        ({"channel": "\n"}, InvalidInput),
        ({"items": (NewItem(line=1, amount=999),)}, TotalMismatch),
        ({"items": (NewItem(line=1, amount=500), NewItem(line=1, amount=500))}, InvalidInput),
        ({"items": (NewItem(line=1, amount=1_000, quantity=-1),)}, InvalidInput),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    town: Town, change: dict[str, object], error: type[CallerError]
) -> None:
    member = town.member()
    with pytest.raises(error):
        town.buy(**({"member_id": member, "total": 1_000} | change))  # type: ignore[arg-type]
    assert town.moves(member) == []
    with town.context.store.read() as connection:
        assert connection.execute(tables.operations.select()).all() == []
    town.check()


def test_lines_shipping_and_discount_add_up_to_the_total(town: Town) -> None:
    items = (NewItem(line=1, amount=1_000), NewItem(line=2, amount=500))
    assert town.buy(town.member(), 1_690, items=items, shipping=490, discount=300).value.points == 16


def test_a_purchase_that_earns_nothing_is_a_fact_with_a_promise(town: Town) -> None:
    member = town.member()
    outcome = town.buy(member, 99)
    assert (outcome.value.points, outcome.entries) == (0, ())
    assert outcome.promise is not None
    assert outcome.promise.entry_id.startswith("fct_")
    assert get_entry(town.context, town.alice, outcome.promise.entry_id).kind == "purchase"
    town.check()


def test_it_waits_for_the_return_window(make: Make) -> None:
    town = make(rules(return_window="P14D"))
    member = town.member()
    outcome = town.buy(member, 1_000)
    assert (outcome.balance.available, outcome.balance.pending) == (0, 10)
    assert outcome.value.available_at == START + timedelta(days=14)
    assert town.pass_time(13 * DAY).awards_matured == 0
    assert town.pass_time(DAY).awards_matured == 1
    assert town.pass_time(DAY).awards_matured == 0
    balance = town.balance(member)
    assert (balance.available, balance.pending) == (10, 0)
    town.check()


def test_one_that_is_recorded_after_its_window_is_issued_at_once(make: Make) -> None:
    town = make(rules(return_window="P14D", accept_late="P30D"))
    member = town.member()
    assert town.buy(member, 1_000, occurred_at=START - 20 * DAY).balance.available == 10
    with pytest.raises(TooLate):
        town.buy(member, 1_000, occurred_at=START - 31 * DAY)
    town.check()


def test_a_frozen_member_earns_nothing_until_unfrozen(town: Town) -> None:
    member = town.member()
    freeze(town.context, town.alice, member, "a doubt")
    with pytest.raises(MemberFrozen):
        town.buy(member, 1_000)
    unfreeze(town.context, town.alice, member, "cleared")
    assert town.buy(member, 1_000).balance.available == 10
    town.check()


def test_the_ceiling_holds_and_says_when_there_is_room_again(make: Make) -> None:
    town = make(rules(), ceiling_points=100, ceiling_period_seconds=86_400)
    member = town.member()
    town.buy(member, 9_000)
    with pytest.raises(CeilingReached) as refusal:
        town.buy(member, 2_000)
    assert (refusal.value.facts["ceiling"], refusal.value.facts["remaining"]) == (100, 10)
    assert refusal.value.facts["available_at"] == "2026-03-03T00:00:00Z"
    assert town.buy(member, 1_000).balance.available == 100
    town.settle_all()
    town.clock.forward(DAY)
    assert town.buy(member, 10_000).balance.available == 200
    town.check()


def test_what_is_still_in_flight_counts_in_the_next_window(make: Make) -> None:
    town = make(rules(), ceiling_points=100)
    member = town.member()
    town.buy(member, 9_000)
    town.clock.forward(DAY)  # not settled: it may land in this window
    with pytest.raises(CeilingReached):
        town.buy(member, 2_000)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"tax": 1_001}, "/tax"),
        ({"shipping": 1_001}, "/shipping"),
        ({"shipping": 1_301, "discount": 200, "paid_with_points": 100}, "/shipping"),
        ({"items": (NewItem(1, amount=600, tax=100), NewItem(2, amount=400, tax=401))}, "/items/1/tax"),
    ],
)
def test_a_part_of_the_price_above_the_price_is_refused_at_its_place(
    town: Town, more: dict[str, object], place: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        town.buy(town.member(), 1_000, **more)
    assert [one.pointer for one in refusal.value.places] == [place]


@pytest.mark.parametrize(
    "more",
    [
        {"shipping": 1_300, "discount": 200, "paid_with_points": 100},
        {"items": (NewItem(1, amount=1_000, discount=3_000, tax=1_000),)},
    ],
)
def test_discounts_may_be_larger_than_what_is_left_to_pay(town: Town, more: dict[str, object]) -> None:
    assert town.buy(town.member(), 1_000, **more).value.points == 10


@pytest.mark.parametrize(("values", "error"), [({"paused": True}, ProgramPaused), ({"sunset_at": START}, AfterSunset)])
def test_nothing_is_issued_while_paused_or_after_sunset(
    town: Town, values: dict[str, object], error: type[CallerError]
) -> None:
    member = town.member()
    with town.context.store.write() as connection:
        connection.execute(tables.program.update().values(**values))
    with pytest.raises(error):
        town.buy(member, 1_000)


def test_a_full_backlog_refuses_new_ones_and_answers_known_ones(town: Town) -> None:
    member = town.member()
    town.buy(member, 1_000, reference="known")
    town.context = replace(town.context, backlog_limit=0)
    with pytest.raises(BacklogFull):
        town.buy(member, 1_000)
    assert town.buy(member, 1_000, reference="known").replayed


def test_a_batch_answers_each_in_order_and_keeps_the_good_ones(town: Town) -> None:
    town.member()
    one = enrol(town.context, town.alice, NewMember(external_id="one")).member.id
    news = [
        town.new_purchase(one, 1_000),
        town.new_purchase(one, -5),
        town.new_purchase(None, 3_000, external_id="one"),  # type: ignore[arg-type]
        town.new_purchase("mem_nobody", 1_000),
        replace(town.new_purchase(one, 1_000), merchant_id=town.charlie.merchant_id),
    ]
    answers = record_purchases(town.context, town.alice, news)
    assert [type(answer).__name__ for answer in answers] == [
        "BatchOutcome",
        "InvalidInput",
        "BatchOutcome",
        "NotFound",
        "NotFound",
    ]
    assert town.balance(one).available == 40
    town.check()


def test_a_batch_stops_at_the_ceiling_item_by_item(make: Make) -> None:
    town = make(rules(), ceiling_points=25)
    member = town.member()
    answers = record_purchases(town.context, town.alice, [town.new_purchase(member, 1_000) for _ in range(4)])
    assert [isinstance(answer, CeilingReached) for answer in answers] == [False, False, True, True]
    assert town.balance(member).available == 20
    town.check()


def test_a_batch_is_the_same_as_one_by_one(make: Make) -> None:
    document = rules(
        tiers=TIERS,
        limits="{per_member_day_points: 150}",
    )
    totals = [3_000, 2_500, 1_000, 4_000, 9_000]
    together, alone = make(document), make(document)
    members = together.member(), alone.member()
    record_purchases(together.context, together.alice, [together.new_purchase(members[0], total) for total in totals])
    for total in totals:
        alone.buy(members[1], total)
    assert together.moves(members[0]) == alone.moves(members[1])
    assert together.balance(members[0]).available == 150
    for town in (together, alone):
        town.check()


def test_a_simulation_answers_like_the_call_and_writes_nothing(town: Town) -> None:
    member = town.member()
    new = town.new_purchase(member, 2_390)
    simulated = simulate_purchase(town.context, town.alice, replace(new, reference=""))
    assert simulated.value is not None
    assert (simulated.value.points, simulated.balance.available, simulated.balance.on_chain.points) == (23, 23, 0)
    assert town.moves(member) == []
    freeze(town.context, town.alice, member, "a doubt")
    assert simulate_purchase(town.context, town.alice, new).refusal == "member_frozen"
    town.check()


def test_a_store_is_the_merchants_own(town: Town) -> None:
    store = create_store(town.context, town.alice, NewStore(external_id="7", name="Rue Oberkampf"))
    outcome = town.buy(town.member(), 1_000, store_id=store.id)
    assert outcome.entries[0].store_name == "Rue Oberkampf"
    with pytest.raises(NotFound):
        town.buy(town.member(town.charlie), 1_000, store_id=store.id, actor=town.charlie)


def test_an_admin_names_the_merchant(town: Town) -> None:
    member = town.member()
    with pytest.raises(InvalidInput):
        town.buy(member, 1_000, actor=Actor.admin())
    assert town.buy(member, 1_000, actor=Actor.admin(), merchant_id=town.alice.merchant_id).value.points == 10
