"""What proves an entry: its leaf, the leaves of its batch, and the opening of its commitment (CONTRACT §2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, select

from token_service.errors import NotFound
from token_service.ledger import cursors, promising, tables, views
from token_service.ledger.balances import visible_account
from token_service.ledger.batch_leaves import leaves_of_batch, need_file, unopened
from token_service.ledger.context import Actor, Context
from token_service.ledger.settlement_tables import batches, leaves
from token_service.ledger.transaction import Transaction, read
from token_service.protocol import receipts as protocol


def get_receipt(context: Context, actor: Actor, entry_id: str) -> views.Receipt:
    """The receipt of an entry (ent_) or fact (fct_) that the actor may see. Raises NotFound also while it is in no
    batch yet.
    """

    def work(tx: Transaction) -> views.Receipt:
        leaf = tx.connection.execute(select(leaves).where(leaves.c.id == entry_id)).one_or_none()
        if leaf is None:
            raise NotFound("no such entry")
        visible_account(tx, actor, tx.heir(tx.account(leaf.member_id)).id)
        if leaf.batch_id is None:
            raise NotFound("this entry is in no batch yet")
        batch = tx.connection.execute(select(batches).where(batches.c.id == leaf.batch_id)).one()
        need_file(batch)
        shown = _batch_leaves(tx, batch)
        opening = openings_in(tx.connection, context, [entry_id]).get(entry_id)
        own = shown[leaf.position]
        return views.Receipt(
            entry_id=entry_id,
            chain_id=tx.program.chain_id,
            contract=promising.contract_of(tx),
            operator=batch.operator,
            seq=batch.seq,
            index=leaf.position,
            receipts_root=batch.receipts_root,
            leaf=own,
            leaves=shown,
            salt=None if opening is None else opening[0],
            detail=None if opening is None else opening[1],
            outcome=own.outcome,
            transaction_hash=batch.transaction_hash,
            block_number=batch.block_number,
        )

    return read(context, work)


def leaf_of(chain_id: int, contract: str, operator: str, seq: int, leaf: views.LeafView) -> protocol.Leaf:
    """The leaf as it is hashed."""
    return protocol.Leaf(
        chain_id=chain_id,
        contract=contract,
        operator=operator,
        seq=seq,
        index=leaf.index,
        account=leaf.account,
        kind=leaf.kind,
        party=leaf.party,
        amount=leaf.amount,
        commitment=leaf.commitment,
    )


def proved(found: views.Receipt) -> protocol.Receipt:
    """The receipt with its proof, computed from all leaves of the batch. Raises NotFound until the outcome is final."""
    if found.outcome not in ("applied", "skipped"):
        raise NotFound("This entry is not final on the chain yet; it has no receipt until then.")
    leaves_ = [leaf_of(found.chain_id, found.contract, found.operator, found.seq, leaf) for leaf in found.leaves]
    opening = protocol.Opening(found.salt, found.detail) if found.salt and found.detail else None
    return protocol.make_receipt(
        protocol.receipts_tree(leaves_),
        leaves_[found.index],
        position=found.index,
        outcome="applied" if found.outcome == "applied" else "skipped",
        entry_id=found.entry_id,
        opening=opening,
    )


def list_batches(
    context: Context, limit: int = cursors.LIMIT_DEFAULT, cursor: str | None = None
) -> views.Page[views.BatchView]:
    """Batches, newest first. Public."""
    cursors.check_limit(limit)
    query = select(batches).order_by(batches.c.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(batches.c.id < cursors.decode_number(cursor))
    return read(context, lambda tx: cursors.page(tx.connection.execute(query).all(), limit, "id", batch_view))


def batch_leaves(context: Context, operator: str, seq: int) -> tuple[views.BatchView, tuple[views.LeafView, ...]]:
    """A batch and its leaves in order. Public: nothing here says who or what. Raises NotFound."""

    def work(tx: Transaction) -> tuple[views.BatchView, tuple[views.LeafView, ...]]:
        query = select(batches).where(batches.c.operator == operator, batches.c.seq == seq)
        batch = tx.connection.execute(query).one_or_none()
        if batch is None:
            raise NotFound("no such batch")
        need_file(batch)
        return batch_view(batch), _batch_leaves(tx, batch)

    return read(context, work)


def openings(context: Context, leaf_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Salt (hex) and detail of leaves, by id; those of erased members, and those that were lost, are missing."""
    with context.store.read() as connection:
        return openings_in(connection, context, leaf_ids)


def openings_in(connection: Connection, context: Context, leaf_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """As `openings`, inside the caller's transaction."""
    found: dict[str, tuple[str, str]] = {}
    keys: dict[str, bytes] = {}
    wanted = list(leaf_ids)
    lost = {leaf for start in range(0, len(wanted), 500) for leaf in unopened(connection, wanted[start : start + 500])}
    ids = [leaf for leaf in wanted if leaf not in lost]
    members = tables.members.c
    for table in (tables.entries, tables.facts):
        for start in range(0, len(ids), 500):
            query = (
                select(table.c.id, table.c.detail, table.c.member_id, members.sealed_salt_key)
                .join(tables.members, members.id == table.c.member_id)
                .where(table.c.id.in_(ids[start : start + 500]), members.sealed_salt_key.is_not(None))
            )
            for row in connection.execute(query):
                if row.member_id not in keys:
                    keys[row.member_id] = context.salts.open(row.sealed_salt_key)
                found[row.id] = ("0x" + protocol.salt(keys[row.member_id], row.id).hex(), row.detail)
    return found


def batch_view(batch: Row[Any]) -> views.BatchView:
    """The view of a batch's row."""
    return views.BatchView(
        operator=batch.operator,
        seq=batch.seq,
        ruleset=batch.ruleset_hash,
        receipts_root=batch.receipts_root,
        word_count=batch.word_count,
        leaf_count=batch.leaf_count,
        state=batch.state,
        created_at=batch.created_at,
        block_number=batch.block_number,
        transaction_hash=batch.transaction_hash,
        gas_used=batch.gas_used,
        minted=batch.minted,
        burned=batch.burned,
    )


def _batch_leaves(tx: Transaction, batch: Row[Any]) -> tuple[views.LeafView, ...]:
    is_final = batch.state == "final"
    return tuple(
        views.LeafView(
            id=leaf.id,
            index=leaf.position,
            account=leaf.account,
            kind=leaf.kind,
            party=leaf.party,
            amount=leaf.amount,
            commitment=leaf.commitment,
            outcome=None if not is_final else "applied" if leaf.skip_reason is None else "skipped",
        )
        for leaf in leaves_of_batch(tx.connection, batch.id)
    )
