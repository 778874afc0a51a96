"""How far the chain was read: `indexed` is the newest block taken in, `final` the newest that can no longer change."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from token_service.errors import NotInitialised
from token_service.ledger.settlement_tables import cursors


@dataclass(frozen=True, slots=True)
class Cursor:
    """A block by height and hash."""

    number: int
    hash: str


def read_cursor(connection: Connection, name: str, *, lock: bool = False) -> Cursor:
    """Raises NotInitialised before the contract is deployed."""
    query = select(cursors.c.number, cursors.c.hash).where(cursors.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotInitialised("the contract is not deployed yet: run `mereau deploy`")
    return Cursor(*row)


def set_cursor(connection: Connection, name: str, number: int, block_hash: str) -> None:
    """Moves the cursor, or makes it. Updated in place, so that whoever waits for the row finds it."""
    place = {"number": number, "hash": block_hash}
    if not connection.execute(update(cursors).where(cursors.c.name == name).values(**place)).rowcount:
        connection.execute(insert(cursors).values(name=name, **place))
