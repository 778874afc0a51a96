"""Naming a request twice (API.md): the Idempotency-Key header around a use case, and what a replay answers.

The fact itself is named by `reference`, inside the use case. The key's scope is the merchant, or the admin; its content is
the method, the path and the resolved body, of which only a hash is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from flask import Response, request

from token_service.api.access import caller
from token_service.api.answers import Answer, Moved, moved, respond
from token_service.api.input import Body
from token_service.api.services import ledger
from token_service.errors import InvalidInput, Place
from token_service.ledger import idempotency
from token_service.ledger.context import Context
from token_service.ledger.views import Outcome

T = TypeVar("T")
M = TypeVar("M", bound=Moved)

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotent-Replayed"
KEY_LENGTH_MAX: Final = 255


def idempotency_key() -> str | None:
    """The header's value, or None. Raises InvalidInput unless it is 1 to 255 printable ASCII characters."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        detail = f"{HEADER} is 1 to {KEY_LENGTH_MAX} printable ASCII characters."
        raise InvalidInput(detail, places=(Place(HEADER, detail),))
    return key


def answer_once(
    run: Callable[[Context], T],
    *,
    body: Body,
    present: Callable[[T], Answer],
    ids: Callable[[T], list[str]],
    load: Callable[[Context, list[str]], T],
    status: Callable[[T], int] = lambda _value: 201,
) -> Response:
    """Run a use case once for its Idempotency-Key (always, without one) and answer it, replays with the first status."""
    key = idempotency_key()
    if key is None:
        value = run(ledger())
        return respond(present(value), status(value), _replayed(known=status(value) == 200))
    once = idempotency.once(ledger(), _scope(), key, _content(body), status, run, ids, load)
    return respond(present(once.value), once.status, _replayed(known=once.replayed or once.status == 200))


def answer_move(run: Callable[[Context], Outcome[T]], *, body: Body, shape: type[M], name: str) -> Response:
    """Answer a use case that moves points: 201, or 200 when the reference was known with the same content.

    A replay asks the use case again: the reference finds the first object with what it answered.
    """
    return answer_once(
        run,
        body=body,
        present=lambda outcome: moved(shape, outcome, name=name),
        ids=lambda outcome: [outcome.value.id],  # type: ignore[attr-defined]
        load=lambda context, _ids: run(context),
        status=lambda outcome: 200 if outcome.replayed else 201,
    )


def answer_many(run: Callable[[Context], T], *, body: Body, present: Callable[[T], Answer]) -> Response:
    """Answer a batch, always with 200. A replay finds the items that were done, by their names, and tries the rest again."""
    key = idempotency_key()
    if key is None:
        return respond(present(run(ledger())))
    once = idempotency.once(
        ledger(), _scope(), key, _content(body), 200, run, lambda _done: [], lambda context, _ids: run(context)
    )
    return respond(present(once.value), 200, _replayed(known=once.replayed))


def _scope() -> str:
    return caller().merchant_id or "admin"


def _content(body: Body) -> dict[str, object]:
    return {"method": request.method, "path": request.path, "body": body.model_dump(mode="json", exclude_none=True)}


def _replayed(*, known: bool) -> dict[str, str]:
    return {REPLAYED_HEADER: "true"} if known else {}
