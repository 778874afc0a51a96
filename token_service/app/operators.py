"""Operators that come and go while the service runs: each has a key, a role and a lane (DESIGN §5)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select, update

from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Code, Lane
from token_service.custody.key_ring import KeyRing
from token_service.errors import BadSettings, InvalidInput
from token_service.ledger.admin_operations import enqueue
from token_service.ledger.context import Context
from token_service.ledger.program_setup import get_program
from token_service.ledger.settlement_tables import admin_operations, lanes

FIRST_SEQ: Final = 1


def add_operator(context: Context, keys: KeyRing, address: str | None = None) -> Lane:
    """The lane of a new operator, which waits until its role is final and it has gas money. Done again after it was cut off, it
    goes on with the key that is there. `address` is a key that a signer elsewhere has (`mereau keys add-operator` there).

    Raises BadSettings on the embedded chain: only its first accounts can pay for gas, and more lanes would not be faster.
    """
    if get_program(context).embedded:
        raise BadSettings("the embedded chain has one lane: further operators need a chain node (MEREAU_RPC_URL)")
    if address is not None:
        _refuse_second_lane(context, address)
    address = address or _key_without_lane(context, keys) or keys.add_operator()
    number = context.store.transact(lambda connection: _open(connection, context, address))
    with context.store.read() as connection:
        return lane_rows.read_lane(connection, number)


def retire_operator(context: Context, number: int) -> Lane:
    """The lane, which takes no new members from now on and ends by itself: its members go to other lanes, then it loses its role.

    Raises NotFound, InvalidInput for the last lane that takes members.
    """

    def work(connection: Connection) -> None:
        lane_rows.read_lane(connection, number)
        others = [lane for lane in lane_rows.read_lanes(connection) if _takes_members(lane) and lane.number != number]
        if not others:
            raise InvalidInput("this is the last lane that takes members: add an operator first (mereau operators add)")
        connection.execute(update(lanes).where(lanes.c.number == number).values(is_retiring=True))

    context.store.transact(work)
    with context.store.read() as connection:
        return lane_rows.read_lane(connection, number)


def _takes_members(lane: Lane) -> bool:
    """A lane that still waits for its role or for money is not counted: members would wait in it."""
    return lane.state in ("active", "draining") and not lane.is_retiring


def _key_without_lane(context: Context, keys: KeyRing) -> str | None:
    with context.store.read() as connection:
        known = {lane.operator for lane in lane_rows.read_lanes(connection)}
    return next((address for address in keys.operator_addresses() if address not in known), None)


def _refuse_second_lane(context: Context, address: str) -> None:
    with context.store.read() as connection:
        if any(lane.operator == address for lane in lane_rows.read_lanes(connection)):
            raise InvalidInput(f"{address} has a lane already (mereau lanes)")


def _open(connection: Connection, context: Context, address: str) -> int:
    """A key that was just made has sent nothing: its first nonce is 0, its first batch number 1."""
    reason = f"{address} waits for its role and for gas money"
    number = lane_rows.open_lane(
        connection, operator=address, next_nonce=0, next_seq=FIRST_SEQ, waits_for=(Code.ROLE, reason)
    )
    for kind, arguments in (
        ("grant_role", {"role": "settler", "account": address}),
        ("set_debit_limit", {"operator": address, "points": _debit_limit(connection)}),
    ):
        operation_id, now = context.new_id("adm"), context.now()
        enqueue(connection, operation_id=operation_id, kind=kind, arguments=arguments, created_at=now)
    return number


def _debit_limit(connection: Connection) -> int:
    """What was ordered last for another operator: a lane that may take less would hold up its members."""
    columns = admin_operations.c
    query = select(columns.arguments).where(columns.kind == "set_debit_limit").order_by(columns.seq.desc()).limit(1)
    return int(connection.execute(query).scalar_one()["points"])
