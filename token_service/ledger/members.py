"""Members: enrolled by a merchant under its own id, found, listed, frozen (API.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, literal, select

from token_service.errors import InvalidInput, MereauError
from token_service.ledger import checks, cursors, tables, tiers, views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import balance_of, balances_of, visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.enrolments import Enrolled, enrol_unwelcomed
from token_service.ledger.freezing import set_frozen
from token_service.ledger.inputs import NewMember
from token_service.ledger.membership_rows import held
from token_service.ledger.moving_on import move_on
from token_service.ledger.own_events import welcome
from token_service.ledger.purchase_facts import read_histories, segments_of
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.welcomes import Welcome, welcomes_of


@dataclass(frozen=True, slots=True)
class EnrolOutcome:
    """The member; `created` is False when this external id was enrolled before with the same content. `welcome`: what joining
    brought them.
    """

    member: views.Member
    created: bool
    welcome: Welcome | None = None


def enrol(context: Context, actor: Actor, new: NewMember) -> EnrolOutcome:
    """The member under the merchant's external id.

    Raises Conflict (`existing_id`) when the external id was enrolled with other content, InvalidInput, NotFound
    (merchant).
    """

    def work(tx: Transaction) -> EnrolOutcome:
        (answer,) = _enrol(tx, actor, [new])
        if isinstance(answer, MereauError):
            raise answer
        return answer

    return write(context, work)


def enrol_batch(context: Context, actor: Actor, news: Sequence[NewMember]) -> list[EnrolOutcome | MereauError]:
    """One answer for each of at most 1,000 members, in order; those refused leave nothing."""
    if len(news) > checks.BATCH_MAX:
        raise InvalidInput(f"a batch has at most {checks.BATCH_MAX} members")
    return write(context, lambda tx: _enrol(tx, actor, news))


def get_member(context: Context, actor: Actor, member_id: str) -> views.Member:
    """A member that the actor may see. Raises NotFound."""
    return read(context, lambda tx: member_view(tx, visible_account(tx, actor, member_id), actor.merchant_id))


def find_member(context: Context, actor: Actor, external_id: str, merchant_id: str | None = None) -> views.Member:
    """The merchant's member of that external id. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(
        context,
        lambda tx: member_view(tx, tx.member_of(merchant, member_id=None, external_id=external_id), merchant),
    )


def list_members(
    context: Context,
    actor: Actor,
    *,
    merchant_id: str | None = None,
    external_id: str | None = None,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
) -> views.Page[views.Member]:
    """Members that the actor may see, oldest first; an admin without `merchant_id` sees all."""
    cursors.check_limit(limit)
    merchant = None if actor.is_admin and merchant_id is None else actor.acting_merchant(merchant_id)
    links, members = tables.member_merchants.c, tables.members.c
    query = select(members.id).order_by(members.id).limit(limit + 1)
    if merchant is not None or external_id is not None:
        query = query.join(tables.member_merchants, links.member_id == members.id)
    if merchant is not None:
        query = query.where(links.merchant_id == merchant)
    if external_id is not None:
        query = query.where(links.external_id == external_id)
    if cursor is not None:
        query = query.where(members.id > cursors.decode(cursor))

    def work(tx: Transaction) -> views.Page[views.Member]:
        rows = tx.connection.execute(query.distinct()).all()
        found = member_views(tx, [row.id for row in rows[:limit]], merchant)
        return cursors.page(rows, limit, "id", lambda row: found[row.id])

    return read(context, work)


def freeze(context: Context, actor: Actor, member_id: str, reason: str) -> views.Member:
    """The member, frozen here at once and on the chain soon: no new entries until a person decides. Repeatable."""
    return _set_frozen(context, actor, member_id, reason, frozen=True)


def unfreeze(context: Context, actor: Actor, member_id: str, reason: str) -> views.Member:
    """The member, active again. Repeatable."""
    return _set_frozen(context, actor, member_id, reason, frozen=False)


