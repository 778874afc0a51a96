"""A person decides that a halted lane may go on. What would do harm is refused, with what to do instead (DESIGN §5)."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from token_service.chain import contract_reads, reads
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import read_cursor
from token_service.chain.settlement.lanes import Lane
from token_service.chain.settlement.planning import contract_of
from token_service.errors import InvalidInput
from token_service.ledger.settlement_tables import batches, lanes, transactions


def clear(services: ChainServices, number: int, because: str) -> Lane:
    """The lane, active again. Raises NotFound, InvalidInput with the reason why it must not go on, NodeUnreachable."""
    with services.store.read() as connection:
        lane = lane_rows.read_lane(connection, number)
    if lane.state != "halted":
        raise InvalidInput(f"lane {number} is {lane.state}: only a halted lane waits for a person")
    _refuse_if_ahead(services, lane)
    _refuse_if_rewritten(services)
    nonce = reads.transaction_count(services.node, lane.operator)
    services.commit("clear", lambda connection: _write(connection, services, lane, nonce, because))
    with services.store.read() as connection:
        return lane_rows.read_lane(connection, number)


def _refuse_if_ahead(services: ChainServices, lane: Lane) -> None:
    """The chain has batches of this operator that the ledger does not know: going on would pay them twice."""
    on_chain = contract_reads.last_seq(services.node, contract_of(services), lane.operator)
    if on_chain >= lane.next_seq:
        raise InvalidInput(
            f"the contract has settled {on_chain} batches of {lane.operator}, the ledger knows {lane.next_seq - 1}: "
            "restore the newest copy and run `mereau repair`"
        )


def _refuse_if_rewritten(services: ChainServices) -> None:
    """What was final is not on the node's chain: nothing may be sent into another history."""
    with services.store.read() as connection:
        final = read_cursor(connection, "final")
    block = reads.block_by_number(services.node, final.number)
    if block is None or block.hash != final.hash:
        raise InvalidInput(
            f"block {final.number}, which was final, is not on the node's chain: use a node that has it (MEREAU_RPC_URL)"
        )


def _write(connection: Connection, services: ChainServices, lane: Lane, nonce: int, because: str) -> None:
    """A batch whose nonce was used by somebody else has not landed, or the sequence would say so: it is sent anew, with the same
    words and the same number, under a nonce that is free."""
    lost = select(transactions.c.batch_id).where(
        transactions.c.operator == lane.operator,
        transactions.c.state == "foreign",
        transactions.c.batch_id.is_not(None),
    )
    again = update(batches).where(batches.c.id.in_(lost), batches.c.state == "planned")
    connection.execute(again.values(state="reverted"))
    going_on = {"state": "active", "reason": None, "reason_code": None, "next_nonce": max(lane.next_nonce, nonce)}
    decided = {"cleared_at": services.now(), "cleared_because": because}
    halted = update(lanes).where(lanes.c.number == lane.number, lanes.c.state == "halted")
    connection.execute(halted.values(**going_on, **decided))
