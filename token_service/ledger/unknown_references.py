"""References that the chain may know and the ledger does not, because an old ledger was restored (docs/operators.md).

While that is so, nothing new is accepted under them: a till that sends its tickets again would be paid twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select, update

from token_service.errors import ReferencesUnknown
from token_service.ledger.repair_tables import repairs
from token_service.ledger.settlement_tables import lanes
from token_service.ledger.tables import program
from token_service.ledger.transaction import Transaction

ALL: Final = "*"
CHAIN_AHEAD: Final = "chain_ahead"
"""The code of a lane whose batches on the chain the ledger does not know."""
RETRY_SECONDS: Final = 60


def check(tx: Transaction, merchant_id: str) -> None:
    """Raises ReferencesUnknown while references of this merchant may name what only the chain knows."""
    unknown: list[str] | None = tx.program.unknown_references
    if unknown and (ALL in unknown or merchant_id in unknown):
        raise ReferencesUnknown(
            "a backup was restored, and what was recorded after it is not known yet; try again later",
            retry_after_seconds=RETRY_SECONDS,
        )


def is_behind(connection: Connection) -> bool:
    """Whether the chain has batches that the ledger does not know: nothing that is due is done until it is repaired."""
    behind = lanes.c.state == "halted", lanes.c.reason_code == CHAIN_AHEAD
    return connection.execute(select(lanes.c.number).where(*behind).limit(1)).first() is not None


def note_behind(connection: Connection) -> None:
    """The chain is ahead of the ledger: until it is repaired any reference may be one of the gap's."""
    connection.execute(update(program).values(unknown_references=[ALL]))


def settle(connection: Connection) -> None:
    """What is unknown is again what the lanes and the repairs that nobody decided about say."""
    columns = repairs.c
    undecided = select(columns.unknown_merchants).where(columns.accepted_at.is_(None))
    found = {merchant for merchants in connection.execute(undecided).scalars() for merchant in merchants}
    if is_behind(connection):
        found.add(ALL)
    connection.execute(update(program).values(unknown_references=_shortest(found)))


def _shortest(merchants: Iterable[str]) -> list[str] | None:
    found = sorted(merchants)
    return [ALL] if ALL in found else found or None
