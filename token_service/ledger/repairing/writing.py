"""One batch of the gap, written: its own rows, each leaf at its place, and what the leaves say. One transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update

from token_service.errors import InvariantBroken, NodeUnreachable
from token_service.ledger import promising
from token_service.ledger.rebuild import rewrite_member
from token_service.ledger.repair_tables import repairs
from token_service.ledger.repairing.gap import ClosedLeaf, GapBatch, JudgedLeaf, KnownLeaf, OpenedLeaf, Place
from token_service.ledger.repairing.merging_again import merged_again
from token_service.ledger.repairing.posting_again import post_again
from token_service.ledger.repairing.standing_in import member_of, stand_in
from token_service.ledger.settlement_tables import attempts, batches, chain_events, deferrals, leaves, transactions
from token_service.ledger.transaction import Transaction
from token_service.ledger.wallet_tables import wallet_events
from token_service.protocol.hashing import ZERO_HASH
from token_service.protocol.promises import Promise, digest

IN_FLIGHT: Final = ("signed", "sent")
EXPLAINED: Final = ("Transfer", "EntrySkipped")
"""Events that a batch's leaves tell as well: they are not kept beside them."""


@dataclass(frozen=True, slots=True)
class Written:
    """How many leaves of a batch were there, opened, and closed."""

    known: int
    opened: int
    closed: int


def write_batch(tx: Transaction, repair: int, batch: GapBatch, judged: Sequence[JudgedLeaf], lane: int) -> Written:
    """Writes the batch as mined: finality does the rest, as ever. Nothing is written for a batch that is there already."""
    if _is_there(tx, batch):
        return Written(0, 0, 0)
    _displace(tx, batch)
    batch_id = _insert_batch(tx, repair, batch)
    _insert_transaction(tx, batch, batch_id)
    tx.lock_accounts(
        leaf.member_id for leaf in judged if not isinstance(leaf, KnownLeaf) and leaf.member_id is not None
    )
    rows = [row for leaf in judged if (row := _written(tx, batch, batch_id, leaf, lane)) is not None]
    tx.flush()
    tx.connection.execute(insert(leaves), rows) if rows else None
    tx.connection.execute(insert(wallet_events), tx.wallet_rows) if tx.wallet_rows else None
    _count_leaves(tx, batch, batch_id)
    for member_id in sorted({row["member_id"] for row in rows} | merged_again(tx, judged)):
        rewrite_member(tx, member_id)
    _drop_explained(tx, batch)
    written = Written(_count(judged, KnownLeaf), _count(judged, OpenedLeaf), _count(judged, ClosedLeaf))
    done = {"batch_count": repairs.c.batch_count + 1, "opened_count": repairs.c.opened_count + written.opened}
    tx.connection.execute(update(repairs).where(repairs.c.seq == repair).values(**done))
    return written


def _written(tx: Transaction, batch: GapBatch, batch_id: int, leaf: JudgedLeaf, lane: int) -> dict[str, Any] | None:
    """The row of a leaf that is new; one that is there is moved to its place."""
    if isinstance(leaf, KnownLeaf):
        _place(tx, leaf, batch_id)
        return None
    if isinstance(leaf, OpenedLeaf):
        post_again(tx, leaf)
        return _row(
            tx,
            leaf.place,
            batch_id=batch_id,
            member_id=leaf.member_id,
            leaf_id=leaf.id,
            recorded_at=leaf.recorded_at,
            lane=lane,
        )
    leaf_id = stand_in(tx, batch, batch_id, leaf, lane)
    member_id = leaf.member_id or member_of(tx, leaf.place.account)
    if leaf_id is None or member_id is None:
        return None
    row = _row(
        tx,
        leaf.place,
        batch_id=batch_id,
        member_id=member_id,
        leaf_id=leaf_id,
        recorded_at=batch.block_time,
        lane=lane,
    )
    return row | ({} if leaf.place.skip_reason is None else {"state": "skipped"})


def _row(
    tx: Transaction, place: Place, *, batch_id: int, member_id: str, leaf_id: str, recorded_at: datetime, lane: int
) -> dict[str, Any]:
    """A leaf's row. The promise is given anew: with the same keys and settings it is the same."""
    settle_by = (recorded_at + tx.context.settle_within).replace(microsecond=0)
    commitment = place.commitment or ZERO_HASH
    promise = Promise(
        chain_id=tx.program.chain_id,
        contract=promising.contract_of(tx),
        entry_id=leaf_id,
        account=place.account,
        kind=place.kind,
        party=place.party,
        amount=place.amount,
        commitment=commitment,
        settle_by=int(settle_by.timestamp()),
    )
    return {
        "id": leaf_id,
        "member_id": member_id,
        "lane": lane,
        "account": place.account,
        "kind": place.kind,
        "party": place.party,
        "amount": place.amount,
        "commitment": commitment,
        "recorded_at": recorded_at,
        "settle_by": settle_by,
        "promise": "0x" + tx.context.promise_signer(digest(promise)).hex(),
        "state": "mined",
        "batch_id": batch_id,
        "position": place.position,
        "skip_reason": place.skip_reason,
    }


