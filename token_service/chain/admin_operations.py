"""Administrative operations become transactions, in order: stored with their signed bytes first, sent by push (DESIGN §5).

Only the owner of the chain runs this. An operation that the contract would refuse fails here, with the contract's reason in
words, and costs nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, case, select, update

from token_service.chain import fees, reads
from token_service.chain.admin_calls import calldata_of
from token_service.chain.contract_words import failure, in_words
from token_service.chain.services import ChainServices
from token_service.chain.settlement import finality, indexing, lanes, pushing, tracking
from token_service.chain.settlement.records import Signed, store_signed, unsigned
from token_service.errors import AdminOperationFailed, NodeUnreachable, RpcError
from token_service.ledger.admin_operations import get_operations
from token_service.ledger.refused_ceilings import ChainCeiling
from token_service.ledger.settlement_tables import admin_operations

PER_STEP: Final = 16
"""Operations signed in one step."""
EMBEDDED_SECONDS_MAX: Final = 60.0
FINALITY_SECONDS_MAX: Final = 1_800.0
"""Ethereum's finalized block lies some 15 minutes behind its head."""
_FIRST: Final = ("deploy", "grant_role")
"""Kinds that go before all others: nothing else works without them."""


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted operation."""

    id: str
    kind: str
    arguments: dict[str, Any]


def advance(services: ChainServices) -> int:
    """How many operations were signed or failed. Raises NodeUnreachable, PolicyRefused."""
    with services.store.ask() as connection:
        orders = _accepted(connection)
    if not orders:
        return 0
    with services.store.ask() as connection:
        flying = lanes.in_flight(connection, services.admin)
    done = 0
    for order in orders:
        if services.contract is None and order.kind != "deploy":
            break
        if flying == 0 and not _preflight(services, order):
            done += 1
            continue
        _sign(services, order)
        flying += 1
        done += 1
    return done


def _accepted(connection: Connection) -> list[Order]:
    columns = admin_operations.c
    rank = case(*((columns.kind == kind, place) for place, kind in enumerate(_FIRST)), else_=len(_FIRST))
    query = select(columns.id, columns.kind, columns.arguments).where(columns.state == "accepted")
    return [Order(*row) for row in connection.execute(query.order_by(rank, columns.seq).limit(PER_STEP))]


def _preflight(services: ChainServices, order: Order) -> bool:
    """False if the contract would refuse now: the operation has failed then."""
    if services.contract is None:
        return True
    data = calldata_of(order.kind, order.arguments)
    try:
        reads.call(services.node, to=services.contract, data=data, sender=services.admin)
    except RpcError as error:
        if failure(error) is None and error.data is None:
            raise NodeUnreachable("the chain node cannot try an operation", method="eth_call") from error
        reason = in_words(error)
        ceiling = finality.ceiling_on_chain(services, order.kind, order.arguments)
        services.commit("admin_refused", lambda connection: _refuse(connection, order, reason, ceiling))
        return False
    return True


def _refuse(connection: Connection, order: Order, reason: str, ceiling: ChainCeiling | None) -> None:
    """Nothing if another worker has signed it meanwhile: then the chain decides."""
    mine = select(admin_operations.c.state).where(admin_operations.c.id == order.id).with_for_update()
    if connection.execute(mine).scalar_one() == "accepted":
        finality.fail_operation(connection, order.id, reason, ceiling)


def _sign(services: ChainServices, order: Order) -> None:
    head = reads.head(services.node)
    on_chain = reads.transaction_count(services.node, services.admin)
    with services.store.read() as connection:
        nonce = lanes.next_nonce(connection, services.admin, on_chain)
    is_creation = order.kind == "deploy"
    transaction = unsigned(
        chain_id=services.chain_id,
        nonce=nonce,
        fees=fees.quote(services.node, head, services.limits.max_fee_per_gas),
        gas=fees.DEPLOY_GAS if is_creation else fees.ADMIN_GAS,
        to=None if is_creation else services.contract,
        data=calldata_of(order.kind, order.arguments),
    )
    raw = services.signer().sign_transaction(services.admin, transaction)
    services.commit("admin", lambda connection: _store(connection, order, Signed(services.admin, transaction, raw)))


def _store(connection: Connection, order: Order, signed: Signed) -> None:
    if lanes.next_nonce(connection, signed.sender, 0) > signed.transaction.nonce:
        return  # another worker was faster
    mine = update(admin_operations).where(admin_operations.c.id == order.id, admin_operations.c.state == "accepted")
    if connection.execute(mine.values(state="sent")).rowcount:
        store_signed(connection, signed, purpose="admin", admin_operation_id=order.id)


def drive(services: ChainServices, operation_ids: list[str], *, timeout_seconds: float | None = None) -> None:
    """Returns when these operations are final. For a command that owns the chain while nothing serves.

    Without a timeout it waits for a minute on the embedded chain, and elsewhere for as long as finality may take there.
    Raises AdminOperationFailed with the contract's reason, NodeUnreachable when the time is up.
    """
    memory = pushing.PushMemory()
    if timeout_seconds is None:
        timeout_seconds = EMBEDDED_SECONDS_MAX if services.embedded else FINALITY_SECONDS_MAX
    deadline = services.monotonic() + timeout_seconds
    while True:
        step(services, memory)
        found = get_operations(services.store, operation_ids)
        for operation in found:
            if operation.state == "failed":
                raise AdminOperationFailed(f"{operation.kind}: {operation.error}", operation_id=operation.id)
        if all(operation.state == "final" for operation in found):
            return
        if services.monotonic() > deadline:
            raise NodeUnreachable(
                "an administrative operation is not final yet; run the command again: it goes on where it stopped"
            )
        time.sleep(0.02)


def step(services: ChainServices, memory: pushing.PushMemory) -> int:
    """Everything about what is recorded for the chain but the planning of batches; how much there was to do."""
    done = advance(services)
    done += pushing.push(services, memory)
    done += indexing.index(services)
    done += tracking.track(services)
    return done + finality.finalize(services)
