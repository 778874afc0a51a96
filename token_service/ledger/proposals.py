"""Adjustments above the ruleset's limit: one person proposes, another one decides (docs/rulesets.md "limits").

Whoever proposed it cannot approve it. Deciding checks everything that an adjustment checks, as it is then.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from token_service.errors import Conflict, Forbidden, NotFound, ReferenceConflict
from token_service.ledger import checks, operations, tables, views
from token_service.ledger.adjustments import adjust_in, adjustment_view
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome
from token_service.ledger.proposal_tables import proposals
from token_service.ledger.transaction import Transaction, read, write

LISTED_MAX: Final = 100
_columns = proposals.c


def propose_adjustment(context: Context, actor: Actor, new: NewAdjustment) -> views.Proposal:
    """The proposal; the first one again when its reference is known with the same content. Nothing moves yet.

    Raises Forbidden for anybody but an admin, NotFound, InvalidInput, ReferenceConflict (also of an adjustment).
    """
    actor.need_admin()

    def work(tx: Transaction) -> views.Proposal:
        merchant = tx.own_merchant if new.merchant_id is None else tx.merchant(new.merchant_id)
        tx.member_of(None, member_id=new.member_id, external_id=None)
        checks.reference(new.reference)
        checks.points("/points", abs(new.points))
        checks.text("/reason", new.reason)
        known = tx.connection.execute(select(proposals).where(_columns.reference == new.reference)).one_or_none()
        if known is not None:
            asked = (new.member_id, new.merchant_id, new.points, new.reason)
            if (known.member_id, known.merchant_id, known.points, known.reason) != asked:
                raise ReferenceConflict("this reference names another proposal", existing_id=known.id)
            return _view(tx, known)
        if operations.exists(tx, merchant.id, "adjustment", new.reference):
            raise ReferenceConflict("this reference names an adjustment already")
        row = {
            "id": tx.new_id("prp"),
            "reference": new.reference,
            "member_id": new.member_id,
            "merchant_id": new.merchant_id,
            "points": new.points,
            "reason": new.reason,
            "proposed_by": actor.name,
            "created_at": tx.now,
            "state": "open",
        }
        tx.connection.execute(insert(proposals).values(**row))
        return _view(tx, _row(tx, str(row["id"])))

    return write(context, work)


def approve_proposal(context: Context, actor: Actor, proposal_id: str) -> views.Outcome[views.Adjustment]:
    """The adjustment that was proposed, made now. Repeatable by whoever approved it.

    Raises Forbidden for whoever proposed it, NotFound, Conflict when it was declined or somebody else approved it, and what
    `adjust` raises.
    """
    actor.need_admin()

    def work(tx: Transaction) -> Done:
        row = _row(tx, proposal_id)
        account = tx.account(row.member_id)
        row = _row(tx, proposal_id)  # as it is under the lock
        if row.proposed_by == actor.name:
            raise Forbidden("whoever proposed it cannot approve it: ask somebody else")
        if row.state == "approved" and row.decided_by == actor.name:
            return Done(operations.loaded(tx, [row.operation_id])[row.operation_id], replayed=True)
        _check_open(row)
        new = NewAdjustment(row.reference, account.id, row.points, row.reason, row.merchant_id)
        done = adjust_in(tx, row.proposed_by, new, approved_by=actor.name)
        _decide(tx, row, actor, "approved", operation_id=done.operation.id)
        return done

    return outcome(context, work, adjustment_view)


def decline_proposal(context: Context, actor: Actor, proposal_id: str) -> views.Proposal:
    """The proposal, declined by anybody who may adjust, also by whoever made it. Repeatable. Raises NotFound, Conflict."""
    actor.need_admin()

    def work(tx: Transaction) -> views.Proposal:
        row = _row(tx, proposal_id)
        tx.account(row.member_id)
        row = _row(tx, proposal_id)
        if row.state != "declined":
            _check_open(row)
            _decide(tx, row, actor, "declined")
        return _view(tx, _row(tx, proposal_id))

    return write(context, work)


def open_proposals(context: Context, actor: Actor) -> tuple[views.Proposal, ...]:
    """What waits for a second person, oldest first; at most 100. Raises Forbidden for anybody but an admin."""
    actor.need_admin()
    query = select(proposals).where(_columns.state == "open").order_by(_columns.created_at).limit(LISTED_MAX)
    return read(context, lambda tx: tuple(_view(tx, row) for row in tx.connection.execute(query).all()))


def get_proposal(context: Context, actor: Actor, proposal_id: str) -> views.Proposal:
    """Raises NotFound, Forbidden for anybody but an admin."""
    actor.need_admin()
    return read(context, lambda tx: _view(tx, _row(tx, proposal_id)))


def _check_open(row: Row[Any]) -> None:
    if row.state != "open":
        raise Conflict(f"this proposal was {row.state} before", existing_id=row.id)


def _decide(tx: Transaction, row: Row[Any], actor: Actor, state: str, operation_id: str | None = None) -> None:
    values = {"state": state, "decided_by": actor.name, "decided_at": tx.now, "operation_id": operation_id}
    tx.connection.execute(update(proposals).where(_columns.id == row.id).values(**values))


def _row(tx: Transaction, proposal_id: str) -> Row[Any]:
    row = tx.connection.execute(select(proposals).where(_columns.id == proposal_id)).one_or_none()
    if row is None:
        raise NotFound("no such proposal")
    return row


def _view(tx: Transaction, row: Row[Any]) -> views.Proposal:
    members = tables.members.c
    name = tx.connection.execute(select(members.name).where(members.id == row.member_id)).scalar_one()
    return views.Proposal(
        id=row.id,
        created_at=row.created_at,
        reference=row.reference,
        member_id=row.member_id,
        member_name=name,
        merchant_id=row.merchant_id,
        points=row.points,
        reason=row.reason,
        proposed_by=row.proposed_by,
        state=row.state,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        adjustment_id=row.operation_id,
    )
