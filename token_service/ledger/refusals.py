"""What limits, ceilings and freezes refused, newest first; forgotten 400 days after it last happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, delete, func, select

from token_service.ledger import cursors, views
from token_service.ledger.context import Actor, Context
from token_service.ledger.refusal_tables import refusals
from token_service.ledger.store import Store
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.views import DueReport

KEPT: Final = timedelta(days=400)
CHUNK: Final = 1_000
_columns = refusals.c


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was asked for and refused with `code`, so many `times`; `key` names the limit, `points` as many as were asked for."""

    seq: int
    merchant_id: str | None
    actor: str
    kind: str
    reference: str | None
    code: str
    key: str | None
    points: int | None
    times: int
    first_at: datetime
    last_at: datetime


def list_refusals(
    context: Context,
    actor: Actor,
    *,
    merchant_id: str | None = None,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
) -> views.Page[Refusal]:
    """Newest first: all of them, or a merchant's; a merchant sees its own. Raises InvalidInput, NotFound, Forbidden."""
    cursors.check_limit(limit)
    query: Any = select(refusals).order_by(_columns.seq.desc()).limit(limit + 1)
    wanted = merchant_id if actor.is_admin else actor.acting_merchant(merchant_id)
    if wanted is not None:
        query = query.where(_columns.merchant_id == wanted)
    if cursor is not None:
        query = query.where(_columns.seq < cursors.decode_number(cursor))
    with context.store.read() as connection:
        rows = connection.execute(query).all()
    return cursors.page(rows, limit, "seq", _view)


def refusals_by_code(store: Store) -> dict[str, int]:
    """How often each code was answered, of what is remembered."""
    query = select(_columns.code, func.sum(_columns.times)).group_by(_columns.code).order_by(_columns.code)
    with store.read() as connection:
        return {code: int(times) for code, times in connection.execute(query)}


def forget_old(context: Context, report: DueReport, _place: str) -> tuple[DueReport, str | None]:
    """One chunk of refusals that last happened long ago, gone."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        old = select(_columns.seq).where(_columns.last_at <= tx.now - KEPT).order_by(_columns.seq).limit(CHUNK)
        found = list(tx.connection.execute(old).scalars())
        if found:
            tx.connection.execute(delete(refusals).where(_columns.seq.in_(found)))
        return report, str(found[-1]) if len(found) == CHUNK else None

    return write(context, work)


def next_forgetting_at(tx: Transaction) -> datetime | None:
    """When the oldest one is forgotten."""
    first = tx.connection.execute(select(func.min(_columns.last_at))).scalar_one_or_none()
    return None if first is None else first + KEPT


def _view(row: Row[Any]) -> Refusal:
    return Refusal(**{name: row._mapping[name] for name in Refusal.__slots__})
