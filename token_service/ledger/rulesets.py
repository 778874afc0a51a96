"""Rulesets in the ledger: drafted, published with notice, in force (DESIGN §3a, CONTRACT §1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, or_, select, update

from token_service.errors import ApprovalNeeded, Conflict, InvalidInput, NotFound
from token_service.ledger import checks, cursors, tables, views
from token_service.ledger.context import Actor, Context
from token_service.ledger.transaction import Transaction, read, write
from token_service.program.addendum import addendum_problems
from token_service.program.ruleset import Ruleset, canonical_json, check_ruleset, parse_ruleset, ruleset_hash
from token_service.program.ruleset_lines import FIRST_EFFECTIVE_AT
from token_service.program.stakes import needs_second_person

SENDING: Final = timedelta(minutes=1)
"""What the order may take to reach the chain: the contract counts the notice from its block."""

URI: Final = "/v1/rulesets/{hash}"
EFFECTIVE_AHEAD_MAX: Final = timedelta(days=366)
"""Beyond the notice period. The contract refuses later dates: each ruleset must act after all published before it."""


def draft(context: Context, actor: Actor, document: str, base_hash: str | None = None) -> views.RulesetView:
    """The version that a YAML or JSON document says, stored under its hash; the same one again for the same document.

    With `base_hash` it is an addendum and may only add. Raises InvalidInput with the places, NotFound (base),
    Forbidden.
    """
    actor.need_admin()
    ruleset, text = checked(document)
    hash_ = ruleset_hash(text)

    def work(tx: Transaction) -> views.RulesetView:
        if ruleset.program.currency != tx.program.currency:
            raise checks.wrong("/program/currency", "a programme keeps its currency")
        if base_hash is not None:
            _check_addendum(_row(tx.connection, base_hash), text)
        values = {"hash": hash_, "document": text, "base_hash": base_hash, "state": "draft", "created_at": tx.now}
        values["drafted_by"] = actor.name
        known = tx.connection.execute(select(tables.rulesets).where(tables.rulesets.c.hash == hash_)).one_or_none()
        if known is None:
            tx.connection.execute(insert(tables.rulesets).values(**values))
        else:
            if known.base_hash != base_hash:
                _change_base(tx, known, base_hash)
            _note_drafter(tx, known, actor)
        return ruleset_view(_row(tx.connection, hash_))

    return write(context, work)


def publish(context: Context, actor: Actor, hash_: str, effective_at: datetime | None = None) -> views.RulesetView:
    """The draft on its way to the chain, in force from `effective_at`: at least the notice period ahead and after
    every other, at most EFFECTIVE_AHEAD_MAX more. None: as soon as the notice period allows.

    An addendum acts as soon as its base does. Repeatable with the same instant. Raises NotFound, Conflict,
    InvalidInput, Forbidden, ApprovalNeeded (for whoever drafted it, when it can cost more than one person may decide alone).
    """
    actor.need_admin()

    def work(tx: Transaction) -> views.RulesetView:
        row = _row(tx.connection, hash_)
        if row.state != "draft":
            if effective_at not in (None, row.effective_at) and row.base_hash is None:
                raise Conflict("this ruleset was published with another date", existing_id=hash_)
            return ruleset_view(row)
        _check_second_person(tx, row, actor)
        if row.base_hash is not None:
            _publish_addendum(tx, row)
        else:
            _publish(tx, row, effective_at or _soonest(tx))
        by = update(tables.rulesets).where(tables.rulesets.c.hash == hash_).values(published_by=actor.name)
        tx.connection.execute(by)
        tx.flush()
        return ruleset_view(_row(tx.connection, hash_))

    return write(context, work)


def may_publish(context: Context, actor: Actor, hash_: str) -> bool:
    """Whether the actor may publish this draft, or a second person must. Raises NotFound."""

    def work(tx: Transaction) -> bool:
        row = _row(tx.connection, hash_)
        return row.drafted_by not in (None, actor.name) or not _needs_second_person(tx, row)

    return read(context, work)


def get_ruleset(context: Context, hash_: str) -> views.RulesetView:
    """Raises NotFound."""
    return read(context, lambda tx: ruleset_view(_row(tx.connection, hash_)))


def list_rulesets(
    context: Context, limit: int = cursors.LIMIT_DEFAULT, cursor: str | None = None
) -> views.Page[views.RulesetView]:
    """Every version, in the order of their hashes."""
    cursors.check_limit(limit)
    columns = tables.rulesets.c
    query = select(tables.rulesets).order_by(columns.hash).limit(limit + 1)
    if cursor is not None:
        query = query.where(columns.hash > cursors.decode(cursor))
    return read(
        context,
        lambda tx: cursors.page(tx.connection.execute(query).all(), limit, "hash", ruleset_view),
    )


def published_rulesets(context: Context, limit: int) -> tuple[views.RulesetView, ...]:
    """The newest versions that are published or on their way to the chain, drafts never. Public."""
    columns = tables.rulesets.c
    query = select(tables.rulesets).where(columns.state != "draft")
    query = query.order_by(columns.effective_at.desc(), columns.created_at.desc(), columns.hash).limit(limit)
    return read(context, lambda tx: tuple(ruleset_view(row) for row in tx.connection.execute(query)))


def draft_rulesets(context: Context, limit: int) -> tuple[views.RulesetView, ...]:
    """The newest drafts."""
    columns = tables.rulesets.c
    query = select(tables.rulesets).where(columns.state == "draft")
    query = query.order_by(columns.created_at.desc(), columns.hash).limit(limit)
    return read(context, lambda tx: tuple(ruleset_view(row) for row in tx.connection.execute(query)))


def soonest_effective_at(context: Context) -> datetime:
    """The first whole second from which a ruleset published now may act: the notice period ahead, and what sending takes."""
    return read(context, _soonest)


def ruleset_in_force(context: Context, at: datetime) -> views.RulesetView:
    """The version in force at an instant. Raises NotInitialised before the first one."""
    return read(context, lambda tx: ruleset_view(_row(tx.connection, tx.ruleset_hash_at(at))))


def next_ruleset(context: Context) -> views.RulesetView | None:
    """The version that comes into force next, or None."""
    return read(context, next_view)


def next_view(tx: Transaction) -> views.RulesetView | None:
    """As `next_ruleset`, inside a use case."""
    columns = tables.rulesets.c
    query = select(tables.rulesets).where(columns.state != "draft", columns.effective_at > tx.now)
    row = tx.connection.execute(query.order_by(columns.effective_at).limit(1)).one_or_none()
    return None if row is None else ruleset_view(row)


def view_of(tx: Transaction, hash_: str) -> views.RulesetView:
    """The view of one version, inside a use case. Raises NotFound."""
    return ruleset_view(_row(tx.connection, hash_))


def checked(document: str) -> tuple[Ruleset, str]:
    """The ruleset of a YAML or JSON text and its canonical form. Raises InvalidInput with the places of what is
    wrong.
    """
    ruleset = parse_ruleset(document)
    places = check_ruleset(ruleset)
    if places:
        raise InvalidInput("The ruleset contradicts itself.", places=tuple(places))
    return ruleset, canonical_json(ruleset)


def accept_published(connection: Connection, hash_: str, *, effective_at: datetime, published_at: datetime) -> None:
    """The chain has it, finally: from `effective_at` on it decides, and everybody's tier is looked at again under it.

    Both instants are the chain's. A ruleset that is not ours changes nothing.
    """
    ours = update(tables.rulesets).where(tables.rulesets.c.hash == hash_)
    values = {"state": "published", "effective_at": effective_at, "published_at": published_at}
    if connection.execute(ours.values(**values)).rowcount:
        due = tables.members.c.tier_due_at
        is_later = or_(due.is_(None), due > effective_at)
        connection.execute(update(tables.members).where(is_later).values(tier_due_at=effective_at))


def insert_first(tx: Transaction, text: str) -> str:
    """Stores the first ruleset, effective since ever, and orders its publication; answers its hash."""
    hash_ = ruleset_hash(text)
    tx.connection.execute(
        insert(tables.rulesets).values(
            hash=hash_,
            document=text,
            state="publishing",
            effective_at=FIRST_EFFECTIVE_AT,
            created_at=tx.now,
        )
    )
    return hash_


def ruleset_view(row: Row[Any]) -> views.RulesetView:
    """The view of a ruleset's row."""
    return views.RulesetView(
        hash=row.hash,
        document=row.document,
        base_hash=row.base_hash,
        state=row.state,
        effective_at=row.effective_at,
        created_at=row.created_at,
        drafted_by=row.drafted_by,
        published_by=row.published_by,
    )


