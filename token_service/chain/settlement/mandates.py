"""Mandates that members have signed: sent to the contract when their turn comes, and ended when they can have no effect any more.

A leave or return goes when all that was recorded before it is final. The member's key here signs a leave, inside the signer, at
the last moment: from then on anybody who has seen the signature may use it, so a leave that failed on the chain ends only when
its deadline has passed (DESIGN §3.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, exists, select

from token_service.chain.services import ChainServices
from token_service.chain.settlement.cursors import read_cursor
from token_service.errors import InvariantBroken
from token_service.ledger.leaving import stay
from token_service.ledger.mandates import fail, send
from token_service.ledger.own_wallets import UNDER_WAY
from token_service.ledger.settlement_tables import admin_operations, blocks, leaves, transactions
from token_service.ledger.tables import member_keys
from token_service.ledger.transaction import Transaction
from token_service.ledger.wallet_tables import mandates
from token_service.protocol.binds import Bind, SealedMember
from token_service.protocol.hashing import to_hex
from token_service.protocol.signatures import for_contract

PER_STEP: Final = 16
SECONDS_TO_LAND: Final = 300
"""A mandate is not sent when less than this is left of its time."""
NO_KEY: Final = "the key that we keep for these points cannot be used: ask the programme"
TOO_LATE: Final = "what was recorded before took too long to settle: ask for a new one"

log = structlog.get_logger("mandates")


def advance_mandates(services: ChainServices) -> int:
    """How many mandates were sent or ended. Raises PolicyRefused, SignerUnavailable."""
    under_way = select(mandates).where(mandates.c.state.in_(UNDER_WAY))
    with services.store.ask() as connection:
        if connection.execute(under_way.limit(1)).first() is None or services.contract is None:
            return 0
    with services.store.read() as connection:
        found = connection.execute(under_way.order_by(mandates.c.seq)).all()
        ready = [row for row in found if row.state == "waiting" and not _is_behind(connection, row)][:PER_STEP]
        late = [row for row in found if row.state == "waiting" and _seconds_left(services, row) < SECONDS_TO_LAND]
        over = [(row, why) for row in found if (why := _why_over(connection, row)) is not None]
    ended = [(row, TOO_LATE) for row in late] + over
    for row, why in ended:
        services.commit("mandate_ends", lambda connection: _end(connection, services, row, why))  # noqa: B023
    done = len(ended)
    for row in ready:
        if row not in late:
            _go(services, row)
            done += 1
    return done


def _go(services: ChainServices, row: Row[Any]) -> None:
    """Sends it. A member's key that does not open ends this mandate, and stops nobody else."""
    try:
        kind, arguments = _call(services, row)
    except InvariantBroken as broken:
        log.error("alarm", code="member_key", mandate=row.id, detail=broken.detail)
        services.commit("mandate_ends", lambda connection: _end(connection, services, row, NO_KEY))
        return
    services.commit("mandate", lambda connection: _send(connection, services, row, kind, arguments))


def _is_behind(connection: Connection, row: Row[Any]) -> bool:
    """Whether something that was recorded for the member before is not final."""
    columns = leaves.c
    unsettled = columns.state.in_(("accepted", "batched", "mined"))
    earlier = exists().where(columns.member_id == row.member_id, columns.seq <= row.after_seq, unsettled)
    return bool(connection.execute(select(earlier)).scalar_one())


def _seconds_left(services: ChainServices, row: Row[Any]) -> float:
    return float(row.deadline - services.now().timestamp())


def _why_over(connection: Connection, row: Row[Any]) -> str | None:
    """Why a mandate that was sent has failed for good; None while it may still have an effect."""
    if row.state != "sent":
        return None
    columns = admin_operations.c
    operation = connection.execute(
        select(columns.state, columns.error).where(columns.id == row.admin_operation_id)
    ).one()
    if operation.state != "failed":
        return None
    sent = exists().where(transactions.c.admin_operation_id == row.admin_operation_id)
    was_seen = bool(connection.execute(select(sent)).scalar_one())
    if was_seen and row.kind != "redemption" and _final_time(connection) <= row.deadline:
        return None
    return str(operation.error)


def _final_time(connection: Connection) -> float:
    """The time of the final block, unix seconds; 0 before there is one."""
    cursor = read_cursor(connection, "final")
    query = select(blocks.c.timestamp).where(blocks.c.hash == cursor.hash)
    at = connection.execute(query).scalar_one_or_none()
    return 0.0 if at is None else at.timestamp()


def _call(services: ChainServices, row: Row[Any]) -> tuple[str, Mapping[str, Any]]:
    """The administrative operation that brings the mandate to the contract."""
    ends = {"from": row.from_address, "to": row.to_address, "deadline": row.deadline}
    if row.kind == "return":
        return "return_to_custody", ends | {"signature": row.signature}
    own = row.signature or "0x"
    with services.store.read() as connection:
        query = select(member_keys.c.sealed_key).where(
            member_keys.c.member_id == row.member_id, member_keys.c.address == row.from_address
        )
        sealed_key = connection.execute(query).scalar_one_or_none()
    if sealed_key is None and row.from_address != row.to_address:
        raise InvariantBroken("a member's key is not here, and the points would go to another address")
    is_same = row.from_address == row.to_address  # one key, and the member has proved to have it
    ours = own if sealed_key is None or is_same else _signed(services, row, sealed_key)
    signatures = {"from_signature": ours, "to_signature": "0x" if is_same else own}
    return "bind_self_custody", ends | {"expires_at": row.expires_at} | signatures


def _signed(services: ChainServices, row: Row[Any], sealed_key: bytes) -> str:
    bind = Bind(row.to_address, expires_at=row.expires_at, nonce=row.nonce, deadline=row.deadline)
    signature = services.signer().sign_bind(SealedMember(row.from_address, sealed_key), bind)
    return to_hex(for_contract(signature))


def _send(
    connection: Connection, services: ChainServices, row: Row[Any], kind: str, arguments: Mapping[str, Any]
) -> None:
    """Nothing if the mandate was called off, or another worker was faster."""
    tx = Transaction(services.context, connection)
    tx.account(row.member_id)
    if _state(connection, row) == "waiting":
        send(tx, row, kind, arguments, signature=row.signature)


def _end(connection: Connection, services: ChainServices, row: Row[Any], why: str) -> None:
    tx = Transaction(services.context, connection)
    account = tx.account(row.member_id)
    if _state(connection, row) != row.state:
        return
    if row.kind == "redemption":
        fail(tx, row, why)
    else:
        stay(tx, account, row, why)
    tx.flush()


def _state(connection: Connection, row: Row[Any]) -> str:
    return str(connection.execute(select(mandates.c.state).where(mandates.c.id == row.id)).scalar_one())
