"""Finalize: what lies deep enough becomes final, and skipped entries are decided (DESIGN §3.7, §5).

Ceiling, debit limit and frozen are deferred: the leaf is accepted again and planned later, before its member's later entries.
So are skips that only follow from an earlier deferred one. Every other skip is final and is voided by the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from token_service.chain import contract_reads, reads
from token_service.chain.contract_words import in_words
from token_service.chain.finality_presets import ELSEWHERE, depth_without_tag
from token_service.chain.node import Node, up_to_date
from token_service.chain.projection import project
from token_service.chain.reads import Block
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import Cursor, read_cursor, set_cursor
from token_service.chain.settlement.lanes import Code
from token_service.errors import NodeUnreachable, RpcError
from token_service.ledger.refused_ceilings import KINDS as CEILING_KINDS
from token_service.ledger.refused_ceilings import ChainCeiling, put_back
from token_service.ledger.settlement_tables import (
    admin_operations,
    batches,
    blocks,
    chain_events,
    deferrals,
    leaves,
    transactions,
)
from token_service.ledger.tables import rulesets
from token_service.ledger.voids import void_skipped

Value = TypeVar("Value")

KEPT_BLOCKS: Final = 256
"""Newest final blocks whose rows stay although nothing happened in them."""

FROZEN, SHORT_BALANCE, CEILING, DEBIT_LIMIT, RESTORED_BEYOND, MOVED_IN_BEYOND = 2, 4, 6, 7, 9, 10
DEFERRABLE: Final = frozenset({FROZEN, CEILING, DEBIT_LIMIT})
CONSEQUENCES: Final = frozenset({SHORT_BALANCE, RESTORED_BEYOND, MOVED_IN_BEYOND})
"""Skips that an earlier deferred entry of the same member explains."""
DEFER_SECONDS: Final = 10
DEFER_SECONDS_MAX: Final = 3600


@dataclass(frozen=True, slots=True)
class Failed:
    """A transaction that failed on the chain, and what the contract says to it now."""

    transaction_id: int
    reason: str
    ceiling: ChainCeiling | None = None


def finalize(services: ChainServices) -> int:
    """How many blocks became final. Raises NodeUnreachable."""
    with services.store.read() as connection:
        indexed, final = read_cursor(connection, "indexed"), read_cursor(connection, "final")
        if indexed == final and not _mined_below(connection, final.number):
            return 0
    nodes = up_to_date(services.node, final.number)
    called = _called_final(nodes) if services.depth is None else []
    target = min(_agreed_height(services, nodes, called, indexed.number), indexed.number)
    with services.store.read() as connection:
        block = connection.execute(
            select(blocks.c.number, blocks.c.hash).where(blocks.c.number == target, blocks.c.state != "orphaned")
        ).first()
        failing = _failing(connection, target)
        if (block is None or target <= final.number) and not _mined_below(connection, target):
            return 0
    reached = Cursor(*block) if block is not None and target > final.number else final
    if reached != final and _is_elsewhere(reached, called):
        return 0
    if reached != final and not _is_canonical(services, nodes, reached):
        return 0  # the chain moved since it was indexed, and the indexer takes it back first; or the nodes do not agree
    failed = [Failed(row.id, _why(services, row), ceiling_of(services, row.admin_operation_id)) for row in failing]
    services.commit("finalize", lambda connection: _write(connection, services, final, reached, failed))
    return reached.number - final.number


def newest_final(node: Node, depth: int | None, head: int, without_tag: int = ELSEWHERE) -> int:
    """The height of the newest block that can no longer change: `depth` below the head, None: what the node calls finalized, or
    `without_tag` below the head where it calls nothing so."""
    if depth is not None:
        return head - depth
    block = _final_block(node)
    return head - without_tag if block is None else block.number


def _final_block(node: Node) -> Block | None:
    """What the node calls finalized; None if it calls nothing so."""
    try:
        return reads.block_by_number(node, "finalized")
    except RpcError:
        return None


def _called_final(nodes: Sequence[Node]) -> list[Block | None]:
    """What each of the nodes that answer calls finalized. Raises NodeUnreachable if none does."""
    return _answers(nodes, _final_block)


def _is_elsewhere(reached: Cursor, called: Sequence[Block | None]) -> bool:
    """Whether no node calls this very block finalized: the indexer is not there yet, or on a branch that was left, since behind
    one address may be several nodes. A node without the tag goes by depth, and names no block to compare with."""
    tags = {(block.number, block.hash) for block in called if block is not None}
    return bool(called) and None not in called and (reached.number, reached.hash) not in tags


def _agreed_height(services: ChainServices, nodes: Sequence[Node], called: Sequence[Block | None], head: int) -> int:
    """The newest height that enough nodes call final."""
    if services.depth is not None:
        return head - services.depth
    without_tag = head - depth_without_tag(services.chain_id)
    heights = sorted((without_tag if block is None else block.number for block in called), reverse=True)
    needed = _witnesses_needed(services, nodes)
    return heights[needed - 1] if len(heights) >= needed else -1


def _is_canonical(services: ChainServices, nodes: Sequence[Node], cursor: Cursor) -> bool:
    """Whether enough nodes have this block at its height, asked right before it is called final."""
    found = _answers(nodes, lambda node: reads.block_by_number(node, cursor.number))
    agreeing = [block for block in found if block is not None and block.hash == cursor.hash]
    return len(agreeing) >= _witnesses_needed(services, nodes)


def _witnesses_needed(services: ChainServices, nodes: Sequence[Node]) -> int:
    """Two where two can be read from: one alone may be on a fork. With only one, as many as the operator wants at least."""
    return max(services.finality_witnesses, min(2, len(nodes)), 1)


def _answers(nodes: Sequence[Node], ask: Callable[[Node], Value]) -> list[Value]:
    """What each of the nodes that answer says. Raises NodeUnreachable if none does."""
    answers: list[Value] = []
    error: NodeUnreachable | None = None
    for node in nodes:
        try:
            answers.append(ask(node))
        except NodeUnreachable as found:
            error = found
    if error is not None and not answers:
        raise error
    return answers


def _mined_below(connection: Connection, number: int) -> bool:
    columns = transactions.c
    query = select(columns.id).where(columns.state == "mined", columns.block_number <= number).limit(1)
    return connection.execute(query).first() is not None


def _failing(connection: Connection, number: int) -> Sequence[Row[int, str, str | None, bytes, int | None, str | None]]:
    columns = transactions.c
    query = select(
        columns.id, columns.operator, columns.to, columns.data, columns.block_number, columns.admin_operation_id
    ).where(columns.state == "mined", columns.succeeded.is_(False), columns.block_number <= number)
    return connection.execute(query).all()


def ceiling_of(services: ChainServices, operation_id: str | None) -> ChainCeiling | None:
    """As `ceiling_on_chain`, for the administrative operation of a transaction that has one. Raises NodeUnreachable."""
    if operation_id is None:
        return None
    query = select(admin_operations.c.kind, admin_operations.c.arguments).where(admin_operations.c.id == operation_id)
    with services.store.read() as connection:
        row = connection.execute(query).one()
    return ceiling_on_chain(services, row.kind, row.arguments)


def ceiling_on_chain(services: ChainServices, kind: str, arguments: Mapping[str, Any]) -> ChainCeiling | None:
    """The ceiling that the contract has, where an operation of this kind would have changed it. Raises NodeUnreachable."""
    if kind not in CEILING_KINDS or services.contract is None:
        return None
    state = contract_reads.party(services.node, services.contract, arguments["party"])
    if not state.is_registered:
        return ChainCeiling(0, arguments["period_seconds"])
    if not state.raises_at:
        return ChainCeiling(state.ceiling, state.period)
    raises_at = datetime.fromtimestamp(state.raises_at, UTC)
    return ChainCeiling(state.ceiling, state.period, state.next_ceiling, state.next_period, raises_at)


def _why(services: ChainServices, row: Row[int, str, str | None, bytes, int | None, str | None]) -> str:
    """The contract's error in words, found by asking again as of the block before, then as of the block itself."""
    if row.to is None or row.block_number is None:
        return "the contract could not be created"
    for number in (row.block_number - 1, row.block_number):
        try:
            reads.call(services.node, to=row.to, data=row.data, sender=row.operator, block=hex(number))
        except RpcError as error:
            return in_words(error)
    return "it ran out of gas, or something else came first"


