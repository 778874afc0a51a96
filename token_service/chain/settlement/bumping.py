"""Bump: the transaction that holds up an account gets higher fees: same nonce, same payload (DESIGN §5, rule B)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Row, func, select

from token_service.chain import fees, reads
from token_service.chain.fees import Fees, Market
from token_service.chain.services import ChainServices
from token_service.chain.settlement.lanes import IN_FLIGHT, lane_of
from token_service.chain.settlement.pushing import Pending, PushMemory, pending
from token_service.chain.settlement.records import Signed, store_attempt, unsigned
from token_service.chain.settlement.spending import block_for_budget, block_for_fees, commit_spending, is_in_budget
from token_service.ledger.settlement_tables import attempts, transactions


def bump(services: ChainServices, memory: PushMemory, accounts: Collection[str] | None = None) -> int:
    """How many replacements were signed for these accounts (None: for all); push sends them. At the fee ceiling the old bytes
    just go on being sent, and the lane plans nothing new.
    """
    with services.store.ask() as connection:
        rows = pending(connection, accounts)
    lowest: dict[str, Pending] = {}
    for row in rows:
        lowest.setdefault(row.operator, row)
    return sum(_replace(services, memory, row) for row in lowest.values() if _is_stuck(services, memory, row))


def _is_stuck(services: ChainServices, memory: PushMemory, row: Pending) -> bool:
    if row.transaction_id in memory.too_cheap:
        return True
    sent = memory.first_sent.get(row.transaction_id)
    return sent is not None and services.monotonic() - sent >= services.limits.bump_after_seconds


def _replace(services: ChainServices, memory: PushMemory, row: Pending) -> bool:
    market = fees.market(services.node, reads.head(services.node))
    if reads.transaction_count(services.node, row.operator) > row.nonce:
        return False
    with services.store.read() as connection:
        old = _newest(connection, row.attempt_id)
        lane = lane_of(connection, row.operator)
    was = Fees(old.max_fee_per_gas, old.max_priority_fee_per_gas)
    now = _raised(services, market, was)
    memory.first_sent[row.transaction_id] = services.monotonic()
    memory.too_cheap.discard(row.transaction_id)
    if now is None:
        if lane is not None and market.price > was.max_fee_per_gas:
            block_for_fees(services, lane, market, services.limits.max_fee_per_gas)
        return False
    dearer = old.gas * (now.max_fee_per_gas - was.max_fee_per_gas)
    if lane is not None and not is_in_budget(services, dearer):
        block_for_budget(services, lane)
        return False
    transaction = unsigned(
        chain_id=services.chain_id, nonce=row.nonce, fees=now, gas=old.gas, to=old.to, data=bytes(old.data)
    )
    raw = services.signer().sign_transaction(row.operator, transaction)
    signed = Signed(row.operator, transaction, raw)

    def store(connection: Connection) -> bool:
        return _store(connection, signed, row, bump=old.bump + 1)

    if lane is None:
        return services.commit("bump", store)
    stored = commit_spending(services, "bump", lane, dearer, store)
    if stored is None:
        memory.too_cheap.add(row.transaction_id)  # the next pass looks again
    return bool(stored)


def _raised(services: ChainServices, market: Market, was: Fees) -> Fees | None:
    """None at the ceiling: no replacement would be taken."""
    ceiling = market.ceiling_of_replacements(services.limits.max_fee_per_gas)
    return was.bumped(market.fees(ceiling), ceiling)


def _store(connection: Connection, signed: Signed, row: Pending, *, bump: int) -> bool:
    """False if another worker was faster, or the transaction is in a block by now."""
    mine = select(transactions.c.state).where(transactions.c.id == row.transaction_id).with_for_update()
    if connection.execute(mine).scalar_one() not in IN_FLIGHT:
        return False
    newest = select(func.max(attempts.c.bump)).where(attempts.c.transaction_id == row.transaction_id)
    if connection.execute(newest).scalar_one() >= bump:
        return False
    store_attempt(connection, signed, row.transaction_id, bump=bump)
    return True


def _newest(connection: Connection, attempt_id: int) -> Row[int, int, int, int, str | None, bytes]:
    columns = attempts.c
    query = select(
        columns.bump, columns.gas, columns.max_fee_per_gas, columns.max_priority_fee_per_gas, transactions.c.to,
        transactions.c.data,
    ).join(transactions, transactions.c.id == columns.transaction_id)  # fmt: skip
    return connection.execute(query.where(columns.id == attempt_id)).one()
