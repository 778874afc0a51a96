"""Who keeps a member's points: we (`active`, and `closed` accounts), the member in a wallet of their own (`left`), or nobody
says yet (`leaving`).

While a leave or a return is under way, the member's later leaves wait, so that each goes to the address that holds the points
when it is settled (DESIGN §3.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, and_, exists, or_, select

from token_service.ledger.tables import facts, members
from token_service.ledger.wallet_tables import mandates, wallet_accounts

if TYPE_CHECKING:
    from token_service.ledger.accounts import Account
    from token_service.ledger.transaction import Transaction

UNDER_WAY: Final = ("waiting", "sent")
"""States of a mandate that a member has signed and that has not ended."""
STATE_AFTER: Final[Mapping[str, str]] = {
    "leaving": "leaving",
    "left": "left",
    "returned": "active",
    "stays": "active",
    "stays_away": "left",
    "closed": "closed",
    "reopened": "active",
    "merged": "closed",
}
"""The member's state after a fact of these kinds."""
OURS: Final = ("active", "closed")
"""States in which we keep the points."""


def may_expire(tx: Transaction, account: Account) -> bool:
    """Whether the service may take expired points out of the account now (CONTRACT §1: from `selfCustodyExpiresAt` on)."""
    if account.state == "left":
        query = select(wallet_accounts.c.expires_at).where(wallet_accounts.c.address == account.address)
        at = tx.connection.execute(query).scalar_one_or_none() or 0
        return 0 < at <= tx.now.timestamp()
    return account.state in OURS


def whose_points_may_expire(now: datetime) -> ColumnElement[bool]:
    """As `may_expire`, for rows of `members`."""
    date = wallet_accounts.c.expires_at
    has_come = exists().where(wallet_accounts.c.address == members.c.address, date > 0, date <= int(now.timestamp()))
    return or_(members.c.state.in_(OURS), and_(members.c.state == "left", has_come))


def nonce_of(tx: Transaction, address: str) -> int:
    """The next nonce of an account as of the final block."""
    query = select(wallet_accounts.c.nonce).where(wallet_accounts.c.address == address)
    return int(tx.connection.execute(query).scalar_one_or_none() or 0)


def waits_for_the_move(member_id: ColumnElement[str], seq: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a leaf was recorded behind its member's leave or return that has not ended."""
    columns = mandates.c
    return exists().where(columns.member_id == member_id, columns.state.in_(UNDER_WAY), columns.after_seq < seq)


def replayed_state(tx: Transaction, member_id: str) -> str:
    """The member's state as the facts tell it."""
    query = select(facts.c.kind).where(facts.c.member_id == member_id, facts.c.kind.in_(STATE_AFTER))
    last = tx.connection.execute(query.order_by(facts.c.seq.desc()).limit(1)).scalar_one_or_none()
    return "active" if last is None else STATE_AFTER[last]
