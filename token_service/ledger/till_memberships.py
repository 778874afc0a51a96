"""Paid memberships as a till meets them: periods sold or refunded today. They are events and reversals among the operations; the
table of periods says which of those.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, FromClause, and_, case, cast, exists, func, select

from token_service.ledger.membership_tables import member_memberships
from token_service.ledger.tables import operations
from token_service.ledger.till_lines import Tally
from token_service.ledger.transaction import Transaction

SOLD: Final = "membership"
REFUNDED: Final = "membership_refund"
_KINDS: Final = {"event": SOLD, "reversal": REFUNDED}
_columns, _periods = operations.c, member_memberships.c
_PERIOD_OF: Final = case((_columns.kind == "reversal", _columns.parent_id), else_=_columns.id)
"""The event whose period an operation sold, or refunded."""


def _is_known(operation_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists(select(1).where(_periods.operation_id == operation_id).correlate(operations))


IS_SALE: Final = and_(_columns.kind == "event", _is_known(_columns.id))
IS_OTHER: Final = ~and_(_columns.kind.in_(_KINDS), _is_known(_PERIOD_OF))
"""Neither sold nor refunded a membership."""


def with_periods(joined: FromClause) -> FromClause:
    """Operations, joined to the period that each sold or refunded, if it did."""
    return joined.outerjoin(member_memberships, _periods.operation_id == _PERIOD_OF)


def kind_of(kind: str, membership: str | None) -> str:
    """An operation's kind as the till calls it."""
    return kind if membership is None else _KINDS[kind]


def points_of(kind: str, result: dict[str, Any]) -> int:
    """Signed points of a sale, or of a refund: what it took back or left owed."""
    return int(result["points"]) if kind == SOLD else -int(result["reversed"] + result["debt"])


def tallies(tx: Transaction, mine: list[ColumnElement[bool]]) -> dict[str, Tally]:
    """The sums of both kinds, by kind; those that there are."""

    def total(name: str) -> ColumnElement[Any]:
        return func.coalesce(func.sum(cast(_columns.result[name].as_string(), BigInteger)), 0)

    taken = total("reversed") + total("debt")
    query = select(_columns.kind, func.count(), total("points"), taken, func.sum(_periods.paid))
    query = query.select_from(operations.join(member_memberships, _periods.operation_id == _PERIOD_OF))
    query = query.where(*mine, _columns.kind.in_(_KINDS)).group_by(_columns.kind)
    found = {}
    for kind, count, given, back, paid in tx.connection.execute(query):
        name = _KINDS[kind]
        found[name] = Tally(name, count, int(given) if name == SOLD else -int(back), int(paid))
    return found
