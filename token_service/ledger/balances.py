"""What a member has: available, pending, held, owed, expiring, over a lifetime, and on the chain (API.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import case, func, select

from token_service.ledger import stored_lots, views
from token_service.ledger.accounts import Account
from token_service.ledger.context import Actor, Context
from token_service.ledger.settlement_tables import cursors, leaves
from token_service.ledger.transaction import Transaction, read
from token_service.program.lots import Lot
from token_service.units import CREDIT_KINDS


def get_balance(context: Context, actor: Actor, member_id: str) -> views.Balance:
    """A member's points. Raises NotFound for a member that the actor may not see."""
    return read(context, lambda tx: balance_of(tx, visible_account(tx, actor, member_id)))


def visible_account(tx: Transaction, actor: Actor, member_id: str) -> Account:
    """The account, if the actor may see it: an admin all, a merchant those it is linked to, a member their own."""
    merchant_id = None if actor.is_admin or actor.member_id == member_id else actor.acting_merchant(None)
    return tx.member_of(merchant_id, member_id=member_id, external_id=None)


def balance_of(tx: Transaction, account: Account) -> views.Balance:
    """The balance of a loaded account, with what the transaction has changed so far."""
    unsettled, waits = _unsettled(tx, account.id)
    lots = stored_lots.open_lots(tx, account)
    return views.Balance(
        available=account.available,
        pending=account.pending,
        held=account.held,
        debt=account.debt,
        expiring=_expiring(lots),
        lifetime=views.Lifetime(
            issued=account.issued, redeemed=account.redeemed, expired=account.expired, reversed=account.reversed
        ),
        on_chain=views.OnChain(
            address=account.address,
            points=account.balance - unsettled - _staged(tx, account.id),
            block=tx.connection.execute(select(cursors.c.number).where(cursors.c.name == "final")).scalar_one_or_none(),
            settled=not waits,
        ),
    )


def _expiring(lots: Iterable[Lot]) -> tuple[views.ExpiringPoints, ...]:
    dates: dict[datetime, int] = {}
    for lot in lots:
        if lot.expires_at is not None and lot.left:
            dates[lot.expires_at] = dates.get(lot.expires_at, 0) + lot.left
    return tuple(views.ExpiringPoints(points=dates[at], at=at) for at in sorted(dates))


def _unsettled(tx: Transaction, member_id: str) -> tuple[int, bool]:
    """Signed points of entries on their way to the chain, and whether anything is."""
    signed = case((leaves.c.kind.in_([int(kind) for kind in CREDIT_KINDS]), leaves.c.amount), else_=-leaves.c.amount)
    query = select(func.coalesce(func.sum(signed), 0), func.count()).where(
        leaves.c.member_id == member_id, leaves.c.state.in_(("accepted", "batched", "mined"))
    )
    points, count = tx.connection.execute(query).one()
    return int(points), bool(count)


def _staged(tx: Transaction, member_id: str) -> int:
    """Points of entries that a simulation has posted and nobody will write."""
    if tx.is_flushed:
        return 0
    return sum(entry.points for entry in tx.staged.entries if entry.member_id == member_id)
