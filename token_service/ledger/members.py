"""Members: enrolled by a merchant under its own id, found, listed, frozen (API.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import insert, select

from token_service.errors import CallerError, Conflict, InvalidInput, MereauError
from token_service.ledger import checks, cursors, operations, tables, tiers, views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import balance_of, visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewMember
from token_service.ledger.posting import fact
from token_service.ledger.sessions import normal_email
from token_service.ledger.transaction import Transaction, read, write
from token_service.program.tiers import first_tier

LANE: Final = 0
"""The one lane that there is; a member keeps theirs (DESIGN §5)."""
FIRST_TIME_ZONE: Final = timedelta(hours=14)
"""How far ahead of UTC the first places on earth begin a day: no birth date of today is refused anywhere."""


@dataclass(frozen=True, slots=True)
class EnrolOutcome:
    """The member; `created` is False when this external id was enrolled before with the same content."""

    member: views.Member
    created: bool


def enrol(context: Context, actor: Actor, new: NewMember) -> EnrolOutcome:
    """The member under the merchant's external id.

    Raises Conflict (`existing_id`) when the external id was enrolled with other content, InvalidInput, NotFound
    (merchant).
    """

    def work(tx: Transaction) -> EnrolOutcome:
        merchant_id = actor.acting_merchant(new.merchant_id)
        member_id, created = _enrol(tx, merchant_id, new)
        tx.flush()
        return EnrolOutcome(member_view(tx, tx.account(member_id), merchant_id), created)

    return write(context, work)


def enrol_batch(context: Context, actor: Actor, news: Sequence[NewMember]) -> list[EnrolOutcome | MereauError]:
    """One answer for each of at most 1,000 members, in order; those refused leave nothing."""
    if len(news) > checks.BATCH_MAX:
        raise InvalidInput(f"a batch has at most {checks.BATCH_MAX} members")

    def work(tx: Transaction) -> list[EnrolOutcome | MereauError]:
        answers: list[EnrolOutcome | MereauError] = []
        for new in news:
            try:
                merchant_id = actor.acting_merchant(new.merchant_id)
                member_id, created = _enrol(tx, merchant_id, new)
            except CallerError as refusal:
                answers.append(refusal)
                continue
            answers.append(EnrolOutcome(member_view(tx, tx.account(member_id), merchant_id), created))
        return answers

    return write(context, work)


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
        tx.lock_accounts(row.id for row in rows[:limit])
        return cursors.page(rows, limit, "id", lambda row: member_view(tx, tx.account(row.id), merchant))

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
            freeze_account(tx, account, reason=reason, actor=actor.name, frozen=frozen)
            order = ("set_frozen", "guard", {"account": account.address, "frozen": frozen})
            tx.staged.admin_operations.append(order)
        tx.flush()
        return member_view(tx, account, actor.merchant_id)

    return write(context, work)


def freeze_account(tx: Transaction, account: Account, *, reason: str, actor: str, frozen: bool) -> None:
    """Stages the change and the fact that records it."""
    account.frozen, account.is_changed = frozen, True
    fact(tx, account, "frozen" if frozen else "unfrozen", operation=None, more={"reason": reason, "actor": actor})


def _enrol(tx: Transaction, merchant_id: str, new: NewMember) -> tuple[str, bool]:
    """(member id, whether it was made now). Raises Conflict for an external id with other content."""
    tx.merchant(merchant_id)
    _check(tx, new)
    content = operations.content_hash(
        asdict(new) | {"merchant_id": merchant_id, "birth_date": new.birth_date and new.birth_date.isoformat()}
    )
    known = _linked(tx, merchant_id, new.external_id)
    if known is not None:
        if known.content_hash != content:
            raise Conflict("this external id is enrolled with other data", existing_id=known.id)
        return known.id, False
    made = tx.context.new_account()
    member_id = tx.new_id("mem")
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    tx.connection.execute(
        insert(tables.members).values(
            id=member_id,
            merchant_id=merchant_id,
            content_hash=content,
            email=None if new.email is None else normal_email(new.email),
            name=new.name,
            locale=new.locale,
            birth_date=new.birth_date,
            referral_code=new.referral_code,
            address=made.address,
            sealed_salt_key=made.sealed_salt_key,
            lane=LANE,
            state="active",
            created_at=tx.now,
            tier=first_tier(ruleset),
            tier_due_at=tx.next_rules_at,
        )
    )
    key = {"member_id": member_id, "address": made.address, "sealed_key": made.sealed_key, "created_at": tx.now}
    tx.connection.execute(insert(tables.member_keys).values(key))
    link = {"merchant_id": merchant_id, "external_id": new.external_id, "member_id": member_id, "since": tx.now}
    tx.connection.execute(insert(tables.member_merchants).values(link))
    return member_id, True


def _check(tx: Transaction, new: NewMember) -> None:
    checks.text("/external_id", new.external_id, longest=200)
    for name, longest in (("email", 254), ("name", 200), ("locale", 16), ("referral_code", 100)):
        checks.optional_text("/" + name, getattr(new, name), longest=longest)
    if new.email is not None and (new.email.count("@") != 1 or new.email[0] == "@" or new.email[-1] == "@"):
        raise checks.wrong("/email", "must be an e-mail address")
    if new.birth_date is not None and new.birth_date > (tx.now + FIRST_TIME_ZONE).date():
        raise checks.wrong("/birth_date", "lies in the future")


def _linked(tx: Transaction, merchant_id: str, external_id: str) -> Any:
    links, members = tables.member_merchants.c, tables.members.c
    query = select(members.id, members.content_hash).join(tables.member_merchants, links.member_id == members.id)
    return tx.connection.execute(
        query.where(links.merchant_id == merchant_id, links.external_id == external_id)
    ).one_or_none()


def member_view(tx: Transaction, account: Account, asking_merchant_id: str | None) -> views.Member:
    """The member as the merchant (None: an admin, the member) sees them: e-mail address, birth date and referral code are for the
    merchant that enrolled them.
    """
    links = tables.member_merchants.c
    row = tx.connection.execute(
        select(tables.members, links.external_id)
        .outerjoin(
            tables.member_merchants,
            (links.member_id == tables.members.c.id)
            & (links.merchant_id == (asking_merchant_id or account.merchant_id)),
        )
        .where(tables.members.c.id == account.id)
    ).one()
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
        balance=balance_of(tx, account),
        next_tier=None
        if standing.next_tier is None
        else views.NextTier(id=standing.next_tier, missing=standing.missing or 0),
    )
