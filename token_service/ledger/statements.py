"""The statement: a member's entries, each with what it was for and where it stands on the chain. It sums to the
balance.
"""

from __future__ import annotations

from sqlalchemy import select

from token_service.errors import NotFound
from token_service.ledger import cursors, tables, views
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.entry_views import entry_query, entry_view, fact_query, fact_view
from token_service.ledger.transaction import Transaction, read


def list_entries(
    context: Context,
    actor: Actor,
    member_id: str,
    *,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
    newest_first: bool = True,
) -> views.Page[views.EntryView]:
    """Entries in the order in which they were recorded, newest first unless told. Raises NotFound."""
    cursors.check_limit(limit)
    columns = tables.entries.c
    query = entry_query().limit(limit + 1)
    query = query.order_by(columns.seq.desc() if newest_first else columns.seq)
    if cursor is not None:
        place = cursors.decode_number(cursor)
        query = query.where(columns.seq < place if newest_first else columns.seq > place)

    def work(tx: Transaction) -> views.Page[views.EntryView]:
        account = visible_account(tx, actor, member_id)
        rows = tx.connection.execute(query.where(columns.member_id == account.id)).all()
        return cursors.page(rows, limit, "seq", lambda row: entry_view(tx, row))

    return read(context, work)


def get_entry(context: Context, actor: Actor, entry_id: str) -> views.EntryView:
    """One entry (ent_) or fact (fct_) of a member that the actor may see. Raises NotFound."""

    def work(tx: Transaction) -> views.EntryView:
        is_fact = entry_id.startswith("fct_")
        table = tables.facts if is_fact else tables.entries
        member_id = tx.connection.execute(select(table.c.member_id).where(table.c.id == entry_id)).scalar_one_or_none()
        if member_id is None:
            raise NotFound("no such entry")
        visible_account(tx, actor, tx.heir(tx.account(member_id)).id)
        query = (fact_query() if is_fact else entry_query()).where(table.c.id == entry_id)
        row = tx.connection.execute(query).one()
        return fact_view(tx, row) if is_fact else entry_view(tx, row)

    return read(context, work)
