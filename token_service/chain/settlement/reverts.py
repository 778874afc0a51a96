"""A batch that failed on the chain is sent anew: same sequence, same words, same root, a new nonce (DESIGN §5).

Only when nothing of the lane is in flight, lowest sequence first, and only once the contract would take it. Until then the lane
is blocked and says why; it goes on by itself.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Row, select, update

from token_service.chain import contract_reads, fees, reads
from token_service.chain.contract_words import failure, in_words
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import read_cursor
from token_service.chain.settlement.lanes import Code, Lane
from token_service.chain.settlement.planning import contract_of
from token_service.chain.settlement.records import Signed, store_signed, unsigned
from token_service.chain.settlement.spending import affordable, commit_spending
from token_service.errors import RpcError
from token_service.ledger.lane_choice import FIRST_LANE
from token_service.ledger.settlement_tables import batches, lanes, transactions

REFUSALS: Final = {
    "EnforcedPause": Code.PAUSED,
    "AccessControlUnauthorizedAccount": Code.ROLE,
    "BatchOutOfSequence": Code.SEQUENCE,
}


def send_anew(services: ChainServices, number: int = FIRST_LANE) -> int | None:
    """The id of the batch that got a new transaction, or None. Raises NodeUnreachable, PolicyRefused."""
    with services.store.read() as connection:
        lane = lane_rows.read_lane(connection, number)
        if lane.state not in lane_rows.WORKING or lane_rows.in_flight(connection, lane.operator):
            return None
        batch = _lowest_reverted(connection, lane.operator)
        data = None if batch is None else _calldata(connection, batch.id)
    if batch is None or data is None:
        return None
    refusal = _refusal(services, lane.operator, data)
    if refusal is not None:
        if refusal[1] is Code.SEQUENCE and not _is_out_of_sequence(services, lane.operator, batch.seq):
            return None  # a node that lags or is on a branch that was left has said so
        if (lane.state, lane.code, lane.reason) != refusal:
            services.commit("anew_waits", lambda connection: _wait(connection, lane, refusal))
        return None
    signed = _sign(services, lane, data, batch.word_count)
    if signed is None:
        return None
    stored = commit_spending(
        services,
        "anew",
        lane,
        signed.transaction.most_wei,
        lambda connection: _store(connection, lane, batch.id, signed),
        only_from=lane_rows.WORKING,
    )
    return int(batch.id) if stored else None


def _lowest_reverted(connection: Connection, operator: str) -> Row[tuple[object, ...]] | None:
    query = select(batches).where(batches.c.operator == operator, batches.c.state == "reverted")
    return min(connection.execute(query), key=lambda batch: int(batch.seq), default=None)


def _calldata(connection: Connection, batch_id: int) -> bytes:
    """What the batch's first transaction said, byte for byte."""
    query = select(transactions.c.data).where(transactions.c.batch_id == batch_id).order_by(transactions.c.nonce)
    return bytes(connection.execute(query.limit(1)).scalar_one())


def _refusal(services: ChainServices, operator: str, data: bytes) -> tuple[str, Code, str] | None:
    """The lane's new state, code and reason if the contract would refuse the batch now, None if it would take it."""
    try:
        reads.call(services.node, to=contract_of(services), data=data, sender=operator)
    except RpcError as error:
        found = failure(error)
        code = Code.REFUSED if found is None else REFUSALS.get(found.name, Code.REFUSED)
        return ("halted" if code is Code.SEQUENCE else "blocked"), code, in_words(error)
    return None


def _is_out_of_sequence(services: ChainServices, operator: str, seq: int) -> bool:
    """As of the final block: a lane halts for a person, so what one node calls its newest block is not enough."""
    with services.store.read() as connection:
        final = read_cursor(connection, "final")
    return contract_reads.last_seq(services.node, contract_of(services), operator, hex(final.number)) != seq - 1


def _wait(connection: Connection, lane: Lane, refusal: tuple[str, Code, str]) -> None:
    """Nothing if the lane is not as it was read: another worker may have sent the batch by now, and nobody would unblock it."""
    if lane_rows.lock_lane(connection, lane.number) == lane:
        lane_rows.set_state(connection, lane.number, *refusal, only_from=lane_rows.WORKING)


def _sign(services: ChainServices, lane: Lane, data: bytes, words: int) -> Signed | None:
    """None while gas is too dear: the lane says so."""
    gas = fees.anew_gas(words)
    head = reads.head(services.node)
    offered = affordable(services, lane, head, gas, only_from=lane_rows.WORKING)  # nothing of it is in flight
    if offered is None:
        return None
    transaction = unsigned(
        chain_id=services.chain_id,
        nonce=lane.next_nonce,
        fees=offered,
        gas=gas,
        to=contract_of(services),
        data=data,
    )
    return Signed(lane.operator, transaction, services.signer().sign_transaction(lane.operator, transaction))


def _store(connection: Connection, lane: Lane, batch_id: int, signed: Signed) -> bool:
    """False if another worker was faster."""
    if lane_rows.lock_lane(connection, lane.number) != lane:
        return False
    reverted = update(batches).where(batches.c.id == batch_id, batches.c.state == "reverted")
    if not connection.execute(reverted.values(state="planned")).rowcount:
        return False
    store_signed(connection, signed, purpose="batch", batch_id=batch_id)
    going_on = {"next_nonce": lane.next_nonce + 1, "state": "active", "reason": None, "reason_code": None}
    connection.execute(update(lanes).where(lanes.c.number == lane.number).values(**going_on))
    return True
