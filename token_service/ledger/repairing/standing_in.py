"""What stands in for a leaf that does not open: its points, so that balances equal the chain, and nothing else.

An account that nobody has here gets a member of its own, without a name, whom the repair freezes in the end. Dates of lots are
those that the rules give to points issued at the batch's time: never earlier than the lost ones.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, insert, select

from token_service.errors import InvariantBroken
from token_service.ledger import stored_lots, tables
from token_service.ledger.accounts import Account
from token_service.ledger.details import instant
from token_service.ledger.repair_tables import unopened_leaves
from token_service.ledger.repairing.gap import FILE_LOST, ClosedLeaf, GapBatch
from token_service.ledger.repairing.lots_again import taken
from token_service.ledger.repairing.staging import stage_entry, stage_lot
from token_service.ledger.staged import Fact
from token_service.ledger.transaction import Transaction
from token_service.program.expiry import expires_at
from token_service.program.tiers import first_tier
from token_service.protocol.receipts import jcs
from token_service.units import CREDIT_KINDS, KIND_WORDS, EntryKind

NO_CONTENT: Final = ""
"""The content hash of a member whom nobody enrolled here."""


def stand_in(tx: Transaction, batch: GapBatch, batch_id: int, leaf: ClosedLeaf, lane: int) -> str | None:
    """The id of the leaf that was entered, None for a lost one that moved nothing. Its place is listed in any case."""
    member_id = leaf.member_id or _member_at(tx, batch, leaf.place.account, lane)
    leaf_id = leaf.place.id
    if leaf.reason == FILE_LOST:
        leaf_id = None if leaf.place.skip_reason is not None else tx.new_id("ent")
    if leaf_id is not None:
        _enter(tx, batch, leaf, member_id, leaf_id)
    tx.connection.execute(
        insert(unopened_leaves).values(
            batch_id=batch_id,
            position=leaf.place.position,
            leaf_id=leaf_id,
            member_id=member_id,
            account=leaf.place.account,
            kind=leaf.place.kind,
            party=leaf.place.party,
            amount=leaf.place.amount,
            reason=leaf.reason,
        )
    )
    return leaf_id


def member_of(tx: Transaction, account: str) -> str | None:
    """The member at this address."""
    query = select(tables.members.c.id).where(tables.members.c.address == account)
    found: str | None = tx.connection.execute(query).scalar_one_or_none()
    return found


def _member_at(tx: Transaction, batch: GapBatch, address: str, lane: int) -> str:
    """The member who stands for an account that nobody has here; made the first time."""
    known = member_of(tx, address)
    if known is not None:
        return known
    member_id = tx.new_id("mem")
    tx.connection.execute(
        insert(tables.members).values(
            id=member_id,
            merchant_id=tx.own_merchant.id,
            content_hash=NO_CONTENT,
            address=address,
            sealed_salt_key=tx.context.new_account().sealed_salt_key,  # what opened the lost leaves is gone
            lane=lane,
            state="active",
            created_at=batch.block_time,
            tier=first_tier(tx.ruleset(tx.ruleset_hash_at(batch.block_time))),
        )
    )
    return member_id


def _enter(tx: Transaction, batch: GapBatch, leaf: ClosedLeaf, member_id: str, leaf_id: str) -> None:
    """The entry or fact; a skipped entry moved nothing, so it has a leaf only."""
    account = tx.account(member_id)
    if leaf.place.kind == EntryKind.FACT:
        tx.staged.facts.append(_fact(batch, leaf, member_id, leaf_id))
        account.leaf_count += 1
        account.is_changed = True
    elif leaf.place.skip_reason is None:
        _entry(tx, account, batch, leaf, leaf_id)
        account.leaf_count += 1


def _fact(batch: GapBatch, leaf: ClosedLeaf, member_id: str, leaf_id: str) -> Fact:
    at, detail = batch.block_time, _detail(batch, leaf, leaf_id, "unopened")
    return Fact(leaf_id, member_id, "unopened", None, None, 0, occurred_at=at, recorded_at=at, detail=detail)


def _entry(tx: Transaction, account: Account, batch: GapBatch, leaf: ClosedLeaf, leaf_id: str) -> None:
    kind = EntryKind(leaf.place.kind)
    award = _award_of(tx, account, batch, leaf)
    entry = stage_entry(
        tx,
        account,
        entry_id=leaf_id,
        kind=kind,
        points=kind.sign * leaf.place.amount,
        party=leaf.place.party,
        operation_id=None if award is None else award.operation_id,
        ruleset_hash=batch.ruleset_hash,
        occurred_at=batch.block_time,
        recorded_at=batch.block_time,
        detail=_detail(batch, leaf, leaf_id, KIND_WORDS[kind]),
    )
    if kind in CREDIT_KINDS:
        until = expires_at(tx.ruleset(batch.ruleset_hash), batch.block_time, batch.block_time)
        stage_lot(tx, account, entry, expires_at=until)
        return
    lots = {lot.id: lot for lot in stored_lots.open_lots(tx, account)}
    if sum(lot.left for lot in lots.values()) < leaf.place.amount:
        raise InvariantBroken("the chain took points that the repaired ledger does not have")
    stored_lots.use_lots(tx, account, taken(lots, leaf.place.amount), entry_id=entry.id)


def _award_of(tx: Transaction, account: Account, batch: GapBatch, leaf: ClosedLeaf) -> Row[Any] | None:
    """The award that this issuance must be, so that it is not issued once more: of as many points of the same merchant, its
    return window over by then.
    """
    if leaf.place.kind != EntryKind.ISSUANCE:
        return None
    awards, operations, merchants = tables.awards, tables.operations, tables.merchants
    query = (
        select(awards.c.operation_id)
        .join(operations, operations.c.id == awards.c.operation_id)
        .join(merchants, merchants.c.id == operations.c.merchant_id)
        .where(awards.c.member_id == account.id, awards.c.points == leaf.place.amount)
        .where(merchants.c.party == leaf.place.party, awards.c.due_at <= batch.block_time)
        .order_by(awards.c.due_at, awards.c.operation_id)
    )
    taken_up = {entry.operation_id for entry in tx.staged.entries}
    return next((row for row in tx.connection.execute(query) if row.operation_id not in taken_up), None)


def _detail(batch: GapBatch, leaf: ClosedLeaf, leaf_id: str, kind: str) -> str:
    """A detail that says it is none: no commitment is over it, and nobody is shown it as an opening."""
    at = instant(batch.block_time)
    frame = {"v": 1, "id": leaf_id, "kind": kind, "occurred_at": at, "recorded_at": at, "ruleset": batch.ruleset_hash}
    return jcs(frame | {"unopened": leaf.reason})
