"""Bringing members in from an earlier programme: the decision about a file (docs/importing.md).

A person of the staff vouches for it. Where it holds more points than the rules let one person put right
(`limits.adjustment_points`, `limits.adjustment_day_points`), a second one approves the whole file, known by its hash, before
any of it comes in.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from token_service.errors import ApprovalNeeded, CallerError, Conflict, Forbidden, NotFound
from token_service.ledger import by_hand, ceilings, checks, views
from token_service.ledger.context import Actor, Context
from token_service.ledger.import_inputs import NewImport
from token_service.ledger.import_tables import imports
from token_service.ledger.transaction import Transaction, read, write

LISTED_MAX: Final = 100
SOURCE_LENGTH_MAX: Final = 100
_columns = imports.c


def declare_import(context: Context, actor: Actor, new: NewImport, *, points_to_come: int) -> views.Import:
    """The import of this file, vouched for by the actor; the first one again for the same file. `open` where it waits for a
    second person. `points_to_come`: those of it that the ledger has not got yet.

    Raises Forbidden for anybody but an admin, Conflict when the file was declared as something else or declined, CeilingReached
    when the merchant may not issue so much now, NotFound (merchant), InvalidInput.
    """
    actor.need_admin()

    def work(tx: Transaction) -> views.Import:
        checks.text("/source", new.source, longest=SOURCE_LENGTH_MAX)
        merchant = tx.merchant(new.merchant_id)
        row = _of_file(tx, new.file_hash)
        if row is None:
            row = _insert(tx, actor, new)
        _check_same(row, new)
        if row.state in ("alone", "open"):
            refusal = _refusal(tx, row.points, row.proposed_by, points_to_come)
            state = "alone" if refusal is None else "open"
            tx.connection.execute(update(imports).where(_columns.id == row.id).values(state=state))
        _check_room(tx, merchant, points_to_come)
        return _view(_row(tx, row.id))

    return write(context, work)


def foresee_import(context: Context, actor: Actor, new: NewImport, *, points_to_come: int) -> CallerError | None:
    """What `declare_import` would raise now, or why a second person comes first; nothing is written."""
    actor.need_admin()

    def work(tx: Transaction) -> CallerError | None:
        try:
            row = _of_file(tx, new.file_hash)
            if row is not None:
                _check_same(row, new)
            _check_room(tx, tx.merchant(new.merchant_id), points_to_come)
        except CallerError as refusal:
            return refusal
        if row is not None and row.state == "approved":
            return None
        return _refusal(tx, new.points, actor.name if row is None else row.proposed_by, points_to_come)

    return read(context, work)


def approve_import(context: Context, actor: Actor, import_id: str) -> views.Import:
    """The import, approved by a second person; repeatable by them. Raises Forbidden for whoever proposed it, NotFound,
    Conflict.
    """
    return _decided(context, actor, import_id, "approved")


def decline_import(context: Context, actor: Actor, import_id: str) -> views.Import:
    """The import, declined by anybody who may approve, also by whoever proposed it. Repeatable. Raises NotFound, Conflict."""
    return _decided(context, actor, import_id, "declined")


def open_imports(context: Context, actor: Actor) -> tuple[views.Import, ...]:
    """What waits for a second person, oldest first; at most 100. Raises Forbidden for anybody but an admin."""
    actor.need_admin()
    query = select(imports).where(_columns.state == "open").order_by(_columns.created_at).limit(LISTED_MAX)
    return read(context, lambda tx: tuple(_view(row) for row in tx.connection.execute(query)))


def get_import(context: Context, actor: Actor, import_id: str) -> views.Import:
    """Raises NotFound, Forbidden for anybody but an admin."""
    actor.need_admin()
    return read(context, lambda tx: _view(_row(tx, import_id)))


def permitted(tx: Transaction, import_id: str) -> views.Import:
    """The import, if its rows may come in now: by a second person's word, or of one who may alone. Raises ApprovalNeeded,
    Conflict.
    """
    row = _row(tx, import_id)
    if row.state == "declined":
        raise Conflict("this file was declined", existing_id=row.id)
    if row.state != "approved":
        refusal = _refusal(tx, row.points, row.proposed_by, 0)
        if refusal is not None or row.state == "open":
            raise refusal or ApprovalNeeded("this file waits for a second person")
    return _view(row)


def _decided(context: Context, actor: Actor, import_id: str, state: str) -> views.Import:
    actor.need_admin()

    def work(tx: Transaction) -> views.Import:
        row = _row(tx, import_id)
        if state == "approved" and row.proposed_by == actor.name:
            raise Forbidden("whoever proposed it cannot approve it: ask somebody else")
        is_again = row.state == state and (state == "declined" or row.decided_by == actor.name)
        if not is_again:
            values = {"state": state, "decided_by": actor.name, "decided_at": tx.now}
            here = (_columns.id == row.id) & (_columns.state == "open")
            if not tx.connection.execute(update(imports).where(here).values(**values)).rowcount:
                raise Conflict("this import does not wait for anybody", existing_id=row.id)
        return _view(_row(tx, import_id))

    return write(context, work)


def _check_room(tx: Transaction, merchant: Any, points_to_come: int) -> None:
    """Raises CeilingReached, ProgramPaused or AfterSunset where the merchant may not issue so much now."""
    if points_to_come:
        ceilings.charge(tx, merchant.party, points_to_come)
        tx.charges.clear()  # each row charges its own


def _refusal(tx: Transaction, points: int, proposed_by: str, points_to_come: int) -> ApprovalNeeded | None:
    """Why whoever proposed it may not bring it in alone, if they may not."""
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    try:
        by_hand.check_import(tx, ruleset, points, to_come=points_to_come, actor=proposed_by)
    except ApprovalNeeded as refusal:
        return refusal
    return None


def _insert(tx: Transaction, actor: Actor, new: NewImport) -> Row[Any]:
    row = {
        "id": tx.new_id("imp"),
        "file_hash": new.file_hash,
        "source": new.source,
        "merchant_id": new.merchant_id,
        "welcomes": new.welcomes,
        "members": new.members,
        "points": new.points,
        "proposed_by": actor.name,
        "created_at": tx.now,
        "state": "alone",
    }
    tx.connection.execute(insert(imports).values(**row))
    return _row(tx, str(row["id"]))


def _check_same(row: Row[Any], new: NewImport) -> None:
    if row.state == "declined":
        raise Conflict("this file was declined", existing_id=row.id)
    told: dict[str, tuple[object, object]] = {"its name for the earlier programme": (row.source, new.source)}
    told |= {"its merchant": (row.merchant_id, new.merchant_id)}
    told |= {"whether its members are welcomed": (row.welcomes, new.welcomes)}
    for what, (before, now) in told.items():
        if before != now:
            raise Conflict(f"this file was given before, and {what} was another ({before})", existing_id=row.id)


def _of_file(tx: Transaction, file_hash: str) -> Row[Any] | None:
    return tx.connection.execute(select(imports).where(_columns.file_hash == file_hash)).one_or_none()


def _row(tx: Transaction, import_id: str) -> Row[Any]:
    row = tx.connection.execute(select(imports).where(_columns.id == import_id)).one_or_none()
    if row is None:
        raise NotFound("no such import")
    return row


def _view(row: Row[Any]) -> views.Import:
    return views.Import(**row._mapping)
