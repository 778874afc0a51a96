"""A member takes the very key of their points: after a time to think, under a passphrase of their own (DESIGN §3.8).

It is given as often as it takes until the member has signed with it: that proves that they have it. Then the points are bound to
the same address and our copy is deleted, so that nobody else can spend them. Until that signature two have the key, and the page
says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from token_service.errors import Conflict
from token_service.ledger import operations, tables, views
from token_service.ledger.context import Actor, Context
from token_service.ledger.leaving import asking, date_of_expiry, has_own_key, open_mandate
from token_service.ledger.mandates import visible_row
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.wallet_tables import mandates
from token_service.protocol.binds import SealedMember

TAKEN_WITHIN: Final = timedelta(days=7)


def ask_for_key(context: Context, actor: Actor, member_id: str, cooling_off: timedelta) -> views.Mandate:
    """The mandate to take the key by, `cooling_off` from now at the earliest and a week after that at the latest.

    Raises NotFound, Conflict when the key is the member's already or something is under way, MemberFrozen, MemberLeaving.
    """

    def work(tx: Transaction) -> views.Mandate:
        account = asking(tx, actor, member_id)
        operations.check_spending(account)
        if has_own_key(tx, account.id):
            raise Conflict("the key of this member's points is the member's already")
        ready_at = tx.now + cooling_off
        row = {
            "to_address": account.address,
            "expires_at": date_of_expiry(tx, account),
            "ready_at": ready_at,
            "deadline": int((ready_at + TAKEN_WITHIN).timestamp()),
        }
        return open_mandate(tx, actor, account, "leave", row)

    return write(context, work)


def key_to_show(context: Context, actor: Actor, mandate_id: str) -> SealedMember:
    """The sealed key, for the signer to open; that it was asked for is kept. Raises NotFound, Conflict before its time or after
    it.
    """

    def work(tx: Transaction) -> SealedMember:
        row = visible_row(tx, actor, mandate_id)
        account = tx.account(row.member_id)
        operations.check_spending(account)
        is_time = row.ready_at is not None and row.ready_at <= tx.now and tx.now.timestamp() < row.deadline
        if row.state != "unsigned" or not is_time:
            raise Conflict("this key cannot be taken now")
        query = select(tables.member_keys.c.sealed_key).where(
            tables.member_keys.c.member_id == account.id, tables.member_keys.c.address == row.from_address
        )
        sealed_key = tx.connection.execute(query).scalar_one_or_none()
        if sealed_key is None:
            raise Conflict("the key of this member's points is the member's already")
        if row.exported_at is None:
            mine = update(mandates).where(mandates.c.id == row.id)
            tx.connection.execute(mine.values(exported_at=tx.now))
        return SealedMember(account.address, sealed_key)

    return write(context, work)
