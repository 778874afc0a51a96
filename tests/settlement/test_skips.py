"""Entries that the contract skips: deferred ones come again in their member's order, all others are voided for good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from settlement_programme import ADMIN, Programme
from sqlalchemy import select, update

from token_service.chain.admin_operations import drive
from token_service.ledger.balances import get_balance
from token_service.ledger.batch_leaves import leaves_of_batch
from token_service.ledger.inputs import NewIssuance, NewMerchant
from token_service.ledger.issuances import issue
from token_service.ledger.members import freeze, get_member, unfreeze
from token_service.ledger.merchants import create_merchant
from token_service.ledger.settlement_tables import admin_operations, deferrals, leaves
from token_service.ledger.tables import entries, merchants
from token_service.protocol import receipt_files
from token_service.protocol.receipts import Leaf, receipts_tree
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")
FROZEN, SHORT_BALANCE, UNKNOWN_PARTY, CEILING, DEBIT_LIMIT = 2, 4, 5, 6, 7


def set_ceiling(programme: Programme, points: int) -> None:
    drive(programme.services, [programme.order("set_ceiling", party=1, ceiling_points=points, period_seconds=0)])


def test_a_frozen_account_waits_until_it_is_thawed(programme: Programme) -> None:
    alice, bob = programme.member(), programme.member()
    programme.order("set_frozen", account=programme.address(alice), frozen=True)
    programme.settle()
    hers, his = programme.record(alice, EntryKind.ISSUANCE, 10), programme.record(bob, EntryKind.ISSUANCE, 20)
    assert not programme.settle(timeout_seconds=0.5).is_settled
    waiting = programme.leaf(hers)
    assert (waiting.state, waiting.skip_reason, waiting.deferred_count) == ("accepted", FROZEN, 1)
    assert (programme.leaf(his).state, programme.balance(bob)) == ("final", 20)
    drive(programme.services, [programme.order("set_frozen", account=programme.address(alice), frozen=False)])
    programme.clock.offset += timedelta(seconds=11)
    assert programme.settle().is_settled
    assert (programme.leaf(hers).state, programme.balance(alice)) == ("final", 10)


def test_what_hangs_on_a_deferred_entry_is_deferred_with_it_and_keeps_its_order(programme: Programme) -> None:
    set_ceiling(programme, 100)
    alice = programme.member()
    ids = [
        programme.record(alice, EntryKind.ISSUANCE, 500),
        programme.record(alice, EntryKind.REDEMPTION, 300),
        programme.record(alice, EntryKind.FACT),
    ]
    programme.settle(timeout_seconds=0.5)
    assert [programme.leaf(leaf_id).skip_reason for leaf_id in ids] == [CEILING, SHORT_BALANCE, None]
    assert [programme.leaf(leaf_id).state for leaf_id in ids] == ["accepted", "accepted", "final"]
    set_ceiling(programme, 1_000)
    programme.clock.offset += timedelta(seconds=11)
    assert programme.settle().is_settled
    assert [programme.leaf(leaf_id).state for leaf_id in ids] == ["final"] * 3
    assert programme.leaf(ids[0]).position < programme.leaf(ids[1]).position
    assert programme.balance(alice) == 200


def test_later_entries_of_the_member_wait_behind_a_deferred_one(programme: Programme) -> None:
    set_ceiling(programme, 100)
    alice = programme.member()
    first = programme.record(alice, EntryKind.ISSUANCE, 500)
    programme.settle(timeout_seconds=0.5)
    second = programme.record(alice, EntryKind.ADJUSTMENT_UP, 5, party=1)
    programme.settle(timeout_seconds=0.5)
    assert (programme.leaf(first).state, programme.leaf(second).state) == ("accepted", "accepted")
    set_ceiling(programme, 1_000)
    programme.clock.offset += timedelta(seconds=11)
    assert programme.settle().is_settled
    assert programme.balance(alice) == 505


def test_a_skip_waits_longer_each_time(programme: Programme) -> None:
    set_ceiling(programme, 1)
    leaf_id = programme.record(programme.member(), EntryKind.ISSUANCE, 500)
    waits = []
    for _ in range(3):
        programme.settle(timeout_seconds=0.3)
        waits.append(round((programme.leaf(leaf_id).not_before - programme.clock()).total_seconds(), -1))
        programme.clock.offset = programme.leaf(leaf_id).not_before - programme.clock() + programme.clock.offset
    assert waits == [10, 20, 40]


def test_the_old_batch_keeps_its_tree_after_a_leaf_was_deferred(programme: Programme) -> None:
    set_ceiling(programme, 100)
    leaf_id = programme.record(programme.member(), EntryKind.ISSUANCE, 500)
    programme.record(programme.member(), EntryKind.ISSUANCE, 50)
    programme.settle(timeout_seconds=0.5)
    set_ceiling(programme, 1_000)
    programme.clock.offset += timedelta(seconds=11)
    programme.settle()
    first, second = programme.batches()
    with programme.store.read() as connection:
        old, new = leaves_of_batch(connection, first.id), leaves_of_batch(connection, second.id)
        assert (
            connection.execute(select(deferrals.c.reason).where(deferrals.c.leaf_id == leaf_id)).scalar_one() == CEILING
        )
    assert [leaf.position for leaf in old] == [0, 1]
    assert {leaf.id: leaf.skip_reason for leaf in old}[leaf_id] == CEILING
    assert [(leaf.id, leaf.skip_reason) for leaf in new] == [(leaf_id, None)]
    path = programme.services.receipts_dir / receipt_files.relative_path(first.operator, first.seq)
    filed = receipt_files.parse(path.read_text())
    assert [item.id for item in filed.leaves] == [leaf.id for leaf in old]
    assert receipts_tree([item.leaf for item in filed.leaves]).root.hex() == first.receipts_root[2:]
    assert isinstance(filed.leaves[0].leaf, Leaf)


def test_a_debit_above_the_operators_daily_limit_is_deferred(programme: Programme) -> None:
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 500)
    programme.order("set_debit_limit", operator=programme.services.operator, points=100)
    programme.settle()
    leaf_id = programme.record(alice, EntryKind.REDEMPTION, 300)
    programme.settle(timeout_seconds=0.5)
    assert (programme.leaf(leaf_id).state, programme.leaf(leaf_id).skip_reason) == ("accepted", DEBIT_LIMIT)


def test_an_entry_that_is_finally_refused_is_voided_and_its_member_frozen(programme: Programme) -> None:
    """The contract does not know the party: somebody tampered with the order that would have registered it."""
    context = programme.services.context
    merchant = create_merchant(context, ADMIN, NewMerchant("Boulangerie Paul"))
    with programme.store.write() as connection:
        connection.execute(update(admin_operations).values(state="final"))
    alice = programme.member(merchant.id)
    done = issue(context, ADMIN, NewIssuance("r-1", alice, 70, "welcome", merchant_id=merchant.id))
    (entry,) = done.entries
    assert programme.settle().is_settled
    assert (programme.leaf(entry.id).state, programme.leaf(entry.id).skip_reason) == ("skipped", UNKNOWN_PARTY)
    with programme.store.read() as connection:
        voids = connection.execute(select(entries.c.points).where(entries.c.voids == entry.id)).scalars().all()
        states = connection.execute(select(leaves.c.state).where(leaves.c.id == entry.id)).scalars().all()
    assert (voids, states) == ([-70], ["skipped"])
    assert get_balance(context, ADMIN, alice).available == 0 == programme.balance(alice)
    assert get_member(context, ADMIN, alice).frozen


def test_entries_of_a_new_merchant_wait_until_the_contract_knows_it(programme: Programme) -> None:
    context = programme.services.context
    merchant = create_merchant(context, ADMIN, NewMerchant("Boulangerie Paul"))
    alice = programme.member(merchant.id)
    done = issue(context, ADMIN, NewIssuance("r-1", alice, 70, "welcome", merchant_id=merchant.id))
    assert programme.settle().is_settled
    assert programme.leaf(done.entries[0].id).state == "final"
    assert programme.balance(alice) == 70
    with programme.store.read() as connection:
        assert connection.execute(select(merchants.c.party).where(merchants.c.id == merchant.id)).scalar_one() == 2


def test_a_frozen_members_entries_wait_and_their_facts_do_not(programme: Programme) -> None:
    context = programme.services.context
    alice = programme.member()
    entry_id = programme.record(alice, EntryKind.ISSUANCE, 5)
    freeze(context, ADMIN, alice, "a call from the police")
    fact_id = programme.record(alice, EntryKind.FACT)
    assert programme.settle().held == 1
    assert (programme.leaf(entry_id).state, programme.leaf(fact_id).state) == ("accepted", "final")
    unfreeze(context, ADMIN, alice, "a mistake")
    assert programme.settle().is_settled
    assert programme.leaf(entry_id).state == "final"
