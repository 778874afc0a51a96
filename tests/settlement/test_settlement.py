"""The way of an entry from accepted to final, on a real node."""

from __future__ import annotations

import base64
import threading
import time

import pytest
from anvil_node import CHAIN_ID, Anvil
from captured_logs import captured_logs
from settlement_programme import ADMIN, RULESET, Programme
from sqlalchemy import func, select, text

from token_service.chain import reads
from token_service.chain.settlement import plan, push
from token_service.chain.settlement.pushing import PushMemory
from token_service.ledger import views
from token_service.ledger.adjustments import adjust
from token_service.ledger.balances import get_balance
from token_service.ledger.batch_leaves import leaves_of_batch
from token_service.ledger.inputs import NewAdjustment, NewIssuance
from token_service.ledger.issuances import issue
from token_service.ledger.receipts import get_receipt
from token_service.ledger.settlement_tables import attempts, blocks, chain_events
from token_service.ledger.tables import entries, members, merchants
from token_service.protocol import receipt_files
from token_service.protocol.calldata import decode_result, encode_call
from token_service.protocol.events import BatchSettled, Transfer, decode_log
from token_service.protocol.hashing import to_hex
from token_service.protocol.receipts import Leaf, Opening, make_receipt, proves, receipts_tree
from token_service.units import EntryKind
from token_service.worker import WorkerServices, run_worker, wait_until_settled

pytestmark = pytest.mark.usefixtures("quiet_log")


def test_an_entry_becomes_final_and_the_chain_agrees(programme: Programme) -> None:
    alice = programme.member()
    leaf_id = programme.record(alice, EntryKind.ISSUANCE, 120)
    assert programme.settle().is_settled
    assert programme.leaf(leaf_id).state == "final"
    assert programme.balance(alice) == 120
    (batch,) = programme.batches()
    assert (batch.state, batch.seq, batch.minted, batch.burned) == ("final", 1, 120, 0)
    assert batch.gas_used > 50_000


def test_every_receipt_verifies_in_the_contract(programme: Programme) -> None:
    alice, bob = programme.member(), programme.member()
    for member, kind, points in (
        (alice, EntryKind.ISSUANCE, 100),
        (bob, EntryKind.ISSUANCE, 50),
        (alice, EntryKind.REDEMPTION, 30),
        (bob, EntryKind.FACT, 0),
        (bob, EntryKind.EXPIRY, 5),
    ):
        programme.record(member, kind, points)
    programme.settle()
    (batch,) = programme.batches()
    leaves = _leaves(programme, batch)
    tree = receipts_tree(leaves)
    assert to_hex(tree.root) == batch.receipts_root
    for position, leaf in enumerate(leaves):
        proof = [to_hex(node) for node in tree.proof(position)]
        fields = leaf.operator, leaf.seq, leaf.index, leaf.account, leaf.kind, leaf.party, leaf.amount, leaf.commitment
        data = encode_call("verifyReceipt", batch.receipts_root, *fields, proof)
        answer = reads.call(programme.services.node, to=programme.contract, data=data)
        assert decode_result("verifyReceipt", answer)["value"] is True
    assert (programme.balance(alice), programme.balance(bob)) == (70, 45)


def test_a_batch_of_facts_alone_is_settled_without_words(programme: Programme) -> None:
    carol = programme.member()
    fact_id = programme.record(carol, EntryKind.FACT)
    programme.settle()
    (batch,) = programme.batches()
    assert (batch.word_count, batch.leaf_count, batch.state) == (0, 1, "final")
    assert programme.leaf(fact_id).state == "final"


def test_words_stand_first_and_facts_behind_them(programme: Programme) -> None:
    alice = programme.member()
    kinds = (EntryKind.FACT, EntryKind.ISSUANCE, EntryKind.FACT, EntryKind.REDEMPTION)
    ids = [programme.record(alice, kind, 0 if kind is EntryKind.FACT else 10) for kind in kinds]
    programme.settle()
    assert [programme.leaf(leaf_id).position for leaf_id in ids] == [2, 0, 3, 1]