def _place(tx: Transaction, leaf: KnownLeaf, batch_id: int) -> None:
    """Moves a leaf to its place in this batch. One that was skipped elsewhere before leaves its old place remembered."""
    columns = leaves.c
    mine = columns.id == leaf.id
    row = tx.connection.execute(select(leaves).where(mine)).one()
    if row.batch_id is not None:
        if row.skip_reason is None:
            raise InvariantBroken("a leaf stands in two batches, and was not skipped in the first")
        place = {"batch_id": row.batch_id, "position": row.position, "leaf_id": row.id, "reason": row.skip_reason}
        tx.connection.execute(insert(deferrals).values(**place))
    here = {"batch_id": batch_id, "position": leaf.place.position, "state": "mined", "not_before": None}
    again = {"skip_reason": leaf.place.skip_reason, "deferred_count": row.deferred_count + (row.batch_id is not None)}
    tx.connection.execute(update(leaves).where(mine).values(**here, **again))


def _insert_batch(tx: Transaction, repair: int, batch: GapBatch) -> int:
    filed = batch.receipts
    result = tx.connection.execute(
        insert(batches).values(
            operator=batch.operator,
            seq=batch.seq,
            ruleset_hash=batch.ruleset_hash,
            receipts_root=batch.receipts_root,
            word_count=len(batch.words),
            leaf_count=len(batch.words) if filed is None else len(filed.leaves),
            state="mined",
            created_at=batch.block_time,
            block_number=batch.block_number,
            block_hash=batch.block_hash,
            block_time=batch.block_time,
            transaction_hash=batch.transaction_hash,
            gas_used=batch.gas_used,
            minted=batch.minted,
            burned=batch.burned,
            repair=repair,
            is_file_lost=filed is None,
        )
    )
    return _inserted(result.inserted_primary_key)


def _insert_transaction(tx: Transaction, batch: GapBatch, batch_id: int) -> None:
    """The transaction as the chain has it, with what it cost: the day's gas budget has paid for it. Its signed bytes are not
    needed any more, so none are made up."""
    mined = {
        "state": "mined",
        "succeeded": True,
        "block_number": batch.block_number,
        "block_hash": batch.block_hash,
        "mined_at": batch.block_time,
        "fee_gwei": batch.fee_gwei,
    }
    result = tx.connection.execute(
        insert(transactions).values(
            operator=batch.operator,
            nonce=batch.nonce,
            purpose="batch",
            batch_id=batch_id,
            to=batch.to,
            data=batch.data,
            **mined,
        )
    )
    fees = {"gas": batch.gas, "max_fee_per_gas": 0, "max_priority_fee_per_gas": 0}
    transaction_id = _inserted(result.inserted_primary_key)
    tx.connection.execute(
        insert(attempts).values(
            transaction_id=transaction_id, bump=0, hash=batch.transaction_hash, raw=b"", sent_count=1, **fees
        )
    )


def _displace(tx: Transaction, batch: GapBatch) -> None:
    """A batch that this ledger planned under the same number can never land: its leaves wait again."""
    columns = batches.c
    query = select(batches).where(columns.operator == batch.operator, columns.seq == batch.seq)
    other = tx.connection.execute(query).one_or_none()
    if other is None:
        return
    if other.state not in ("planned", "reverted"):
        raise InvariantBroken(f"the ledger saw another batch {batch.seq} on the chain")
    sent = tx.connection.execute(select(transactions).where(transactions.c.batch_id == other.id)).all()
    if any(row.state == "sent" and row.nonce > batch.nonce for row in sent):
        raise NodeUnreachable("a transaction that the chain will refuse is still on its way; try again later")
    waiting = {"state": "accepted", "batch_id": None, "position": None, "skip_reason": None}
    tx.connection.execute(update(leaves).where(leaves.c.batch_id == other.id).values(**waiting))
    ids = [row.id for row in sent]
    tx.connection.execute(delete(attempts).where(attempts.c.transaction_id.in_(ids)))
    tx.connection.execute(delete(transactions).where(transactions.c.id.in_(ids)))
    tx.connection.execute(delete(batches).where(columns.id == other.id))


def _is_there(tx: Transaction, batch: GapBatch) -> bool:
    columns = batches.c
    same = (columns.operator == batch.operator) & (columns.seq == batch.seq)
    landed = (columns.receipts_root == batch.receipts_root) & columns.state.in_(("mined", "final"))
    return tx.connection.execute(select(columns.id).where(same & landed)).first() is not None


def _count_leaves(tx: Transaction, batch: GapBatch, batch_id: int) -> None:
    """Raises InvariantBroken unless each place of a batch with a file has its leaf."""
    if batch.receipts is None:
        return
    found: list[Row[Any]] = list(tx.connection.execute(select(leaves.c.position).where(leaves.c.batch_id == batch_id)))
    if len(found) != len(batch.receipts.leaves):
        raise InvariantBroken("a batch of the gap was not written whole")


def _drop_explained(tx: Transaction, batch: GapBatch) -> None:
    columns = chain_events.c
    mine = (columns.transaction_hash == batch.transaction_hash) & columns.name.in_(EXPLAINED)
    tx.connection.execute(delete(chain_events).where(mine))


def _count(judged: Iterable[JudgedLeaf], kind: type) -> int:
    return sum(isinstance(leaf, kind) for leaf in judged)


def _inserted(key: Any) -> int:
    if key is None:
        raise InvariantBroken("the database did not say which row it inserted")
    return int(key[0])
