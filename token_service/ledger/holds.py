"""Holds: points set aside while a customer pays, then captured or released (DESIGN §3.5, docs/api.md "Hold points").

A hold names its lots, which do not expire while it is open. Capturing is a redemption of some or all of it; what is left is free
again. A hold that nobody ends releases itself at its time.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from token_service.errors import Conflict, HoldExpired, ReferenceConflict
from token_service.ledger import checks, operations, stored_lots, views
from token_service.ledger.context import Actor, Context
from token_service.ledger.due_members import CHUNK
from token_service.ledger.hold_rows import OPEN, free, free_lapsed, hold_state, lapse, lots_said, parts_of, set_aside
from token_service.ledger.hold_tables import holds
from token_service.ledger.inputs import NewCapture, NewHold, NewRedemption
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome
from token_service.ledger.posting import fact, sweep_expired
from token_service.ledger.redemptions import check_running, redeem_held, redemption_view
from token_service.ledger.reward_uses import whose
from token_service.ledger.staged import HoldState, Operation
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.views import DueReport
from token_service.program import lots as engine
from token_service.program.lots import Use
from token_service.program.rewards import check_redemption

SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(days=7)
_holds = holds.c


def hold(context: Context, actor: Actor, new: NewHold) -> views.Outcome[views.Hold]:
    """The hold; the first one again when its reference is known with the same content.

    Raises InsufficientBalance (with `missing_points`), ReferenceConflict, NotFound, InvalidInput, MemberFrozen, MemberLeaving,
    ProgramPaused, BacklogFull.
    """
    return outcome(context, lambda tx: _hold(tx, actor, new), hold_view, asked_by(actor, "hold", new))


def capture(context: Context, actor: Actor, hold_id: str, new: NewCapture) -> views.Outcome[views.Redemption]:
    """The redemption of all or `points` of the hold; the rest is free again. Repeatable with the same points.

    Raises NotFound, HoldExpired, Conflict (released, or captured with other points), InvalidInput, MemberFrozen, MemberLeaving,
    ProgramPaused, ReferenceConflict when the reference names another redemption.
    """
    return outcome(context, lambda tx: _capture(tx, actor, hold_id, new), redemption_view)


def release(context: Context, actor: Actor, hold_id: str) -> views.Outcome[views.Hold]:
    """The hold, with its points free again. Repeatable, also behind its own end. Raises NotFound, Conflict (captured)."""
    return outcome(context, lambda tx: _release(tx, actor, hold_id), hold_view)


def get_hold(context: Context, actor: Actor, hold_id: str) -> views.Hold:
    """Raises NotFound."""
    return read(context, lambda tx: hold_view(tx, operations.get(tx, actor, hold_id, "hold")))


def find_hold(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Hold:
    """The merchant's hold of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(context, lambda tx: hold_view(tx, operations.find(tx, merchant, "hold", reference)))


def hold_view(tx: Transaction, operation: Operation) -> views.Hold:
    """The view of a hold operation, staged or stored."""
    state = hold_state(tx, operation.id)
    redeemed = operations.children(tx, operation.id, "redemption")
    return views.Hold(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        points=state.points,
        captured=state.captured,
        state=state.state,
        expires_at=state.expires_at,
        redemption_id=redeemed[0].id if redeemed else None,
        ruleset=operation.ruleset_hash,
    )


