"""A batch that failed on the chain is sent anew: same sequence, same words, same root, a new nonce (DESIGN §5).

Only when nothing of the lane is in flight, lowest sequence first, and only once the contract would take it. Until then the lane
is blocked and says why; it goes on by itself.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Row, select, update

from token_service.chain import fees, reads
from token_service.chain.contract_words import failure, in_words
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Lane
from token_service.chain.settlement.planning import contract_of
from token_service.chain.settlement.records import Signed, store_signed, unsigned
from token_service.errors import RpcError
from token_service.ledger.settlement_tables import LANE, batches, lanes, transactions

RESUMABLE: Final = ("active", "draining", "blocked")


def send_anew(services: ChainServices) -> int | None:
    """The id of the batch that got a new transaction, or None. Raises NodeUnreachable, PolicyRefused."""
    with services.store.read() as connection:
        lane = lane_rows.read_lane(connection)
        if lane.state not in RESUMABLE or lane_rows.in_flight(connection, lane.operator):
            return None
        batch = _lowest_reverted(connection, lane.operator)
        data = None if batch is None else _calldata(connection, batch.id)
    if batch is None or data is None:
        return None
    refusal = _refusal(services, lane.operator, data)
    if refusal is not None:
        if (lane.state, lane.reason) != refusal:
            services.store.transact(lambda connection: lane_rows.set_state(connection, *refusal, only_from=RESUMABLE))
        return None
    signed = _sign(services, lane, data, batch.word_count)
    services.failpoint("anew.before_commit")
    services.store.transact(lambda connection: _store(connection, lane, batch.id, signed))
    services.failpoint("anew.after_commit")
    return int(batch.id)


def _lowest_reverted(connection: Connection, operator: str) -> Row[tuple[object, ...]] | None:
    query = select(batches).where(batches.c.operator == operator, batches.c.state == "reverted")
    return min(connection.execute(query), key=lambda batch: int(batch.seq), default=None)


def _calldata(connection: Connection, batch_id: int) -> bytes:
    """What the batch's first transaction said, byte for byte."""
    query = select(transactions.c.data).where(transactions.c.batch_id == batch_id).order_by(transactions.c.nonce)
    return bytes(connection.execute(query.limit(1)).scalar_one())


def _refusal(services: ChainServices, operator: str, data: bytes) -> tuple[str, str] | None:
    """The lane's new state and reason if the contract would refuse the batch now, None if it would take it."""
    try:
        reads.call(services.node, to=contract_of(services), data=data, sender=operator)
    except RpcError as error:
        found = failure(error)
        is_for_ever = found is not None and found.name == "BatchOutOfSequence"
        return ("halted" if is_for_ever else "blocked"), in_words(error)
    return None


def _sign(services: ChainServices, lane: Lane, data: bytes, words: int) -> Signed:
    head = reads.head(services.node)
    transaction = unsigned(
        chain_id=services.chain_id,
        nonce=lane.next_nonce,
        fees=fees.quote(services.node, head, services.limits.max_fee_per_gas),
        gas=min(fees.TRANSACTION_GAS_MAX, fees.settle_gas(words) * 13 // 10),
        to=contract_of(services),
        data=data,
    )
    return Signed(lane.operator, transaction, services.signer().sign_transaction(lane.operator, transaction))


def _store(connection: Connection, lane: Lane, batch_id: int, signed: Signed) -> None:
    if lane_rows.read_lane(connection, lock=True) != lane:
        return
    reverted = update(batches).where(batches.c.id == batch_id, batches.c.state == "reverted")
    if connection.execute(reverted.values(state="planned")).rowcount:
        store_signed(connection, signed, purpose="batch", batch_id=batch_id)
        going_on = {"next_nonce": lane.next_nonce + 1, "state": "active", "reason": None}
        connection.execute(update(lanes).where(lanes.c.number == LANE).values(**going_on))