def _write(
    connection: Connection, services: ChainServices, final: Cursor, reached: Cursor, failed: Sequence[Failed]
) -> None:
    if read_cursor(connection, "final", lock=True) != final:
        return
    now = services.now()
    for item in failed:
        _fail(connection, item)
    _finish_transactions(connection, reached.number)
    columns = batches.c
    query = select(columns.id, columns.seq).where(columns.state == "mined", columns.block_number <= reached.number)
    for batch in connection.execute(query.order_by(columns.seq)).all():
        _finish_batch(connection, services, batch.id, now)
    project(connection, services.context, above=final.number, up_to=reached.number)
    seen = and_(blocks.c.state == "seen", blocks.c.number > final.number, blocks.c.number <= reached.number)
    connection.execute(update(blocks).where(seen).values(state="final"))
    _prune(connection, above=final.number - KEPT_BLOCKS, up_to=reached.number - KEPT_BLOCKS)
    if reached != final:
        set_cursor(connection, "final", reached.number, reached.hash)


def _fail(connection: Connection, failed: Failed) -> None:
    """A failed transaction at depth: its batch waits to be sent anew, its administrative operation has failed. Nothing if another
    worker was faster: the batch may be on its way again by now."""
    row = connection.execute(select(transactions).where(transactions.c.id == failed.transaction_id)).one()
    mine = update(transactions).where(transactions.c.id == row.id, transactions.c.state == "mined")
    if not connection.execute(mine.values(state="reverted")).rowcount:
        return
    if row.batch_id is not None:
        planned = update(batches).where(batches.c.id == row.batch_id, batches.c.state == "planned")
        if connection.execute(planned.values(state="reverted")).rowcount:
            _block(connection, row.operator, failed.reason)
        else:  # it has landed with another transaction, in a time that a restored ledger does not know
            lane_rows.end_draining(connection)
        return
    fail_operation(connection, str(row.admin_operation_id), failed.reason, failed.ceiling)


