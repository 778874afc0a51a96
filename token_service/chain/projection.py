"""What final events of the contract mean for the ledger's own rows: rulesets in force, a pause, an announced end, and what
members do with wallets of their own (ledger/following.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from token_service.chain.services import ChainServices
from token_service.ledger.context import Context
from token_service.ledger.following import EVENTS, WalletEvent, follow, post_waiting
from token_service.ledger.rulesets import accept_published
from token_service.ledger.settlement_tables import blocks, chain_events
from token_service.ledger.tables import program


def project(connection: Connection, context: Context, *, above: int, up_to: int) -> None:
    """Applies the events of the blocks above … up_to, in the chain's order, inside the caller's transaction."""
    columns = chain_events.c
    query = (
        select(chain_events, blocks.c.timestamp)
        .join(blocks, blocks.c.hash == columns.block_hash)
        .where(columns.block_number > above, columns.block_number <= up_to, columns.name.in_([*_PROJECTIONS, *EVENTS]))
        .order_by(columns.block_number, columns.log_index)
    )
    for row in connection.execute(query).all():
        if row.name in EVENTS:
            follow(connection, context, _wallet_event(row))
        else:
            _PROJECTIONS[row.name](connection, row.arguments, row.timestamp)
    post_waiting(connection, context)


def _wallet_event(row: Row[Any]) -> WalletEvent:
    return WalletEvent(
        name=row.name,
        arguments=row.arguments,
        block_hash=row.block_hash,
        log_index=row.log_index,
        block_number=row.block_number,
        block_time=row.timestamp,
        transaction_hash=row.transaction_hash,
    )


def _ruleset_published(connection: Connection, arguments: Mapping[str, Any], block_time: datetime) -> None:
    effective_at = datetime.fromtimestamp(arguments["effective_at"], UTC)
    accept_published(connection, arguments["ruleset_hash"], effective_at=effective_at, published_at=block_time)


def _paused(connection: Connection, arguments: Mapping[str, Any], block_time: datetime) -> None:
    connection.execute(update(program).values(paused=True))


def _unpaused(connection: Connection, arguments: Mapping[str, Any], block_time: datetime) -> None:
    connection.execute(update(program).values(paused=False))


def _sunset_announced(connection: Connection, arguments: Mapping[str, Any], block_time: datetime) -> None:
    connection.execute(update(program).values(sunset_at=datetime.fromtimestamp(arguments["at"], UTC)))


_PROJECTIONS: Final[Mapping[str, Callable[[Connection, Mapping[str, Any], datetime], None]]] = {
    "RulesetPublished": _ruleset_published,
    "AddendumPublished": _ruleset_published,
    "Paused": _paused,
    "Unpaused": _unpaused,
    "SunsetAnnounced": _sunset_announced,
}


def end_pause_that_is_over(services: ChainServices) -> None:
    """A pause ends by itself after its time (CONTRACT §1 "Ending"), without an event: the ledger's flag follows here."""
    with services.store.ask() as connection:
        is_paused = connection.execute(select(program.c.paused)).scalar_one_or_none()
    if not is_paused:
        return
    with services.store.ask() as connection:
        query = select(chain_events.c.arguments).where(chain_events.c.name == "Paused")
        newest = connection.execute(
            query.order_by(chain_events.c.block_number.desc(), chain_events.c.log_index.desc()).limit(1)
        ).scalar_one_or_none()
    if newest is not None and datetime.fromtimestamp(newest["until"], UTC) <= services.now():
        services.commit("pause_over", lambda connection: connection.execute(update(program).values(paused=False)))
