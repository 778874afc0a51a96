"""Batches with the openings of their leaves, for auditors whom the programme admits (CONTRACT §2).

The leaves of erased members stay closed for ever; what does not open for another reason is withheld, and both say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from token_service.errors import InvariantBroken, NotFound
from token_service.ledger import promising, tables
from token_service.ledger.batch_leaves import BatchLeaf, leaves_of_batch, need_file, unopened
from token_service.ledger.context import Context
from token_service.ledger.settlement_tables import batches
from token_service.ledger.transaction import Transaction, read
from token_service.protocol import receipts
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf
from token_service.protocol.receipts import Leaf, Opening

CHUNK = 500
"""Ids in one IN list."""


def opened_batch(context: Context, operator: str, seq: int) -> BatchReceipts:
    """All leaves of a batch in order, each with its id and opening, or `closed`. Raises NotFound."""

    def work(tx: Transaction) -> BatchReceipts:
        columns = batches.c
        batch = tx.connection.execute(
            select(batches).where(columns.operator == operator, columns.seq == seq)
        ).one_or_none()
        if batch is None:
            raise NotFound("no such batch")
        need_file(batch)
        leaves = leaves_of_batch(tx.connection, batch.id)
        shared = (tx.program.chain_id, promising.contract_of(tx), operator, seq)
        return BatchReceipts(
            *shared,
            ruleset_hash=batch.ruleset_hash,
            receipts_root=batch.receipts_root,
            word_count=batch.word_count,
            leaves=tuple(_opened(context, tx.connection, shared, leaves)),
        )

    return read(context, work)


def batch_places(context: Context) -> list[tuple[str, int]]:
    """Operator and sequence of every final batch whose leaves are known, in order."""
    columns = batches.c
    query = (
        select(columns.operator, columns.seq)
        .where(columns.state == "final", columns.is_file_lost.is_(False))
        .order_by(columns.id)
    )
    with context.store.read() as connection:
        return [(row.operator, row.seq) for row in connection.execute(query)]


def _opened(
    context: Context, connection: Connection, shared: tuple[int, str, str, int], leaves: Sequence[BatchLeaf]
) -> Iterator[FiledLeaf]:
    details = _details(connection, [leaf.id for leaf in leaves])
    keys = _SaltKeys(context, connection, [leaf.member_id for leaf in leaves])
    lost = unopened(connection, [leaf.id for leaf in leaves])
    for leaf in leaves:
        placed = Leaf(
            *shared, leaf.position, leaf.account, leaf.kind, leaf.party, leaf.amount, commitment=leaf.commitment
        )
        key, detail = keys.opened(leaf.member_id), details.get(leaf.id)
        if leaf.member_id in keys.erased:
            yield FiledLeaf(placed, closed="erased")
        elif key is None or detail is None or leaf.id in lost:
            yield FiledLeaf(placed, closed="withheld")
        else:
            salt = "0x" + receipts.salt(key, leaf.id).hex()
            yield FiledLeaf(placed, leaf.id, opening=Opening(salt, detail))


class _SaltKeys:
    """The salt keys of a batch's members, each opened once."""

    def __init__(self, context: Context, connection: Connection, member_ids: Sequence[str]) -> None:
        self._context = context
        self._sealed: dict[str, bytes | None] = {}
        self._open: dict[str, bytes | None] = {}
        ids, members = sorted(set(member_ids)), tables.members.c
        for start in range(0, len(ids), CHUNK):
            query = select(members.id, members.sealed_salt_key).where(members.id.in_(ids[start : start + CHUNK]))
            self._sealed.update({row.id: row.sealed_salt_key for row in connection.execute(query)})
        self.erased = {member_id for member_id, sealed in self._sealed.items() if sealed is None}

    def opened(self, member_id: str) -> bytes | None:
        """The key, or None when it is erased or does not open."""
        if member_id not in self._open:
            sealed = self._sealed.get(member_id)
            try:
                self._open[member_id] = None if sealed is None else self._context.salts.open(sealed)
            except InvariantBroken:
                self._open[member_id] = None
        return self._open[member_id]


def _details(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(ids), CHUNK):
        for table in (tables.entries, tables.facts):
            query = select(table.c.id, table.c.detail).where(table.c.id.in_(ids[start : start + CHUNK]))
            found.update({row.id: row.detail for row in connection.execute(query)})
    return found