def test_the_receipt_file_holds_the_leaves_and_openings_that_only_the_salt_opens(programme: Programme) -> None:
    alice = programme.member()
    leaf_id = programme.record(alice, EntryKind.ISSUANCE, 7)
    fact_id = programme.record(alice, EntryKind.FACT)
    programme.settle()
    (batch,) = programme.batches()
    path = programme.services.receipts_dir / receipt_files.relative_path(batch.operator, batch.seq)
    filed = receipt_files.parse(path.read_text())
    assert receipt_files.computed_root(filed.leaves) == batch.receipts_root == filed.receipts_root
    assert [item.id for item in filed.leaves] == [leaf_id, fact_id]
    assert [item.leaf for item in filed.leaves] == _leaves(programme, batch)
    with programme.store.read() as connection:
        salt_key = connection.execute(select(members.c.sealed_salt_key).where(members.c.id == alice)).scalar_one()
        detail = connection.execute(select(entries.c.detail).where(entries.c.id == leaf_id)).scalar_one()
    sealed = base64.b64decode(filed.leaves[0].sealed or "")
    assert programme.ring.salt_box().open_opening(salt_key, leaf_id, sealed).decode() == detail
    assert b"reference" not in path.read_bytes()


def test_a_big_backlog_makes_batches_up_to_the_gas_budget(programme: Programme) -> None:
    people = [programme.member() for _ in range(30)]
    programme.record_many([(people[i % 30], EntryKind.ISSUANCE, 1 + i, None) for i in range(700)])
    assert programme.settle().is_settled
    sizes = [batch.leaf_count for batch in programme.batches()]
    assert sum(sizes) == 700
    assert sizes[0] > 400
    assert sum(programme.balance(person) for person in people) == sum(range(1, 701))


def test_a_full_batch_closes_without_waiting_and_a_small_one_waits(programme: Programme) -> None:
    programme.with_limits(batch_entries=3)
    alice = programme.member()
    for _ in range(2):
        programme.record(alice, EntryKind.ISSUANCE, 1)
    assert plan(programme.services, flush=False) is None
    programme.record(alice, EntryKind.ISSUANCE, 1)
    assert plan(programme.services, flush=False) is not None


def test_no_more_batches_than_allowed_are_in_flight(programme: Programme) -> None:
    programme.with_limits(in_flight_max=2, batch_entries_max=1)
    alice = programme.member()
    for _ in range(4):
        programme.record(alice, EntryKind.ISSUANCE, 1)
    planned = [plan(programme.services, flush=True) for _ in range(4)]
    assert [batch_id is not None for batch_id in planned] == [True, True, False, False]
    assert programme.settle().is_settled
    assert programme.balance(alice) == 4


def test_the_same_bytes_sent_again_settle_once(programme: Programme) -> None:
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 5)
    plan(programme.services, flush=True)
    push(programme.services, PushMemory())
    push(programme.services, PushMemory())  # a new process knows nothing of the first send
    with programme.store.read() as connection:
        assert connection.execute(select(func.sum(attempts.c.sent_count))).scalar_one() >= 2
    assert programme.settle().is_settled
    assert programme.balance(alice) == 5
    assert len(programme.batches()) == 1


def test_only_published_events_are_kept_as_rows_not_one_for_each_entry(programme: Programme) -> None:
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 5)
    programme.settle()
    with programme.store.read() as connection:
        names = set(connection.execute(select(chain_events.c.name)).scalars())
    assert Transfer.__name__ not in names
    assert BatchSettled.__name__ in names


def test_each_batch_of_the_ledger_is_one_event_of_the_chain(programme: Programme) -> None:
    alice = programme.member()
    for points in (1, 2, 3):
        programme.record(alice, EntryKind.ISSUANCE, points)
        programme.settle()
    logs = reads.logs(programme.services.node, programme.contract, 0, reads.head(programme.services.node).number)
    settled = [event for event in map(decode_log, logs) if isinstance(event, BatchSettled)]
    assert [(event.seq, event.receipts_root, event.ruleset_hash) for event in settled] == [
        (batch.seq, batch.receipts_root, RULESET) for batch in programme.batches()
    ]


