"""Orders to the contract's administration: recorded here by whoever decides, signed and sent in order by the chain's
owner.

Arguments by kind (JSON): register_party {party, name, ceiling_points, period_seconds} · set_ceiling {party,
ceiling_points, period_seconds} · publish_ruleset {hash, uri, effective_at} · publish_addendum {base_hash, hash, uri}
· pause {} · unpause {} · set_frozen {account, frozen} · set_debit_limit {operator, points} · announce_sunset {at} ·
grant_role {role, account} · revoke_role {role, account} · deploy {…}. Times are unix seconds.

What members sign needs no role, anyone may relay it, and we pay: bind_self_custody {from, to, expires_at, deadline,
from_signature, to_signature} · return_to_custody {from, to, deadline, signature} · redeem_with_signature {account, points,
merchant, reward, deadline, signature}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select

from token_service.errors import InvalidInput
from token_service.ledger.settlement_tables import admin_operations
from token_service.ledger.store import Store

ROLE_OF_KIND: Final[Mapping[str, str]] = {
    "deploy": "admin",
    "grant_role": "admin",
    "revoke_role": "admin",
    "register_party": "issuers",
    "set_ceiling": "issuers",
    "set_debit_limit": "issuers",
    "publish_ruleset": "rules",
    "publish_addendum": "rules",
    "pause": "guard",
    "unpause": "guard",
    "set_frozen": "guard",
    "announce_sunset": "admin",
    "bind_self_custody": "relay",
    "return_to_custody": "relay",
    "redeem_with_signature": "relay",
}


@dataclass(frozen=True, slots=True)
class AdminOperation:
    """One order and how far it is: accepted → sent → final | failed; `error` says in words why it failed."""

    id: str
    kind: str
    arguments: dict[str, object]
    state: str
    error: str | None


def enqueue(
    connection: Connection, *, operation_id: str, kind: str, arguments: Mapping[str, object], created_at: datetime
) -> None:
    """Records the order in the caller's transaction. Raises InvalidInput for an unknown kind."""
    if kind not in ROLE_OF_KIND:
        raise InvalidInput("no such administrative operation")
    connection.execute(
        insert(admin_operations).values(
            id=operation_id,
            kind=kind,
            role=ROLE_OF_KIND[kind],
            arguments=dict(arguments),
            state="accepted",
            created_at=created_at,
        )
    )


def unfinished(store: Store) -> list[AdminOperation]:
    """The orders that are neither final nor failed, in order."""
    return _select(store, admin_operations.c.state.in_(("accepted", "sent")))


def get_operations(store: Store, ids: list[str]) -> list[AdminOperation]:
    """The orders with these ids, in order."""
    return _select(store, admin_operations.c.id.in_(ids))


def _select(store: Store, condition: object) -> list[AdminOperation]:
    columns = admin_operations.c
    query = select(columns.id, columns.kind, columns.arguments, columns.state, columns.error).order_by(columns.seq)
    with store.read() as connection:
        return [AdminOperation(*row) for row in connection.execute(query.where(condition))]  # type: ignore[arg-type]
