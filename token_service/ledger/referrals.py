"""Referrals: a member's own code, and what both sides get once the invited one has bought something for good.

"For good": the first purchase that was not given back has outlasted its return window. Then two events are recorded in one go,
`member.invited` for who came and `member.referred` for who invited, and the rules say what each earns. When the invited one
has no purchase left that was kept, both are taken back, with the refund that leaves none; a later purchase earns them once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, insert, select, update

from token_service.errors import CallerError
from token_service.ledger import referral_events, shown_codes, tables, views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.invited import CODE_LENGTH
from token_service.ledger.purchase_views import Pending, latest_at
from token_service.ledger.referral_tables import invitations, referrals
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.views import DueReport
from token_service.program.events import REFERRALS_MAX
from token_service.program.windows import award_due_at

WAITS: Final = timedelta(days=90)
"""How long a purchase is waited for after joining, once one was made and given back, and after both sides were taken back."""
AGAIN: Final = timedelta(days=1)
_referrals, _purchases, _members = referrals.c, tables.purchases.c, tables.members.c
_OPEN: Final = _referrals.state.in_(("waiting", "taken_back")) & _referrals.due_at.is_not(None)


def get_invitation(context: Context, actor: Actor, member_id: str) -> views.Invitation:
    """The member's code, made when it is first asked for, and whom it brought. Raises NotFound."""

    def work(tx: Transaction) -> views.Invitation:
        account = visible_account(tx, actor, member_id)
        code = tx.connection.execute(
            select(invitations.c.code).where(invitations.c.member_id == account.id)
        ).scalar_one_or_none()
        found = tx.connection.execute(_of(_referrals.referrer_id == account.id).order_by(_referrals.created_at.desc()))
        own = tx.connection.execute(_of(_referrals.referee_id == account.id)).one_or_none()
        return views.Invitation(
            shown_codes.grouped(code or _drawn(tx, account)),
            tuple(map(_view, found.all())),
            None if own is None else _view(own),
        )

    return write(context, work)


def expect(tx: Transaction, account: Account, due_at: datetime) -> None:
    """After a member's first purchase: their invitation, if one waits, is looked at when the return window is over."""
    if not tx.locks:  # a simulation
        return
    here = (_referrals.referee_id == account.id) & (_referrals.state == "waiting") & _referrals.due_at.is_(None)
    tx.connection.execute(update(referrals).where(here).values(due_at=max(due_at, tx.now)))


def expect_sooner(tx: Transaction, account: Account, due_at: datetime) -> None:
    """After a delivery: the invitation is looked at when its return window is over, if that is sooner than before."""
    here = (_referrals.referee_id == account.id) & (_referrals.state == "waiting") & (_referrals.due_at > due_at)
    tx.connection.execute(update(referrals).where(here).values(due_at=max(due_at, tx.now)))


