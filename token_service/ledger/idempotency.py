"""The Idempotency-Key of a request: run once, answered again for ever (API.md "Naming an operation twice").

The key is remembered in the same transaction as what the use case does: both happen, or neither. Kept are the
content's hash, the ids of the objects and the status; never bodies. A refused request is not remembered, since its
transaction is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, insert, select

from token_service.errors import IdempotencyKeyReused
from token_service.ledger.context import Context
from token_service.ledger.operations import content_hash
from token_service.ledger.store import JoinedStore
from token_service.ledger.tables import idempotency_keys

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Once(Generic[Value]):
    """What the request is answered, with the status of the first time."""

    value: Value
    status: int
    replayed: bool


def once(  # noqa: PLR0917 (the api's one caller reads best in this order)
    context: Context,
    scope: str,
    key: str,
    content: Any,
    status: int | Callable[[Value], int],
    run: Callable[[Context], Value],
    ids: Callable[[Value], list[str]],
    load: Callable[[Context, list[str]], Value],
) -> Once[Value]:
    """Runs `run` unless this key was used in this scope (a merchant's id, or "admin"); then `load` answers.

    `run` and `load` must use the context they are given. Raises IdempotencyKeyReused when the content was another.
    """
    hash_ = content_hash({"content": content})

    def work(connection: Connection) -> Once[Value]:
        joined = replace(context, store=JoinedStore(context.store, connection))
        known = _known(connection, scope, key)
        if known is not None:
            if known.content_hash != hash_:
                raise IdempotencyKeyReused("this Idempotency-Key came with another request before")
            return Once(load(joined, list(known.object_ids)), known.status, replayed=True)
        value = run(joined)
        answered = status(value) if callable(status) else status
        connection.execute(
            insert(idempotency_keys).values(
                scope=scope,
                key=key,
                content_hash=hash_,
                status=answered,
                object_ids=ids(value),
                created_at=context.now(),
            )
        )
        return Once(value, answered, replayed=False)

    return context.store.transact(work)


def _known(connection: Connection, scope: str, key: str) -> Any:
    columns = idempotency_keys.c
    return connection.execute(
        select(columns.content_hash, columns.status, columns.object_ids).where(
            columns.scope == scope, columns.key == key
        )
    ).one_or_none()
