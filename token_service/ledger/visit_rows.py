"""The visits that a member's purchases were, read at once where the rules count them (docs/rulesets.md "visits")."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, bindparam, case, cast, func, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from token_service.ledger import direct, tables
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.staged import PurchaseState
from token_service.ledger.transaction import Transaction
from token_service.program.facts import PurchaseFacts, VisitFacts
from token_service.program.visits import Visited

_purchases = tables.purchases.c
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _text(*columns: ColumnElement[Any]) -> ColumnElement[str]:
    """Their values as one text, apart by spaces."""
    first, *others = (cast(column, Text) for column in columns)
    whole: ColumnElement[str] = first
    for one in others:
        whole = whole.op("||")(literal_column("' '")).op("||")(one)
    return whole


class _Listed(FunctionElement[str]):
    """The texts of all rows in one, apart by commas. SQLAlchemy's own says the comma as a value that direct.py does not know."""

    type = Text()
    inherit_cache = True
    name = "listed"


@compiles(_Listed, "postgresql")
def _string_agg(element: _Listed, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **keywords)}, ',')"


@compiles(_Listed, "sqlite")
def _group_concat(element: _Listed, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **keywords)}, ',')"


_ALL: Final = _Listed(
    _text(
        _purchases.occurred_at,
        _purchases.local_date,
        _purchases.visit_number,
        _purchases.visit_receipt,
        _purchases.tier_orders,
    )
)
_VISITED: Final = select(_ALL.label("visited")).where(
    _purchases.member_id == bindparam("member_id"), _purchases.visit_number.is_not(None)
)
_VISITED_BY_MANY: Final = (
    select(_purchases.member_id, _ALL.label("visited"))
    .where(among(_purchases.member_id, "member_ids"), _purchases.visit_number.is_not(None))
    .group_by(_purchases.member_id)
)
VISITED: Final = case((func.row_number().over() == literal_column("1"), _VISITED.scalar_subquery())).label("visited")
"""The visits of :member_id in one of a query's rows, not in each."""


def remember_visited(tx: Transaction, account: Account, rows: Sequence[Any]) -> None:
    """Keeps what a query with `VISITED` found, and what this transaction recorded."""
    stored = _parsed(next((row.visited for row in rows if row.visited is not None), None))
    own = [one for one in tx.staged.purchases if one.member_id == account.id and one.visit_number is not None]
    account.visited = [*stored, *map(_of_state, own)]


def read_visited(tx: Transaction, accounts: Sequence[Account]) -> None:
    """The visits of many members in one query, before anything is staged for them."""
    unread = {account.id: account for account in accounts if account.visited is None}
    for account in unread.values():
        account.visited = []
    if unread:
        for row in direct.ask(tx.connection, _VISITED_BY_MANY, {"member_ids": list(unread)}):
            unread[row.member_id].visited = _parsed(row.visited)


def visited(tx: Transaction, account: Account) -> Sequence[Visited]:
    """What each of the member's purchases was, as it stands after its refunds; those of this transaction, too."""
    if account.visited is None:
        remember_visited(tx, account, direct.ask(tx.connection, _VISITED, {"member_id": account.id}))
    return account.visited or ()


def count_visit(account: Account, facts: PurchaseFacts) -> None:
    """Adds a purchase to the visits, if those were read."""
    if account.visited is not None:
        account.visited.append(Visited(facts.occurred_at, facts.local.date, facts.visit))


def _of_state(state: PurchaseState) -> Visited:
    visit = VisitFacts(state.visit_number or 0, state.visit_receipt or 0)
    return Visited(state.occurred_at, state.local_date, visit, is_kept=bool(state.tier_orders))


def _parsed(text: str | None) -> list[Visited]:
    found = []
    for one in text.split(",") if text else ():
        at, date, number, receipt, orders = one.split(" ")
        occurred_at = _EPOCH + timedelta(microseconds=int(at))
        found.append(Visited(occurred_at, date, VisitFacts(int(number), int(receipt)), is_kept=orders != "0"))
    return found
