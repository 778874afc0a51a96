"""Reconcile: ledger, events and contract compared at one final block; what differs is frozen, never mended (DESIGN §5).

A member whose balance differs is frozen, a lane whose sequence, nonce or events differ is halted, and all lanes where the
contract's totals do. Each is an alarm: a person must look. Source: reference/settlement-engines.md §2.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

import structlog
from sqlalchemy import Connection, update

from token_service.chain import contract_reads, reads
from token_service.chain.node import Node, up_to_date
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Code
from token_service.errors import InvariantBroken, NodeUnreachable
from token_service.ledger.context import Actor, Context
from token_service.ledger.members import freeze
from token_service.ledger.reconciling import Books, Mismatch, last_reconciliation, note_reconciliation, read_books
from token_service.ledger.tables import members
from token_service.protocol.contract_state import Totals
from token_service.units import EntryKind

MEMBERS_PER_ROUND: Final = 500
"""How many members' balances the worker compares each time: after some rounds it has been through all."""
PROGRAM: Final = "program"
_FIELDS: Final = {
    EntryKind.ISSUANCE: "issued",
    EntryKind.REDEMPTION: "redeemed",
    EntryKind.EXPIRY: "expired",
    EntryKind.REVERSAL: "reversed",
    EntryKind.RESTORATION: "restored",
    EntryKind.DONATION: "donated",
    EntryKind.ADJUSTMENT_UP: "adjusted_up",
    EntryKind.ADJUSTMENT_DOWN: "adjusted_down",
    EntryKind.MOVE_OUT: "moved_out",
    EntryKind.MOVE_IN: "moved_in",
}

log = structlog.get_logger("reconcile")


def reconcile_some(context: Context, node: Node, contract: str) -> list[Mismatch]:
    """The worker's round: everything about the programme and its lanes, and the next members in turn.

    Raises NodeUnreachable when the node cannot say how things stood at that block.
    """
    last = last_reconciliation(context.store)
    after = "" if last is None or last.last_member is None else last.last_member
    books = read_books(context.store, after, MEMBERS_PER_ROUND)
    is_round_over = len(books.accounts) < MEMBERS_PER_ROUND
    return _compare(context, node, contract, books, None if is_round_over else books.accounts[-1].member_id)


def reconcile_all(context: Context, node: Node, contract: str) -> Iterator[tuple[int, list[Mismatch]]]:
    """For each part of the members: how many, and what differs. Raises as `reconcile_some`."""
    after: str | None = ""
    while after is not None:
        books = read_books(context.store, after, MEMBERS_PER_ROUND)
        after = books.accounts[-1].member_id if len(books.accounts) == MEMBERS_PER_ROUND else None
        yield len(books.accounts), _compare(context, node, contract, books, after)


def _compare(context: Context, node: Node, contract: str, books: Books, place: str | None) -> list[Mismatch]:
    nodes = up_to_date(node, books.block_number)
    if not nodes:
        raise NodeUnreachable("no node is as high as the ledger's final block", method="eth_getBlockByNumber")
    node = nodes[0]  # what is compared comes from one endpoint
    block = reads.block_by_number(node, books.block_number)
    if block is None or block.hash != books.block_hash:
        raise NodeUnreachable("the node does not have the ledger's final block", method="eth_getBlockByNumber")
    found = [
        *_of_program(node, contract, books),
        *_of_lanes(node, contract, books),
        *_of_members(node, contract, books),
    ]
    context.store.transact(
        lambda connection: note_reconciliation(connection, books, context.now(), place, [asdict(one) for one in found])
    )
    for one in found:
        log.error("alarm", code=Code.RECONCILE.value, check=one.check, ledger=one.ledger, chain=one.chain)
        _stop(context, one)
    return found


def _of_program(node: Node, contract: str, books: Books) -> Iterator[Mismatch]:
    at = hex(books.block_number)
    totals: Totals = contract_reads.totals(node, contract, at)
    for kind, name in _FIELDS.items():
        yield from _differing(f"totals.{name}", PROGRAM, books.by_kind.get(kind, 0), getattr(totals, name))
    supply = sum(kind.sign * points for kind, points in books.by_kind.items()) - totals.redeemed_by_signature
    yield from _differing("total_supply", PROGRAM, supply, contract_reads.total_supply(node, contract, at))


def _of_lanes(node: Node, contract: str, books: Books) -> Iterator[Mismatch]:
    at = hex(books.block_number)
    for lane in books.lanes:
        yield from _differing(
            "sequence", lane.operator, lane.seq, contract_reads.last_seq(node, contract, lane.operator, at)
        )
        nonce = reads.transaction_count(node, lane.operator, at)
        if lane.next_nonce:  # an account that has sent nothing for us may have sent something before
            yield from _differing("nonce", lane.operator, lane.next_nonce, nonce)
        yield from _differing("events", lane.operator, books.batches_without_event.get(lane.operator, 0), 0)


def _of_members(node: Node, contract: str, books: Books) -> Iterator[Mismatch]:
    at = hex(books.block_number)
    for account in books.accounts:
        points = contract_reads.balance_of(node, contract, account.address, at)
        yield from _differing("balance", account.member_id, account.settled, points)
        yield from _differing("entries", account.member_id, account.balance, account.entries)


def _differing(check: str, subject: str, ledger: int, chain: int) -> Iterator[Mismatch]:
    if ledger != chain:
        yield Mismatch(check, subject, ledger, chain)


def _freeze(context: Context, member_id: str, reason: str) -> None:
    """Also a member whose figures contradict each other: the ledger writes nothing more for them, not even that fact."""
    try:
        freeze(context, Actor.admin("reconciliation"), member_id, reason)
    except InvariantBroken:
        mine = update(members).where(members.c.id == member_id).values(frozen=True)
        context.store.transact(lambda connection: connection.execute(mine))


def _stop(context: Context, one: Mismatch) -> None:
    """Nothing more is done for whom it concerns, until a person decides."""
    reason = f"reconciliation: {one.check} is {one.ledger} in the ledger and {one.chain} on the chain"
    if one.check in ("balance", "entries"):
        _freeze(context, one.subject, reason)
        return

    def halt(connection: Connection) -> None:
        if one.subject == PROGRAM:
            lane_rows.halt_all(connection, Code.RECONCILE, reason)
        else:
            lane_rows.halt_of(connection, one.subject, Code.RECONCILE, reason)

    context.store.transact(halt)