def _set_frozen(context: Context, actor: Actor, member_id: str, reason: str, *, frozen: bool) -> views.Member:
    def work(tx: Transaction) -> views.Member:
        checks.text("/reason", reason)
        account = visible_account(tx, actor, member_id)
        if account.frozen != frozen:
            set_frozen(tx, account, reason=reason, actor=actor.name, frozen=frozen)
        if not frozen:
            _free_parts(tx, account, reason, actor)
        tx.flush()
        return member_view(tx, account, actor.merchant_id)

    return write(context, work)


def _free_parts(tx: Transaction, account: Account, reason: str, actor: Actor) -> None:
    """Accounts that became part of this one and were frozen by an accident are free again, and what came back to them goes on."""
    columns = tables.members.c
    query = select(columns.id).where(columns.merged_into == account.id)
    parts = [tx.account(part_id) for part_id in tx.connection.execute(query).scalars().all()]
    for part in parts:
        if part.frozen:
            set_frozen(tx, part, reason=reason, actor=actor.name, frozen=False)
    if account.state != "leaving":
        move_on(tx, *(part for part in parts if part.available))


def _enrol(tx: Transaction, actor: Actor, news: Sequence[NewMember]) -> list[EnrolOutcome | MereauError]:
    """One answer for each, with as many queries for a thousand as for two."""
    found = enrol_unwelcomed(tx, actor, news)
    there = [one for one in found if isinstance(one, Enrolled)]
    welcome(tx, [one.id for one in there if one.is_new])
    by_merchant: dict[str, dict[str, None]] = {}
    for one in there:
        by_merchant.setdefault(one.merchant_id, {})[one.id] = None
    shown = {merchant_id: member_views(tx, list(ids), merchant_id) for merchant_id, ids in by_merchant.items()}
    joined = welcomes_of(tx, [one.id for one in there])
    return [
        one
        if isinstance(one, MereauError)
        else EnrolOutcome(shown[one.merchant_id][one.id], one.is_new, joined.get(one.id))
        for one in found
    ]


def member_view(tx: Transaction, account: Account, asking_merchant_id: str | None) -> views.Member:
    """The member as the merchant (None: an admin, the member) sees them: e-mail address, birth date and referral code are for the
    merchant that enrolled them.
    """
    row = tx.connection.execute(_shown_to(asking_merchant_id).where(tables.members.c.id == account.id)).one()
    return _view(tx, row, account, balance_of(tx, account), asking_merchant_id)


def member_views(tx: Transaction, ids: Sequence[str], asking_merchant_id: str | None) -> dict[str, views.Member]:
    """As `member_view`, for many by id, with as many queries as for one."""
    tx.lock_accounts(ids)
    accounts = [tx.account(member_id) for member_id in ids]
    read_histories(tx, accounts)
    balances = balances_of(tx, accounts)
    rows = tx.connection.execute(_shown_to(asking_merchant_id).where(tables.members.c.id.in_(ids)))
    return {row.id: _view(tx, row, tx.account(row.id), balances[row.id], asking_merchant_id) for row in rows}


def _shown_to(merchant_id: str | None) -> Select[Any]:
    """Members with the external id that the merchant knows them by; the enrolling merchant's for everybody else."""
    links = tables.member_merchants.c
    asking = tables.members.c.merchant_id if merchant_id is None else literal(merchant_id)
    return select(tables.members, links.external_id).outerjoin(
        tables.member_merchants, (links.member_id == tables.members.c.id) & (links.merchant_id == asking)
    )


def _view(
    tx: Transaction, row: Row[Any], account: Account, balance: views.Balance, asking_merchant_id: str | None
) -> views.Member:
    standing = tiers.standing_of(tx, account)
    is_theirs = asking_merchant_id in (None, row.merchant_id)
    return views.Member(
        id=row.id,
        created_at=row.created_at,
        merchant_id=row.merchant_id,
        external_id=row.external_id,
        email=row.email if is_theirs else None,
        name=row.name,
        locale=row.locale,
        birth_date=row.birth_date if is_theirs else None,
        referral_code=row.referral_code if is_theirs else None,
        address=row.address,
        state=row.state,
        frozen=account.frozen,
        tier=account.tier,
        balance=balance,
        next_tier=None
        if standing.next_tier is None
        else views.NextTier(id=standing.next_tier, missing=standing.missing or 0),
        memberships=held(tx, account, tx.now),
        segments=segments_of(account),
        merged_into=account.merged_into,
    )
