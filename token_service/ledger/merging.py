"""Two accounts of one person become one: points with their lots, what waits for its return window, purchases, levels, visits,
stamps, limits, memberships and codes go to the account that stays (docs/console.md "Two accounts of one person").

The other one is closed and points to it: its id, its cards and the names that merchants know it by mean the account that stays.
What operations count for goes with `operations.member_id` (docs/adr/0010); entries and facts stay where they were recorded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from token_service.errors import Conflict
from token_service.ledger import checks, operations, tables, tiers, views
from token_service.ledger.accounts import Account, StoredLot
from token_service.ledger.challenge_rows import completions
from token_service.ledger.context import Actor, Context
from token_service.ledger.hold_rows import check_nothing_held
from token_service.ledger.leaving import set_state
from token_service.ledger.members import member_view
from token_service.ledger.merge_requests import ask, forget_request, request_for
from token_service.ledger.merged_rows import hand_over
from token_service.ledger.moving_on import move_in_all, move_on, move_out, note_move, own_operation, said
from token_service.ledger.notices import look_by
from token_service.ledger.posting import fact
from token_service.ledger.purchase_facts import history, last_visit, segments_of
from token_service.ledger.segments import label
from token_service.ledger.staged import Operation
from token_service.ledger.standing_facts import take_over
from token_service.ledger.transaction import Transaction, write
from token_service.program.limits import needs_approval
from token_service.program.merging import renamed
from token_service.program.visits import visits_together


@dataclass(frozen=True, slots=True)
class Merged:
    """The account that stays. `waits`: nothing has happened yet, a second person must ask for the same."""

    member: views.Member
    waits: bool = False


def merge_members(context: Context, actor: Actor, member_id: str, into_id: str, reason: str) -> Merged:
    """Makes one account of two. Above `limits.adjustment_points`, what waits for its return window included, the first call asks
    and somebody else's call for the same two does it. Repeatable: what has come to the account that went goes on.

    Raises Forbidden for anybody but an admin, InvalidInput, NotFound, MemberFrozen, MemberLeaving (closed, or in a wallet of
    its own), Conflict when points of the other one are held or owed, or it became part of a third one (`merged_into`).
    """
    actor.need_admin()

    def work(tx: Transaction) -> Merged:
        checks.text("/reason", reason)
        tx.lock_accounts([member_id, into_id])
        source, target = tx.account(member_id), tx.heir(tx.account(into_id))
        waits = False
        if source.merged_into is None:
            waits = not _merge(tx, source, target, actor, reason)
        elif tx.heir(source) is not target:
            raise Conflict("this account became part of another one before", merged_into=tx.heir(source).id)
        elif source.available:
            move_on(tx, source)
        return Merged(member_view(tx, target, None), waits)

    return write(context, work)


def _merge(tx: Transaction, source: Account, target: Account, actor: Actor, reason: str) -> bool:
    """Whether it was done; else it waits for a second person."""
    _check(tx, source, target)
    who = {"reason": reason, "actor": actor.name}
    if needs_approval(tx.ruleset(tx.ruleset_hash_at(tx.now)), source.available + source.pending):
        asked = request_for(tx, source.id)
        if asked is None or asked.into_id != target.id or asked.asked_by == actor.name:
            ask(tx, source.id, target.id, actor.name, reason)
            return False
        who = {"reason": asked.reason, "actor": asked.asked_by, "approved_by": actor.name}
    forget_request(tx, source.id)
    operation = operations.start(tx, _operation(tx, source, target, who))
    lots = move_out(tx, source, operation)
    depart(tx, source, operation, lots)
    arrive(tx, source, target, operation, lots)
    return True


def depart(tx: Transaction, source: Account, operation: Operation, lots: Sequence[StoredLot]) -> None:
    """The account has become part of another one; `lots` are what left it."""
    more = said(operation) | {"pending": source.pending, "moved": sum(stored.free.left for stored in lots)}
    fact(tx, source, "merged", operation=operation, points=-source.pending, more=more)


def arrive(tx: Transaction, source: Account, target: Account, operation: Operation, lots: Sequence[StoredLot]) -> None:
    """The other one has all that it had. Flushes."""
    theirs = completions(tx, source)
    names = {theirs[subject]: name for subject, name in renamed(completions(tx, target), theirs).items()}
    visit = visits_together(last_visit(tx, source), last_visit(tx, target))
    pending = _pending(tx, source)
    more = said(operation) | {"pending": pending, "visit": None if visit is None else visit.to_json(), "renamed": names}
    first_in = fact(tx, target, "merged_in", operation=operation, points=pending, more=more)
    _take_figures(tx, source, target)
    target.carried_visit = None if visit is None else json.dumps(visit.to_json())
    move_in_all(tx, target, operation, lots)
    tiers.review(tx, target)
    label(tx, target, (*segments_of(source), *segments_of(target)), str(operation.facts["actor"]))
    take_over(tx, source, target, str(operation.facts["actor"]))
    tx.flush()
    note_move(tx, operation, source, target, first_in.id)
    set_state(tx, source, "closed")
    hand_over(tx, source.id, target.id, names, str(operation.facts["actor"]))


def _pending(tx: Transaction, source: Account) -> int:
    """What its awards that wait for their return window come to."""
    columns = tables.awards.c
    query = select(func.coalesce(func.sum(columns.points), 0)).where(columns.member_id == source.id)
    return int(tx.connection.execute(query).scalar_one())


def _check(tx: Transaction, source: Account, target: Account) -> None:
    if source is target:
        raise checks.wrong("/into", "must be another member")
    for account in (source, target):
        operations.check_kept(account)
    check_nothing_held(tx, source)
    if source.debt:
        raise Conflict("this account owes points: let it be the one that stays", debt=source.debt)


def _operation(tx: Transaction, source: Account, target: Account, who: dict[str, str]) -> Operation:
    facts = {
        "from": source.id,
        "into": target.id,
        "from_account": source.address,
        "into_account": target.address,
        **who,
    }
    return own_operation(tx, "merge", f"merge/{source.id}", facts)


def _take_figures(tx: Transaction, source: Account, target: Account) -> None:
    """What the members' rows say of purchases and activity."""
    target.history = {**history(tx, source), **history(tx, target)}
    target.purchase_count += source.purchase_count
    times = [at for at in (source.last_activity_at, target.last_activity_at) if at is not None]
    target.last_activity_at = max(times, default=None)
    source.purchase_count, source.last_activity_at, source.carried_visit = 0, None, None
    source.pending = 0  # said so by `depart`; where a repair found that already, the awards were still its own
    source.tier_due_at = source.notice_due_at = None
    look_by(target, tx.now)
    source.history = {}
    source.is_changed = target.is_changed = True