def _check_second_person(tx: Transaction, row: Row[Any], actor: Actor) -> None:
    if row.drafted_by in (None, actor.name) and _needs_second_person(tx, row):
        limit = parse_ruleset(_before(tx, row).document).limits.publication_points
        raise ApprovalNeeded("whoever drafted so costly rules cannot publish them: ask somebody else", limit=limit)


def _needs_second_person(tx: Transaction, row: Row[Any]) -> bool:
    return needs_second_person(parse_ruleset(_before(tx, row).document), parse_ruleset(row.document))


def _before(tx: Transaction, row: Row[Any]) -> Row[Any]:
    """The version that a draft adds to, or that it follows: the last one that is published or on its way."""
    if row.base_hash is not None:
        return _row(tx.connection, row.base_hash)
    columns = tables.rulesets.c
    query = select(tables.rulesets).where(columns.state != "draft")
    query = query.order_by(columns.effective_at.desc(), columns.created_at.desc()).limit(1)
    return tx.connection.execute(query).one()


def _soonest(tx: Transaction) -> datetime:
    return tx.now.replace(microsecond=0) + timedelta(seconds=tx.program.notice_period_seconds) + SENDING


def _publish(tx: Transaction, row: Row[Any], effective_at: datetime) -> None:
    if effective_at.tzinfo is None or effective_at.microsecond:
        raise checks.wrong("/effective_at", "must be a whole second with a time zone")
    earliest = tx.now + timedelta(seconds=tx.program.notice_period_seconds)
    if effective_at < earliest:
        raise checks.wrong("/effective_at", "must lie at least the notice period ahead")
    if effective_at > earliest + EFFECTIVE_AHEAD_MAX:
        raise checks.wrong("/effective_at", "must lie at most 366 days behind the notice period")
    columns = tables.rulesets.c
    later = select(columns.hash).where(columns.state != "draft", columns.effective_at >= effective_at)
    if tx.connection.execute(later.limit(1)).one_or_none() is not None:
        raise checks.wrong("/effective_at", "must lie after every ruleset published so far")
    _set_publishing(tx, row.hash, effective_at)
    arguments = {"hash": row.hash, "uri": URI.format(hash=row.hash), "effective_at": int(effective_at.timestamp())}
    tx.staged.admin_operations.append(("publish_ruleset", "rules", arguments))


