"""Telling a member something: a row beside what causes it, in the same transaction (program/notices.py: what there is to tell).

Who has read it, and who sends it on, is not the ledger's: a merchant's mail system asks for what is new (notice_lists.py). A
notice moves nothing and is no leaf.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from token_service.ledger import direct
from token_service.ledger.accounts import Account
from token_service.ledger.notice_tables import notices
from token_service.ledger.staged import Notice
from token_service.ledger.transaction import Transaction


def tell(
    tx: Transaction, member_id: str, kind: str, *, cause: str, data: Mapping[str, Any], at: datetime | None = None
) -> None:
    """Stages a notice as of now, or `at`. The caller knows that there is none of this kind and cause: it makes the cause itself,
    or has looked while the member is locked.
    """
    tx.staged.notices.append(Notice(tx.new_id("ntc"), member_id, kind, cause, at or tx.now, dict(data)))


def look_by(account: Account, at: datetime | None) -> None:
    """There may be something to tell at that instant: it is looked at then, if not before."""
    if at is not None and (account.notice_due_at is None or at < account.notice_due_at):
        account.notice_due_at, account.is_changed = at, True


def write_notices(tx: Transaction) -> None:
    """Writes what this transaction tells."""
    rows = [{name: getattr(row, name) for name in row.__slots__} for row in tx.staged.notices]
    direct.append(tx.connection, notices, rows)
