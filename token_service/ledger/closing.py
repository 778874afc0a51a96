"""A member's account closed and opened again: nothing more is earned or used with it meanwhile; its history stays.

What was awarded before and only waits for its return window still becomes points of the closed account, and its points expire as
any. A purchase made before can still be given back.
"""

from __future__ import annotations

from typing import Final

from token_service.errors import Conflict
from token_service.ledger import checks, operations, views
from token_service.ledger.accounts import Account
from token_service.ledger.adjustments import adjust_in
from token_service.ledger.context import Actor, Context
from token_service.ledger.hold_rows import check_nothing_held
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.leaving import set_state
from token_service.ledger.members import member_view
from token_service.ledger.posting import fact, sweep_expired
from token_service.ledger.standing_facts import give
from token_service.ledger.transaction import Transaction, write

REFERENCE: Final = "closing"
"""How the reference of the adjustment begins that takes what is left."""


def close_member(context: Context, actor: Actor, member_id: str, reason: str, *, forfeit: bool = False) -> views.Member:
    """The member, closed. Points that are left are lost with `forfeit`, by an adjustment with this reason. Repeatable.

    Raises Forbidden for anybody but an admin, Conflict when points are left (`available`) or held, MemberFrozen, MemberLeaving
    while the points are not in our keeping, ApprovalNeeded when so many points are not one person's to take, InvalidInput.
    """
    actor.need_admin()

    def work(tx: Transaction) -> views.Member:
        checks.text("/reason", reason)
        account = tx.member_of(None, member_id=member_id, external_id=None)
        if account.state != "closed":
            _close(tx, account, actor, reason, forfeit=forfeit)
        return member_view(tx, account, actor.merchant_id)

    return write(context, work)


def reopen_member(context: Context, actor: Actor, member_id: str, reason: str) -> views.Member:
    """The member, as before, without what was taken then. Repeatable. Raises Forbidden, InvalidInput, NotFound."""
    actor.need_admin()

    def work(tx: Transaction) -> views.Member:
        checks.text("/reason", reason)
        account = tx.member_of(None, member_id=member_id, external_id=None)
        if account.state == "closed":
            _becomes(tx, account, "active", "reopened", reason=reason, actor=actor)
        return member_view(tx, account, actor.merchant_id)

    return write(context, work)


def _close(tx: Transaction, account: Account, actor: Actor, reason: str, *, forfeit: bool) -> None:
    operations.check_kept(account)
    check_nothing_held(tx, account)
    sweep_expired(tx, account)
    left = account.available
    if left and not forfeit:
        raise Conflict("the member has points: let them be used first, or close with forfeit", available=left)
    if left:
        reference = f"{REFERENCE}/{account.id}/{account.leaf_count}"
        adjust_in(tx, actor.name, NewAdjustment(reference, account.id, -left, reason))
    give(tx, account, 0, actor.name)
    _becomes(tx, account, "closed", "closed", reason=reason, actor=actor)


def _becomes(tx: Transaction, account: Account, state: str, kind: str, *, reason: str, actor: Actor) -> None:
    """The account's new state and the fact that records it, written."""
    set_state(tx, account, state)
    fact(tx, account, kind, operation=None, more={"reason": reason, "actor": actor.name})
    tx.flush()