def pay_due(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """The next invitation behind `place` that is due: paid, refused, or put off."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        query = _of(_OPEN & (_referrals.due_at <= tx.now) & (_referrals.id > place))
        row = tx.connection.execute(query.order_by(_referrals.id).limit(1)).one_or_none()
        if row is None:
            return report, None
        tx.lock_accounts([row.referee_id, row.referrer_id])
        row = tx.connection.execute(_of(_referrals.id == row.id)).one()
        done = row.state != "paid" and row.due_at is not None and _pay(tx, row)
        tx.flush()
        return replace(report, referrals_paid=report.referrals_paid + done), row.id

    return write(context, work)


def next_referral_at(tx: Transaction) -> datetime | None:
    """When the next invitation is looked at."""
    query = select(_referrals.due_at).where(_OPEN)
    found: datetime | None = tx.connection.execute(query.order_by(_referrals.due_at).limit(1)).scalar_one_or_none()
    return found


def lock_both(tx: Transaction, member_id: str) -> None:
    """Locks a member with who invited them, if both were paid for that, in the one order of all locks: a refund may take it
    back.
    """
    inviters = [row.referrer_id for row in _paid_for(tx, member_id)]
    if inviters:
        tx.lock_accounts([member_id, *inviters])


def after_refund(tx: Transaction, account: Account) -> None:
    """Takes back what both sides had for a member who has no purchase left that was kept. The next purchase earns it once more; a
    second time of this and it is over.
    """
    changed = {one.operation_id: one.tier_orders for one in tx.staged.changed_purchases if one.member_id == account.id}
    rows = () if any(changed.values()) else _paid_for(tx, account.id)
    if not rows or _keeps_another(tx, account, changed):
        return
    for row in rows:
        times = referral_events.take_back(tx, row.id)
        if tx.locks:  # no simulation
            _is_back(tx, row.id, times)


def mend_states(tx: Transaction, member_id: str) -> None:
    """After a ledger was restored and repaired: what the operations say was taken back of the member's invitation is not paid."""
    for row in _paid_for(tx, member_id):
        times = referral_events.times_taken_back(tx, row.id)
        if times:
            _is_back(tx, row.id, times)


def _paid_for(tx: Transaction, member_id: str) -> Sequence[Row[Any]]:
    """The paid invitations of the member, and of accounts that became part of theirs."""
    whose = select(_members.id).where((_members.id == member_id) | (_members.merged_into == member_id))
    here = _referrals.referee_id.in_(whose) & (_referrals.state == "paid")
    return tx.connection.execute(_of(here).order_by(_referrals.id)).all()


def _keeps_another(tx: Transaction, account: Account, but: Iterable[str]) -> bool:
    """Whether something is left of any purchase but these."""
    query = select(_purchases.operation_id).where(_purchases.member_id == account.id, _purchases.tier_orders == 1)
    return tx.connection.execute(query.where(_purchases.operation_id.not_in(list(but))).limit(1)).first() is not None


def _of(where: ColumnElement[bool]) -> Select[Any]:
    return select(referrals).where(where)


def _view(row: Row[Any]) -> views.Referral:
    return views.Referral(row.id, row.created_at, row.state, row.reason, row.decided_at)


def _drawn(tx: Transaction, account: Account) -> str:
    """A new code that nobody has."""
    while True:
        code = shown_codes.written(tx.context.random_bytes(CODE_LENGTH), CODE_LENGTH)
        if tx.connection.execute(select(invitations.c.code).where(invitations.c.code == code)).first() is None:
            break
    tx.connection.execute(insert(invitations).values(member_id=account.id, code=code, created_at=tx.now))
    return code


def _pay(tx: Transaction, row: Row[Any]) -> bool:
    """Whether both sides have their event now; otherwise when to look again, or that nothing comes of it."""
    kept = _kept(tx, row.referee_id)
    due_at = min((due for due, _ in kept), default=None)
    if due_at is None and tx.now > (row.decided_at or row.created_at) + WAITS:
        _give_up(tx, row)
        return False
    if due_at is None or due_at > tx.now:
        _put_off(tx, row.id, due_at or tx.now + AGAIN)
        return False
    referee, referrer = tx.account(row.referee_id), tx.account(row.referrer_id)
    if referee.frozen or referrer.frozen or referee.state == "closed":
        _put_off(tx, row.id, tx.now + AGAIN)
        return False
    is_gone = referrer.state == "closed"
    answer = tx.attempt(lambda: referral_events.record(tx, row.id, referee, None if is_gone else referrer, kept[0][1]))
    if isinstance(answer, CallerError):
        _put_off(tx, row.id, tx.now + AGAIN)
        return False
    if not answer:
        _decide(tx, row.id, "taken_back", None)
        return False
    _decide(tx, row.id, "paid", "referrer_gone" if is_gone else None)
    return True


def _kept(tx: Transaction, member_id: str) -> list[tuple[datetime, int]]:
    """Of each purchase that was neither given back nor left undelivered, the earliest first (of one instant by id, which the
    auditor sees, too): when it has outlasted its return window, what it keeps.
    """
    done, awards, ends = tables.operations.c, tables.awards.c, tables.operations.alias("ends").c
    lapsed = select(ends.parent_id).where(ends.member_id == member_id, ends.kind == "lapse")
    query = (
        select(done.id, done.ruleset_hash, done.occurred_at, _purchases.kept, awards.due_at, awards.delivery_by)
        .join(tables.purchases, _purchases.operation_id == done.id)
        .outerjoin(tables.awards, awards.operation_id == done.id)
        .where(done.member_id == member_id, done.kind == "purchase", _purchases.tier_orders == 1)
        .where(done.id.not_in(lapsed))
    )
    rows = sorted(tx.connection.execute(query).all(), key=lambda row: (row.occurred_at, row.id))
    return [(_outlasts_at(tx, row), row.kept) for row in rows]


def _outlasts_at(tx: Transaction, row: Any) -> datetime:
    """When the return window of a purchase is over: that of one that waits for its delivery, at the latest."""
    ruleset = tx.ruleset(row.ruleset_hash)
    if row.due_at is not None:
        return latest_at(ruleset, Pending(0, row.due_at, row.delivery_by))
    return award_due_at(ruleset, row.occurred_at)


def _is_back(tx: Transaction, referral_id: str, times: int) -> None:
    """Taken back so many times; unless that is for good, the next purchase is looked for."""
    _decide(tx, referral_id, "taken_back", None)
    if times < REFERRALS_MAX:
        _put_off(tx, referral_id, tx.now + AGAIN)


def _give_up(tx: Transaction, row: Row[Any]) -> None:
    """No purchase came: refused, or taken back for good."""
    if row.state == "waiting":
        _decide(tx, row.id, "refused", "no_purchase")
    else:
        _put_off(tx, row.id, None)


def _decide(tx: Transaction, referral_id: str, state: str, reason: str | None) -> None:
    values = {"state": state, "reason": reason, "decided_at": tx.now, "due_at": None}
    tx.connection.execute(update(referrals).where(_referrals.id == referral_id).values(**values))


def _put_off(tx: Transaction, referral_id: str, until: datetime | None) -> None:
    tx.connection.execute(update(referrals).where(_referrals.id == referral_id).values(due_at=until))
