"""The trail: what staff did, written in the transaction that did it, never edited, readable by owners, managers, auditors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, insert, select

from token_service.ledger import checks, cursors, views
from token_service.ledger.context import Context
from token_service.ledger.staff import Person
from token_service.ledger.staff_tables import staff, staff_actions
from token_service.ledger.store import JoinedStore

Result = TypeVar("Result")

ACTION_LENGTH_MAX: Final = 40


@dataclass(frozen=True)
class Deed:
    """What is noted of an action: `action` is noun.verb_past; `detail` figures, never personal data or a secret."""

    action: str
    object_id: str | None = None
    member_id: str | None = None
    merchant_id: str | None = None
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """One line of the trail."""

    id: str
    created_at: datetime
    staff_id: str
    staff_name: str
    staff_role: str
    action: str
    object_id: str | None
    member_id: str | None
    merchant_id: str | None
    reason: str | None
    detail: dict[str, Any]


def perform(
    context: Context, person: Person, work: Callable[[Context], Result], deed: Callable[[Result], Deed | None]
) -> Result:
    """What `work` answers, with the deed in the trail, all in one database transaction: both are written or neither.

    `work` gets a context whose use cases join that transaction. `deed` may answer None when nothing was done (a replay).
    Raises what `work` raises; nothing is written then.
    """

    def run(connection: Connection) -> Result:
        joined = replace(context, store=JoinedStore(context.store, connection))
        answer = work(joined)
        done = deed(answer)
        if done is not None:
            _note(context, connection, person, done)
        return answer

    return context.store.transact(run)


def list_actions(
    context: Context,
    *,
    staff_id: str | None = None,
    member_id: str | None = None,
    merchant_id: str | None = None,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
) -> views.Page[Action]:
    """The trail, newest first; of one person, about one member or one merchant if asked. Raises InvalidInput (cursor)."""
    cursors.check_limit(limit)
    columns = staff_actions.c
    joined = staff_actions.join(staff, staff.c.id == columns.staff_id)
    names = staff.c.name.label("staff_name"), staff.c.role.label("staff_role")
    query: Any = select(*staff_actions.c, *names).select_from(joined).order_by(columns.seq.desc()).limit(limit + 1)
    for column, wanted in (
        (columns.staff_id, staff_id),
        (columns.member_id, member_id),
        (columns.merchant_id, merchant_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if cursor is not None:
        query = query.where(columns.seq < cursors.decode_number(cursor))
    with context.store.read() as connection:
        rows = connection.execute(query).all()
    return cursors.page(rows, limit, "seq", _action)


def _note(context: Context, connection: Connection, person: Person, deed: Deed) -> None:
    assert len(deed.action) <= ACTION_LENGTH_MAX
    connection.execute(
        insert(staff_actions).values(
            id=context.new_id("act"),
            staff_id=person.id,
            action=deed.action,
            object_id=deed.object_id,
            member_id=deed.member_id,
            merchant_id=deed.merchant_id or person.merchant_id,
            reason=checks.optional_text("/reason", deed.reason),
            detail=dict(deed.detail),
            created_at=context.now(),
        )
    )


def _action(row: Row[Any]) -> Action:
    return Action(**{name: row._mapping[name] for name in Action.__dataclass_fields__})