def release_lapsed(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """One chunk of holds behind `place` whose time is over, also of frozen members: nothing is given or taken."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        query = select(_holds.operation_id, _holds.member_id).where(_holds.state == OPEN, _holds.expires_at <= tx.now)
        query = query.where(_holds.operation_id > place).order_by(_holds.operation_id).limit(CHUNK)
        rows = tx.connection.execute(query).all()
        if not rows:
            return report, None
        tx.lock_accounts(row.member_id for row in rows)
        found = operations.loaded(tx, [row.operation_id for row in rows])
        done = sum(lapse(tx, found[row.operation_id]) for row in rows)
        tx.flush()
        return replace(report, holds_released=report.holds_released + done), rows[-1].operation_id

    return write(context, work)


def next_lapse_at(tx: Transaction) -> datetime | None:
    """When the next open hold releases itself."""
    query = select(_holds.expires_at).where(_holds.state == OPEN).order_by(_holds.expires_at).limit(1)
    return tx.connection.execute(query).scalar_one_or_none()


def _hold(tx: Transaction, actor: Actor, new: NewHold) -> Done:
    merchant_id = actor.acting_merchant(new.merchant_id)
    account = tx.member_of(merchant_id, member_id=new.member_id, external_id=None)
    checks.reference(new.reference)
    if not SHORTEST <= new.expires_in <= LONGEST:
        raise checks.wrong("/expires_in", "a hold lasts from one second to seven days")
    seconds = int(new.expires_in.total_seconds())
    content = operations.content_hash(asdict(new) | {"merchant_id": merchant_id, "expires_in": seconds})
    first = operations.known(tx, merchant_id=merchant_id, kind="hold", reference=new.reference, content=content)
    if first is not None:
        return Done(first, replayed=True)
    if operations.exists(tx, merchant_id, "redemption", new.reference):
        raise ReferenceConflict("this reference names a redemption already")
    operations.check_spending(account)
    check_running(tx)
    free_lapsed(tx, account)
    at = stored_lots.consumption_time(tx)
    points = check_redemption(
        tx.ruleset(tx.ruleset_hash_at(tx.now)),
        points=new.points,
        reward_id=None,
        available=engine.available(stored_lots.open_lots(tx, account), at),
        whose=whose(tx, account),
        at=tx.now,
    )
    sweep_expired(tx, account)
    until = tx.now + timedelta(seconds=seconds)
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("hld"),
            kind="hold",
            merchant_id=merchant_id,
            member_id=account.id,
            reference=new.reference,
            content_hash=content,
            ruleset_hash=tx.ruleset_hash_at(tx.now),
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts={"points": points, "until": until.isoformat()},
            result={},
        ),
    )
    uses = engine.consume(stored_lots.open_lots(tx, account), points, at=at)
    parts = tuple((use.lot_id, -use.points) for use in uses)
    set_aside(tx, account, parts, 1)
    more = {"points_held": points, "set_aside": lots_said(parts), "until": until.isoformat()}
    fact(tx, account, "held", operation=operation, more=more)
    state = HoldState(operation.id, account.id, points, 0, until, OPEN, [list(part) for part in parts])
    tx.staged.holds.append(state)
    return Done(operation, replayed=False)


def _capture(tx: Transaction, actor: Actor, hold_id: str, new: NewCapture) -> Done:
    operation = operations.get(tx, actor, hold_id, "hold")
    account = tx.account(operation.member_id)
    state = hold_state(tx, hold_id)  # as it is under the lock
    points = state.points if new.points is None else checks.points("/points", new.points)
    if points > state.points:
        raise checks.wrong("/points", "more would be captured than is held")
    if state.state == "captured":
        if points != state.captured:
            raise Conflict("this hold was captured with other points", existing_id=hold_id)
        return Done(operations.children(tx, hold_id, "redemption")[0], replayed=True)
    if state.state == "released":
        raise Conflict("this hold was released", existing_id=hold_id)
    if state.state == "expired" or tx.now >= state.expires_at:
        raise HoldExpired("the hold has expired and its points are free again: ask for a new one")
    operations.check_spending(account)
    check_running(tx)
    taken, rest = _split(parts_of(state), points)
    set_aside(tx, account, taken, -1)
    asked = NewRedemption(new.reference or operation.reference, account.id, points=points)
    uses = tuple(
        Use(lot.id, -part, lot.expires_at)
        for lot, (_, part) in zip(
            stored_lots.lots_named(tx, account, [lot_id for lot_id, _ in taken]), taken, strict=True
        )
    )
    done = redeem_held(tx, account, operation, asked, uses)
    if rest:
        operation.parts = operations.parts_of(tx, operation)
        free(tx, account, operation, replace(state, lots=[list(part) for part in rest]), because="captured")
    tx.staged.changed_holds.append(replace(state, state="captured", captured=points, lots=[]))
    return done


def _release(tx: Transaction, actor: Actor, hold_id: str) -> Done:
    operation = operations.get(tx, actor, hold_id, "hold")
    account = tx.account(operation.member_id)
    state = hold_state(tx, hold_id)
    if state.state == "captured":
        raise Conflict("this hold was captured: give the redemption back instead", existing_id=hold_id)
    if state.state != OPEN:
        return Done(operation, replayed=True)
    operation.parts = operations.parts_of(tx, operation)
    freed = free(tx, account, operation, state, because="released")
    tx.staged.changed_holds.append(replace(freed, state="released"))
    return Done(operation, replayed=False)


def _split(parts: tuple[tuple[str, int], ...], points: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """(the first `points` of the parts, the rest), in their order."""
    taken, rest = [], []
    for lot_id, there in parts:
        part = min(points, there)
        points -= part
        if part:
            taken.append((lot_id, part))
        if there > part:
            rest.append((lot_id, there - part))
    return taken, rest
