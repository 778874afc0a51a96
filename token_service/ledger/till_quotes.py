"""What a till asked members who keep their own points to sign, and still waits for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import or_, select

from token_service.ledger import views
from token_service.ledger.context import Context
from token_service.ledger.mandate_views import mandate_view
from token_service.ledger.staff import Person
from token_service.ledger.transaction import Transaction, read
from token_service.ledger.wallet_tables import mandates

LISTED_MAX: Final = 5


def open_quotes(context: Context, person: Person, member_id: str) -> tuple[views.Mandate, ...]:
    """What this person's merchant asked of the member that may still be signed, or is on its way; the newest five."""
    columns = mandates.c
    mine = columns.merchant_id == person.actor.acting_merchant(None), columns.member_id == member_id
    query = select(mandates).where(*mine).order_by(columns.seq.desc()).limit(LISTED_MAX)

    def work(tx: Transaction) -> tuple[views.Mandate, ...]:
        in_time = (columns.state == "unsigned") & (columns.deadline > int(tx.now.timestamp()))
        rows = tx.connection.execute(query.where(or_(in_time, columns.state == "sent")))
        return tuple(mandate_view(tx, row) for row in rows)

    return read(context, work)