def _block(connection: Connection, operator: str, reason: str) -> None:
    lane = lane_rows.lane_of(connection, operator)
    if lane is not None:  # `send_anew` finds out whether that still holds, and which code it has
        lane_rows.set_state(connection, lane.number, "blocked", Code.REFUSED, reason, only_from=lane_rows.WORKING)


def fail_operation(connection: Connection, operation_id: str, reason: str, ceiling: ChainCeiling | None = None) -> None:
    """The operation is failed for these reasons. A ruleset that could not be published is a draft again; a merchant whose
    ceiling was not taken has the chain's again, and the error says so.
    """
    mine = admin_operations.c.id == operation_id
    connection.execute(update(admin_operations).where(mine).values(state="failed", error=reason))
    row = connection.execute(select(admin_operations.c.kind, admin_operations.c.arguments).where(mine)).one()
    if ceiling is not None:
        said = put_back(connection, row.arguments["party"], ceiling)
        if said is not None:
            connection.execute(update(admin_operations).where(mine).values(error=f"{reason}; {said}"))
    if row.kind in {"publish_ruleset", "publish_addendum"}:
        lost = update(rulesets).where(rulesets.c.hash == row.arguments["hash"], rulesets.c.state == "publishing")
        connection.execute(lost.values(state="draft", effective_at=None))


def _finish_transactions(connection: Connection, number: int) -> None:
    columns = transactions.c
    done = and_(columns.state == "mined", columns.succeeded.is_not(False), columns.block_number <= number)
    operations = select(columns.admin_operation_id).where(done, columns.admin_operation_id.is_not(None))
    finished = update(admin_operations).where(admin_operations.c.id.in_(operations))
    connection.execute(finished.values(state="final"))
    connection.execute(update(transactions).where(done).values(state="final"))


def _finish_batch(connection: Connection, services: ChainServices, batch_id: int, now: datetime) -> None:
    connection.execute(update(batches).where(batches.c.id == batch_id).values(state="final"))
    mine = and_(leaves.c.batch_id == batch_id, leaves.c.state == "mined")
    connection.execute(update(leaves).where(mine, leaves.c.skip_reason.is_(None)).values(state="final"))
    for leaf in connection.execute(select(leaves).where(mine).order_by(leaves.c.seq)).all():
        if _may_come_later(connection, leaf):
            _defer(connection, leaf, now)
        else:
            connection.execute(update(leaves).where(leaves.c.seq == leaf.seq).values(state="skipped"))
            void_skipped(connection, services.context, leaf.id, leaf.skip_reason)


def _may_come_later(connection: Connection, leaf: Row[tuple[object, ...]]) -> bool:
    """True for a deferrable reason, or one that follows from an earlier entry which itself comes later now."""
    if leaf.skip_reason in DEFERRABLE:
        return True
    if leaf.skip_reason not in CONSEQUENCES:
        return False
    columns = leaves.c
    later = or_(columns.state == "accepted", columns.batch_id > leaf.batch_id)
    earlier = select(columns.seq).where(columns.member_id == leaf.member_id, columns.seq < leaf.seq, later)
    return connection.execute(earlier.limit(1)).first() is not None


def _defer(connection: Connection, leaf: Row[tuple[object, ...]], now: datetime) -> None:
    """Back to accepted; the place in the batch's tree is remembered, because the root covers it."""
    place = {"batch_id": leaf.batch_id, "position": leaf.position, "leaf_id": leaf.id, "reason": leaf.skip_reason}
    connection.execute(insert(deferrals).values(**place))
    wait = timedelta(seconds=min(DEFER_SECONDS_MAX, DEFER_SECONDS * 2 ** min(leaf.deferred_count, 10)))
    again = {"state": "accepted", "batch_id": None, "position": None, "deferred_count": leaf.deferred_count + 1}
    waiting = {"not_before": now + wait} if leaf.skip_reason in DEFERRABLE else {}
    connection.execute(update(leaves).where(leaves.c.seq == leaf.seq).values(**again, **waiting))


def _prune(connection: Connection, *, above: int, up_to: int) -> None:
    """Old final blocks in which nothing of ours happened are forgotten, so that an idle chain does not fill the ledger."""
    old = and_(blocks.c.state != "seen", blocks.c.number >= above, blocks.c.number < up_to)
    eventful = select(chain_events.c.block_hash).where(chain_events.c.block_number.between(above, up_to))
    connection.execute(delete(blocks).where(old, blocks.c.hash.not_in(eventful)))
