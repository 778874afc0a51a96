"""A lane that retires: its members move to other lanes, what is on its way lands, then its operator loses the role.

A member moves only while none of their leaves is between batched and final (DESIGN §5), so that each member's order holds. The
lane's row is locked meanwhile: no batch is planned in it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from sqlalchemy import Connection, exists, select, update

from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Lane
from token_service.ledger.admin_operations import enqueue
from token_service.ledger.lane_choice import choose_lane, open_lanes
from token_service.ledger.settlement_tables import admin_operations, batches, lanes, leaves
from token_service.ledger.tables import members

CHUNK: Final = 500
"""Members that move in one transaction."""


def retire(services: ChainServices, number: int) -> int:
    """One step of the lane's retirement, if it retires: how much was done."""
    with services.store.ask() as connection:
        lane = lane_rows.read_lane(connection, number)
    if not lane.is_retiring or lane.state == "disabled":
        return 0
    return services.commit("retire", lambda connection: _step(connection, services, lane))


def _step(connection: Connection, services: ChainServices, lane: Lane) -> int:
    if lane_rows.lock_lane(connection, lane.number) is None:
        return 0
    moved = _move_members(connection, lane)
    if moved:
        return moved
    if not _is_empty(connection, lane):
        return 0
    state = _revocation(connection, lane)
    if state is None:
        given = {"role": "settler", "account": lane.operator}
        operation_id = services.context.new_id("adm")
        enqueue(connection, operation_id=operation_id, kind="revoke_role", arguments=given, created_at=services.now())
        return 1
    if state != "final":
        return 0
    ended = {"state": "disabled", "reason": None, "reason_code": None}
    connection.execute(update(lanes).where(lanes.c.number == lane.number).values(**ended))
    return 1


def _move_members(connection: Connection, lane: Lane) -> int:
    """How many of the lane's members have another one now. Whoever records something for them meanwhile is waited for."""
    on_its_way = exists().where(leaves.c.member_id == members.c.id, leaves.c.state.in_(("batched", "mined")))
    query = select(members.c.id).where(members.c.lane == lane.number, ~on_its_way).order_by(members.c.id)
    found = connection.execute(query.limit(CHUNK).with_for_update()).scalars().all()
    operators = open_lanes(connection)
    by_lane: dict[int, list[str]] = defaultdict(list)
    for member_id in found:
        by_lane[choose_lane(member_id, operators)].append(member_id)
    for number, ids in by_lane.items():
        connection.execute(update(members).where(members.c.id.in_(ids)).values(lane=number))
        waiting = update(leaves).where(leaves.c.member_id.in_(ids), leaves.c.state == "accepted")
        connection.execute(waiting.values(lane=number))
    return len(found)


def _is_empty(connection: Connection, lane: Lane) -> bool:
    """Whether nobody is left, and nothing of the lane is on its way."""
    left = select(members.c.id).where(members.c.lane == lane.number).limit(1)
    unfinished = select(batches.c.id).where(batches.c.operator == lane.operator, batches.c.state != "final").limit(1)
    return (
        connection.execute(left).first() is None
        and connection.execute(unfinished).first() is None
        and not lane_rows.in_flight(connection, lane.operator)
    )


def _revocation(connection: Connection, lane: Lane) -> str | None:
    """The state of the newest order to take the role; None if there is none, or if it failed."""
    columns = admin_operations.c
    query = select(columns.state, columns.arguments).where(columns.kind == "revoke_role").order_by(columns.seq.desc())
    for row in connection.execute(query):
        if row.arguments.get("account") == lane.operator:
            return None if row.state == "failed" else str(row.state)
    return None
