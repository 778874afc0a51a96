"""Members: enrolled by a merchant under its own id, found, listed, frozen (API.md)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Row, Select, Table, bindparam, func, insert, literal, select

from token_service.errors import CallerError, Conflict, InvalidInput, MereauError
from token_service.ledger import checks, cursors, operations, tables, tiers, views
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.balances import balance_of, balances_of, visible_account
from token_service.ledger.contacts import check_contacts, hashes_of, note_contacts
from token_service.ledger.context import Actor, Context
from token_service.ledger.freezing import set_frozen
from token_service.ledger.inputs import NewContacts, NewMember
from token_service.ledger.invited import Newcomer, household_hash, note_invitations
from token_service.ledger.lane_choice import choose_lane
from token_service.ledger.membership_rows import held
from token_service.ledger.moving_on import move_on
from token_service.ledger.own_events import first_looks, welcome
from token_service.ledger.purchase_facts import read_histories, segments_of
from token_service.ledger.sessions import normal_email
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.welcomes import Welcome, welcomes_of
from token_service.program.tiers import first_tier

FIRST_TIME_ZONE: Final = timedelta(hours=14)
"""How far ahead of UTC the first places on earth begin a day: no birth date of today is refused anywhere."""


_LINKED: Final = (
    select(
        tables.member_merchants.c.external_id,
        func.coalesce(tables.members.c.merged_into, tables.members.c.id).label("id"),
        tables.members.c.content_hash,
    )
    .join(tables.members, tables.members.c.id == tables.member_merchants.c.member_id)
    .where(
        tables.member_merchants.c.merchant_id == bindparam("merchant_id"),
        among(tables.member_merchants.c.external_id, "external_ids"),
    )
)


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
    enrolments = _Enrolments(tx, actor, news)
    found = [enrolments.find_or_make(new) for new in news]
    enrolments.insert()
    note_invitations(tx, enrolments.newcomers)
    note_contacts(tx, enrolments.verified)
    welcome(tx, [one.id for one in found if isinstance(one, _Enrolled) and one.is_new])
    shown = {
        merchant_id: member_views(tx, [member.id for member in known.values()], merchant_id)
        for merchant_id, known in enrolments.known.items()
    }
    joined = welcomes_of(tx, [one.id for one in found if isinstance(one, _Enrolled)])
    return [
        one
        if isinstance(one, MereauError)
        else EnrolOutcome(shown[one.merchant_id][one.id], one.is_new, joined.get(one.id))
        for one in found
    ]


@dataclass(frozen=True, slots=True)
class _Enrolled:
    id: str
    merchant_id: str
    content: str
    is_new: bool


class _Enrolments:
    """Who is enrolled already, and the rows of those who will be."""

    def __init__(self, tx: Transaction, actor: Actor, news: Sequence[NewMember]) -> None:
        self._tx, self._actor = tx, actor
        self._rows: dict[Table, list[dict[str, Any]]] = {
            tables.members: [],
            tables.member_keys: [],
            tables.member_merchants: [],
        }
        self.newcomers: list[Newcomer] = []
        self.verified: dict[str, NewContacts] = {}
        self.known: dict[str, dict[str, _Enrolled]] = {}  # by merchant and external id
        asked: dict[str, list[str]] = {}
        for new in news:
            with suppress(CallerError):  # the answer to this one says so
                external_id = checks.text("/external_id", new.external_id, longest=200)
                asked.setdefault(actor.acting_merchant(new.merchant_id), []).append(external_id)
        for merchant_id, external_ids in asked.items():
            values = {"merchant_id": merchant_id, "external_ids": external_ids}
            self.known[merchant_id] = {
                row.external_id: _Enrolled(row.id, merchant_id, row.content_hash, is_new=False)
                for row in tx.connection.execute(_LINKED, values)
            }

    def find_or_make(self, new: NewMember) -> _Enrolled | CallerError:
        """The member, or why not: Conflict for an external id with other content, InvalidInput, NotFound (merchant)."""
        try:
            merchant_id = self._actor.acting_merchant(new.merchant_id)
            self._tx.merchant(merchant_id)
            _check(self._tx, new)
        except CallerError as refusal:
            return refusal
        content = operations.content_hash(
            _said(self._tx, new)
            | {"merchant_id": merchant_id, "birth_date": new.birth_date and new.birth_date.isoformat()}
        )
        known = self.known[merchant_id].get(new.external_id)
        if known is None:
            made = self._make(merchant_id, new, content)
            self.known[merchant_id][new.external_id] = replace(made, is_new=False)  # for whoever comes twice
            return made
        if known.content != content and not self._was_enrolled(known.id, content):
            return Conflict("this external id is enrolled with other data", existing_id=known.id)
        return known

    def _was_enrolled(self, heir_id: str, content: str) -> bool:
        """Whether an account that became part of this one was enrolled with that content."""
        columns = tables.members.c
        query = select(columns.id).where(columns.merged_into == heir_id, columns.content_hash == content)
        return self._tx.connection.execute(query.limit(1)).first() is not None

    def insert(self) -> None:
        """Writes those who are new."""
        for table, rows in self._rows.items():
            if rows:
                self._tx.connection.execute(insert(table), rows)

    def _make(self, merchant_id: str, new: NewMember, content: str) -> _Enrolled:
        tx, made = self._tx, self._tx.context.new_account()
        member_id, at = tx.new_id("mem"), tx.now
        self._rows[tables.members].append(
            {
                "id": member_id,
                "merchant_id": merchant_id,
                "content_hash": content,
                "email": None if new.email is None else normal_email(new.email),
                "name": new.name,
                "locale": new.locale,
                "birth_date": new.birth_date,
                **first_looks(tx, new.birth_date),
                "referral_code": new.referral_code,
                "address": made.address,
                "sealed_salt_key": made.sealed_salt_key,
                "lane": choose_lane(member_id, tx.open_lanes),
                "state": "active",
                "created_at": at,
                "tier": first_tier(tx.ruleset(tx.ruleset_hash_at(at))),
                "tier_due_at": tx.next_rules_at,
            }
        )
        self._rows[tables.member_keys].append(
            {"member_id": member_id, "address": made.address, "sealed_key": made.sealed_key, "created_at": at}
        )
        self._rows[tables.member_merchants].append(
            {"merchant_id": merchant_id, "external_id": new.external_id, "member_id": member_id, "since": at}
        )
        if (new.referral_code, new.device, new.household) != (None, None, None):
            email = None if new.email is None else normal_email(new.email)
            self.newcomers.append(Newcomer(member_id, email, new.referral_code, new.device, new.household))
        if new.verified is not None:
            self.verified[member_id] = new.verified
        return _Enrolled(member_id, merchant_id, content, is_new=True)


def _said(tx: Transaction, new: NewMember) -> dict[str, Any]:
    """What the content's hash is of; what came later to this body is left out where it says nothing."""
    said = asdict(new)
    if new.device is None:
        del said["device"]
    if new.household is None:
        del said["household"]
    else:
        said["household"] = household_hash(tx, new.household)
    if new.verified is None:
        del said["verified"]
    else:
        said["verified"] = hashes_of(tx, new.verified)
    return said


def _check(tx: Transaction, new: NewMember) -> None:
    checks.text("/external_id", new.external_id, longest=200)
    for name, longest in (("referral_code", 100), ("device", 200), ("household", 200)):
        checks.optional_text("/" + name, getattr(new, name), longest=longest)
    check_profile(tx, new.email, new.name, new.locale, new.birth_date)
    check_contacts(new.verified)


def check_profile(
    tx: Transaction, email: str | None, name: str | None, locale: str | None, birth_date: date | None
) -> None:
    """Raises InvalidInput for what cannot be said of a person."""
    for pointer, value, longest in (("/email", email, 254), ("/name", name, 200), ("/locale", locale, 16)):
        checks.optional_text(pointer, value, longest=longest)
    if email is not None:
        checks.email("/email", email)
    if birth_date is not None and birth_date > (tx.now + FIRST_TIME_ZONE).date():
        raise checks.wrong("/birth_date", "lies in the future")


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