def _change_base(tx: Transaction, known: Row[Any], base_hash: str | None) -> None:
    """A draft is what the last call says, an addendum or not. Raises Conflict when it is published otherwise."""
    if known.state != "draft":
        raise Conflict("this ruleset was published already", existing_id=known.hash)
    columns = tables.rulesets.c
    tx.connection.execute(update(tables.rulesets).where(columns.hash == known.hash).values(base_hash=base_hash))


def _note_drafter(tx: Transaction, known: Row[Any], actor: Actor) -> None:
    """Whoever drafts it first is who drafted it; of older drafts nobody was noted."""
    if known.drafted_by is None and known.state == "draft":
        here = update(tables.rulesets).where(tables.rulesets.c.hash == known.hash)
        tx.connection.execute(here.values(drafted_by=actor.name))


def _publish_addendum(tx: Transaction, row: Row[Any]) -> None:
    base = _row(tx.connection, row.base_hash)
    if base.state == "draft" or base.effective_at is None:
        raise Conflict("the base of this addendum is not published", existing_id=base.hash)
    columns = tables.rulesets.c
    newer = select(columns.hash).where(columns.base_hash == base.hash, columns.state != "draft").limit(1)
    taken = tx.connection.execute(newer).scalar_one_or_none()
    if taken is not None:
        raise Conflict("its base has an addendum already: make this one an addendum to that", existing_id=taken)
    _set_publishing(tx, row.hash, max(base.effective_at, tx.now.replace(microsecond=0)))
    arguments = {"base_hash": base.hash, "hash": row.hash, "uri": URI.format(hash=row.hash)}
    tx.staged.admin_operations.append(("publish_addendum", "rules", arguments))


def _set_publishing(tx: Transaction, hash_: str, effective_at: datetime) -> None:
    values = {"state": "publishing", "effective_at": effective_at}
    tx.connection.execute(update(tables.rulesets).where(tables.rulesets.c.hash == hash_).values(**values))


def _check_addendum(base: Row[Any], text: str) -> None:
    places = addendum_problems(parse_ruleset(base.document), parse_ruleset(text))
    if places:
        raise InvalidInput("An addendum may only add to its base.", places=tuple(places))


def _row(connection: Connection, hash_: str) -> Row[Any]:
    row = connection.execute(select(tables.rulesets).where(tables.rulesets.c.hash == hash_)).one_or_none()
    if row is None:
        raise NotFound("no such ruleset")
    return row
