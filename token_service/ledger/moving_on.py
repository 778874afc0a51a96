"""What an account has goes on to the one that it became part of: out of one address, into the other, lot by lot.

On the chain the points go out before they come in (DESIGN §3.3): the leaves of the account where they go wait from the first of
these on until those of the other are final.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select

from token_service.errors import MemberLeaving
from token_service.ledger import operations, stored_lots
from token_service.ledger.accounts import Account, StoredLot
from token_service.ledger.awards import pay_debts
from token_service.ledger.merge_tables import member_moves
from token_service.ledger.posting import change_lots, move_in, sweep_expired
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.program.lots import Use, consumption_order
from token_service.units import EntryKind

_moves = member_moves.c
ENDED = ("final", "skipped", "void")
"""States of a leaf that the chain has said its last word on."""


def said(operation: Operation) -> dict[str, Any]:
    """What every leaf of it says: which account became part of which, and of a merge who did it and why."""
    return dict(operation.facts)


def move_out(tx: Transaction, source: Account, operation: Operation) -> list[StoredLot]:
    """The lots that leave, as they were: all that the account has, once what has expired is swept."""
    sweep_expired(tx, source)
    lots = sorted(stored_lots.open_lots(tx, source), key=consumption_order)
    leaving = [source.lots[lot.id] for lot in lots]
    if lots:
        uses = tuple(Use(lot.id, -lot.left, lot.expires_at) for lot in lots)
        change_lots(tx, source, operation, kind=EntryKind.MOVE_OUT, uses=uses, party=0, more=said(operation))
    return leaving


def move_in_all(tx: Transaction, target: Account, operation: Operation, lots: Sequence[StoredLot]) -> None:
    """They come in, one entry each; what the account owes is paid as from any credit."""
    for stored in lots:
        move_in(tx, target, operation, stored, said(operation))
        pay_debts(tx, target)


def move_on(tx: Transaction, *sources: Account) -> None:
    """What came back to accounts that became part of another one goes there at once. Flushes."""
    moves = [move for source in sources if (move := _move_on(tx, source)) is not None]
    tx.flush()
    for operation, source, target, first_in in moves:
        note_move(tx, operation, source, target, first_in)


def _move_on(tx: Transaction, source: Account) -> tuple[Operation, Account, Account, str] | None:
    """(the operation, both accounts, the first leaf that comes in); None where nothing is left after what has expired. Raises
    MemberLeaving.
    """
    sweep_expired(tx, source)
    if not stored_lots.open_lots(tx, source):
        return None
    target = tx.heir(source)
    if target.state == "leaving":  # what is said of the move names an address, and nobody knows yet which it will be
        raise MemberLeaving("the member's points are on the way to another wallet: try again when they have arrived")
    facts = {"from": source.id, "into": target.id, "from_account": source.address, "into_account": target.address}
    operation = operations.start(tx, own_operation(tx, "move", f"move/{source.id}/{source.leaf_count}", facts))
    lots = move_out(tx, source, operation)
    first = len(tx.staged.leaves)
    move_in_all(tx, target, operation, lots)
    return operation, source, target, tx.staged.leaves[first].id


def own_operation(tx: Transaction, kind: str, reference: str, facts: dict[str, Any]) -> Operation:
    """An operation of the programme's own, now, that counts for the account where points go."""
    return Operation(
        id=tx.new_id("mrg" if kind == "merge" else "mov"),
        kind=kind,
        merchant_id=tx.own_merchant.id,
        member_id=facts["into"],
        reference=reference,
        content_hash=operations.content_hash(facts),
        ruleset_hash=tx.ruleset_hash_at(tx.now),
        occurred_at=tx.now,
        recorded_at=tx.now,
        facts=facts,
        result={},
    )


def note_move(tx: Transaction, operation: Operation, source: Account, target: Account, first_in: str) -> None:
    """Remembers, once the leaves are written, that those of the target from `first_in` on wait for the source's."""
    columns = leaves.c
    out = select(func.max(columns.seq)).where(columns.member_id == source.id).scalar_subquery()
    into = select(columns.seq).where(columns.id == first_in).scalar_subquery()
    row: Mapping[str, Any] = {
        "operation_id": operation.id,
        "out_leaf_seq": out,
        "member_id": target.id,
        "in_leaf_seq": into,
    }
    tx.connection.execute(insert(member_moves).values(**row))


def is_any_under_way(connection: Connection) -> bool:
    """Whether points are on their way from one member to another."""
    query = select(_moves.seq).join(leaves, leaves.c.seq == _moves.out_leaf_seq).where(leaves.c.state.not_in(ENDED))
    return connection.execute(query.limit(1)).first() is not None


def waits_for_what_goes_out(member_id: ColumnElement[str], seq: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a leaf comes behind points that have not gone out of the other account yet."""
    out = leaves.alias("going_out")
    here = and_(_moves.member_id == member_id, _moves.in_leaf_seq <= seq, out.c.seq == _moves.out_leaf_seq)
    return exists().where(here, out.c.state.not_in(ENDED))
