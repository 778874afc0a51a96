"""Points on recurring orders: a member says "up to N points on each renewal", a merchant's billing asks (number 27 of the brief).

What is used is an ordinary redemption of the merchant's with the renewal's reference. A renewal that used none is kept as well,
with the reason: billing that asks again is told the same, whatever the balance has become.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert, select

from token_service.errors import MemberLeaving, NotFound, ReferenceConflict
from token_service.ledger import checks, operations, stored_lots, views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.hold_rows import free_lapsed
from token_service.ledger.inputs import NewRedemption, NewRenewal
from token_service.ledger.redemptions import spend, spending_refusal
from token_service.ledger.spendings import spent_by
from token_service.ledger.standing_facts import give, order_of, tell
from token_service.ledger.standing_tables import renewals
from token_service.ledger.transaction import Transaction, read, write
from token_service.program import lots as engine
from token_service.program.rewards import points_worth, value_of
from token_service.program.spending_limits import most_within

_renewals = renewals.c


def set_standing_order(context: Context, actor: Actor, member_id: str, points: int) -> views.StandingOrder:
    """The member's order from now on; 0 points ends it. Repeatable. Raises NotFound, InvalidInput, MemberLeaving (closed)."""

    def work(tx: Transaction) -> views.StandingOrder:
        account = visible_account(tx, actor, member_id)
        if points:
            checks.points("/points", points)
            if account.state == "closed":
                raise MemberLeaving("the member has closed their account", state=account.state)
        give(tx, account, points, actor.name)
        return _order(tx, account.id)

    return write(context, work)


def get_standing_order(context: Context, actor: Actor, member_id: str) -> views.StandingOrder:
    """What the member lets be used; nothing, if they never said. Raises NotFound."""
    return read(context, lambda tx: _order(tx, visible_account(tx, actor, member_id).id))


def renew(context: Context, actor: Actor, new: NewRenewal) -> views.Renewal:
    """The renewal with the points that it used; the first one again when its reference is known with the same content.

    Never more than the order, the balance and the amount allow. Raises ReferenceConflict, NotFound, InvalidInput, BacklogFull.
    """

    def work(tx: Transaction) -> views.Renewal:
        merchant_id = actor.acting_merchant(new.merchant_id)
        account = tx.member_of(merchant_id, member_id=new.member_id, external_id=new.external_id)
        checks.reference(new.reference)
        checks.money("/amount", new.amount)
        known = _find(tx, merchant_id, new.reference)
        if known is not None:
            if (known.member_id, known.amount_cents) != (account.id, new.amount):
                raise ReferenceConflict("this reference names another renewal", existing_id=known.id)
            return _view(tx, known)
        if operations.exists(tx, merchant_id, "redemption", new.reference):
            raise ReferenceConflict("this reference names a redemption already")
        return _renew(tx, account, merchant_id, new)

    return write(context, work)


def get_renewal(context: Context, actor: Actor, renewal_id: str) -> views.Renewal:
    """Raises NotFound, also for another merchant's."""

    def work(tx: Transaction) -> views.Renewal:
        row = tx.connection.execute(select(renewals).where(_renewals.id == renewal_id)).one_or_none()
        if row is None or not (actor.is_admin or actor.merchant_id == row.merchant_id):
            raise NotFound("no such renewal")
        return _view(tx, row)

    return read(context, work)


def find_renewal(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Renewal:
    """The merchant's renewal of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)

    def work(tx: Transaction) -> views.Renewal:
        row = _find(tx, merchant, reference)
        if row is None:
            raise NotFound("no such renewal")
        return _view(tx, row)

    return read(context, work)


def _renew(tx: Transaction, account: Account, merchant_id: str, new: NewRenewal) -> views.Renewal:
    points, why_none = _usable(tx, account, new.amount)
    redemption_id = None
    if points:
        asked = NewRedemption(new.reference, account.id, points, merchant_id=merchant_id)
        tell(tx, account)
        redemption_id = spend(tx, merchant_id, account, asked, renewal_cents=new.amount).operation.id
    tx.flush()
    row = {
        "id": tx.new_id("rnw"),
        "merchant_id": merchant_id,
        "reference": new.reference,
        "member_id": account.id,
        "amount_cents": new.amount,
        "points": points,
        "value_cents": value_of(tx.ruleset(tx.ruleset_hash_at(tx.now)), points),
        "why_none": why_none,
        "redemption_id": redemption_id,
        "created_at": tx.now,
    }
    tx.connection.execute(insert(renewals).values(**row))
    found = _find(tx, merchant_id, new.reference)
    assert found is not None
    return _view(tx, found)


def _usable(tx: Transaction, account: Account, amount: int) -> tuple[int, str | None]:
    """How many points may be used now, and why none."""
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    order = _order(tx, account.id).points
    if not order:
        return 0, "no_standing_order"
    refusal = spending_refusal(tx, account)
    if refusal is not None:
        return 0, refusal.code
    worth = points_worth(ruleset, amount)
    if worth is None:
        return 0, "no_point_value"
    free_lapsed(tx, account)
    available = engine.available(stored_lots.open_lots(tx, account), stored_lots.consumption_time(tx))
    points = min(order, worth, available)
    if not points:
        return 0, "no_points" if worth else "too_small"
    most = most_within(ruleset, points, spent=spent_by(tx, account), at=tx.now)
    return most, None if most else "spending_limit"


def _order(tx: Transaction, member_id: str) -> views.StandingOrder:
    row = order_of(tx, member_id)
    return views.StandingOrder(member_id, 0 if row is None else row.points, None if row is None else row.set_at)


def _find(tx: Transaction, merchant_id: str, reference: str) -> Row[Any] | None:
    here = (_renewals.merchant_id == merchant_id, _renewals.reference == reference)
    return tx.connection.execute(select(renewals).where(*here)).one_or_none()


def _view(tx: Transaction, row: Row[Any]) -> views.Renewal:
    def money(cents: int) -> views.Money:
        return views.Money(cents, tx.program.currency)

    return views.Renewal(
        id=row.id,
        created_at=row.created_at,
        reference=row.reference,
        merchant_id=row.merchant_id,
        member_id=row.member_id,
        amount=money(row.amount_cents),
        points=row.points,
        value=money(row.value_cents),
        to_pay=money(row.amount_cents - row.value_cents),
        why_none=row.why_none,
        redemption_id=row.redemption_id,
    )