def test_an_idle_pass_writes_nothing(programme: Programme) -> None:
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle()
    with programme.store.engine.connect() as watcher:
        before = watcher.execute(text("pragma data_version")).scalar_one()
        watcher.rollback()
        programme.failpoints.passed.clear()
        for _ in range(3):
            programme.settle()
        assert watcher.execute(text("pragma data_version")).scalar_one() == before
    assert programme.failpoints.passed == []


def test_empty_blocks_do_not_pile_up_in_the_ledger(own_programme: Programme, own_anvil: Anvil) -> None:
    own_anvil.mine(600)
    own_programme.settle()
    with own_programme.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(blocks)).scalar_one() < 400


def test_a_lone_entry_is_settled_within_two_seconds_by_a_running_worker(programme: Programme) -> None:
    stop = threading.Event()
    services = WorkerServices(programme.services)
    thread = threading.Thread(target=run_worker, args=(services, stop))
    thread.start()
    try:
        time.sleep(0.6)
        alice = programme.member()
        programme.record(alice, EntryKind.ISSUANCE, 9)
        began = time.monotonic()
        assert wait_until_settled(programme.store, programme.clock, 10).is_settled
        assert time.monotonic() - began < 3
        assert programme.balance(alice) == 9
    finally:
        stop.set()
        thread.join(timeout=10)


def test_logs_name_batches_and_no_member(programme: Programme) -> None:
    alice = programme.member()
    programme.record(alice, EntryKind.ISSUANCE, 9)
    with captured_logs() as lines:
        programme.settle()
    assert {"event": "batch_planned", "batch_id": 1, "lane": 0, "log_level": "info"} in lines
    final = next(line for line in lines if line["event"] == "batch_final")
    assert (final["batch_id"], final["lane"], final["seq"], final["leaves"]) == (1, 0, 1, 1)
    assert final["transaction"].startswith("0x")
    assert final["gas"] > 0
    assert programme.address(alice) not in str(lines)
    assert alice not in str(lines)


def _leaves(programme: Programme, batch: object) -> list[Leaf]:
    with programme.store.read() as connection:
        rows = leaves_of_batch(connection, batch.id)  # type: ignore[attr-defined]
    return [
        Leaf(
            chain_id=CHAIN_ID,
            contract=programme.contract,
            operator=programme.services.operator,
            seq=batch.seq,  # type: ignore[attr-defined]
            index=row.position,
            account=row.account,
            kind=row.kind,
            party=row.party,
            amount=row.amount,
            commitment=row.commitment,
        )
        for row in rows
    ]


def test_what_the_ledger_hands_out_as_receipts_proves_its_entries(programme: Programme) -> None:
    context = programme.services.context
    alice = programme.member()
    issued = issue(context, ADMIN, NewIssuance("i-1", alice, 100, "welcome", merchant_id=_own_merchant(programme)))
    taken = adjust(context, ADMIN, NewAdjustment("a-1", alice, -30, "a mistake at the till"))
    assert programme.settle().is_settled
    roots = {batch.receipts_root for batch in programme.batches()}
    for entry in (*issued.entries, *taken.entries):
        receipt = get_receipt(context, ADMIN, entry.id)
        leaves = [_as_leaf(receipt, leaf) for leaf in receipt.leaves]
        tree = receipts_tree(leaves)
        proof = make_receipt(
            tree,
            leaves[receipt.index],
            position=receipt.index,
            outcome="applied",
            opening=Opening(str(receipt.salt), str(receipt.detail)),
        )
        assert proves(proof)
        assert proof.root == receipt.receipts_root
        assert proof.root in roots
        assert receipt.outcome == "applied"
    assert programme.balance(alice) == get_balance(context, ADMIN, alice).available == 70


def _own_merchant(programme: Programme) -> str:
    with programme.store.read() as connection:
        return str(connection.execute(select(merchants.c.id).where(merchants.c.party == 1)).scalar_one())


def _as_leaf(receipt: views.Receipt, leaf: views.LeafView) -> Leaf:
    batch = receipt.chain_id, receipt.contract, receipt.operator, receipt.seq
    return Leaf(*batch, leaf.index, leaf.account, leaf.kind, leaf.party, leaf.amount, leaf.commitment)
