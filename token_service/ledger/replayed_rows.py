"""What a replay of purchases under other rules reads (ruleset_replay.py): what happened to some members, in the order of
recording, and where they stood in challenges before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select

from token_service.ledger.challenge_tables import challenge_completions, challenge_steps
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.tables import members, operations, purchases
from token_service.program.challenges import COMPLETED, Counted, counted_challenges
from token_service.program.event_facts import EventFacts
from token_service.program.facts import PurchaseFacts, VisitFacts
from token_service.program.refunds import Refund
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import Qualification

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Happened:
    """A purchase, an event, or a completed challenge (`completes`: the operation that completed it). `facts` and `event` only
    within the window; everything else counts as it was recorded. `seq` says when it was recorded, `gone_seq` when the last of a
    purchase came back, if all of it did.
    """

    id: str
    seq: int
    member_id: str
    day: str
    recorded_at: datetime
    facts: PurchaseFacts | None
    event: EventFacts | None
    completes: str | None
    kept: int
    counted: Qualification
    visit: VisitFacts | None  # as it was recorded
    gone_seq: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where members stand in challenges as recorded: what operations count for, by member; the completions that stand, with the
    event of each, by member; and the reward of each event that gave a voucher which was not cancelled.
    """

    steps: dict[str, list[tuple[str, str, Counted]]]  # operation, challenge, counted
    given: dict[str, list[tuple[str, str]]]  # event, subject
    events: frozenset[str]  # of all in `given`
    vouchers: dict[str, str]


def happened(
    connection: Connection, member_ids: Sequence[str], since: datetime, first: int, *, count_manual: bool = False
) -> list[Happened]:
    """Every purchase and event of these members in the order of recording, and with `count_manual` the issuances by hand that
    counted in the day; the window is from `since` and sequence `first` on.
    """
    done, kinds = operations.c, ("purchase", "event", *(("issuance",) if count_manual else ()))
    refund = operations.alias("refund").c
    came_back = (
        select(func.max(refund.seq)).where(
            refund.parent_id == done.id, refund.kind == "refund", purchases.c.tier_orders == 0
        )
    ).scalar_subquery()
    query = (
        select(
            done.seq,
            done.kind,
            *purchases.c,
            done.facts,
            done.parent_id,
            done.recorded_at,
            came_back.label("gone_seq"),
        )
        .join(purchases, purchases.c.operation_id == done.id)
        .where(done.member_id.in_(member_ids), done.kind.in_(kinds))
        .order_by(done.member_id, done.seq)
    )
    return [
        _happened(row, is_in_window=row.seq >= first and row.occurred_at >= since) for row in connection.execute(query)
    ]


def standing(connection: Connection, ruleset: Ruleset, member_ids: Sequence[str]) -> Standing:
    """Where they stand in the challenges of the rules, and all that they ever completed."""
    steps, done, told = challenge_steps.c, challenge_completions.c, [one.id for one in counted_challenges(ruleset)]
    counted: dict[str, list[tuple[str, str, Counted]]] = {}
    query = select(steps.member_id, steps.operation_id, steps.challenge_id, steps.local_date, steps.amount)
    query = query.where(steps.member_id.in_(member_ids), steps.challenge_id.in_(told))
    for member_id, operation_id, challenge_id, date, amount in connection.execute(query) if told else ():
        counted.setdefault(member_id, []).append((operation_id, challenge_id, Counted(date, amount)))
    given: dict[str, list[tuple[str, str]]] = {}
    standing_ones = select(done.member_id, done.operation_id, done.subject).where(
        done.member_id.in_(member_ids), done.is_taken_back.is_(False)
    )
    for member_id, event_id, subject in connection.execute(standing_ones):
        given.setdefault(member_id, []).append((event_id, subject))
    events = select(done.operation_id).where(done.member_id.in_(member_ids))
    kept = select(vouchers.c.operation_id, vouchers.c.reward_id).where(
        vouchers.c.operation_id.in_(events), vouchers.c.cancelled_at.is_(None)
    )
    stands = frozenset(event for one in given.values() for event, _ in one)
    return Standing(counted, given, stands, {row.operation_id: row.reward_id for row in connection.execute(kept)})


def taken_back(connection: Connection, event_ids: Sequence[str]) -> set[str]:
    """Those of the events that were reversed."""
    return _followed_by(connection, event_ids, "reversal")


def refunds_of(connection: Connection, purchase_ids: Sequence[str]) -> dict[str, tuple[Refund, ...]]:
    """By purchase, what was given back of it, in the order of recording."""
    found: dict[str, tuple[Refund, ...]] = {}
    columns = operations.c
    for start in range(0, len(purchase_ids), _AT_ONCE):
        some = purchase_ids[start : start + _AT_ONCE]
        query = select(columns.parent_id, columns.facts).where(columns.parent_id.in_(some), columns.kind == "refund")
        for parent_id, facts in connection.execute(query.order_by(columns.seq)):
            found[parent_id] = (*found.get(parent_id, ()), Refund.from_json(facts["refund"]))
    return found


def lapsed_of(connection: Connection, purchase_ids: Sequence[str]) -> set[str]:
    """Those of the purchases that nobody delivered, so that they keep nothing."""
    return _followed_by(connection, purchase_ids, "lapse")


def _followed_by(connection: Connection, operation_ids: Sequence[str], kind: str) -> set[str]:
    """Those of the operations that have a child of this kind."""
    found: set[str] = set()
    columns = operations.c
    for start in range(0, len(operation_ids), _AT_ONCE):
        here = columns.parent_id.in_(operation_ids[start : start + _AT_ONCE]), columns.kind == kind
        found |= {str(one) for one in connection.execute(select(columns.parent_id).where(*here)).scalars()}
    return found


def labels_of(connection: Connection, member_ids: Collection[str]) -> dict[str, list[str]]:
    """The segments that these members are in today."""
    columns = members.c
    query = select(columns.id, columns.segments).where(columns.id.in_(member_ids), columns.segments.is_not(None))
    return {row.id: row.segments.split() for row in connection.execute(query)}


def _happened(row: Any, *, is_in_window: bool) -> Happened:
    name = row.facts["event"] if row.kind == "event" else None
    return Happened(
        id=row.operation_id,
        seq=row.seq,
        member_id=row.member_id,
        day=row.local_date,
        recorded_at=row.recorded_at,
        facts=PurchaseFacts.from_json(row.facts) if is_in_window and row.kind == "purchase" else None,
        event=EventFacts.from_json(row.facts) if is_in_window and name not in (None, COMPLETED) else None,
        completes=row.parent_id if name == COMPLETED else None,
        kept=row.kept,
        counted=Qualification(
            at=row.occurred_at,
            spend=row.tier_spend_cents,
            points=row.tier_points,
            orders=row.tier_orders,
            engagement=row.tier_engagement,
        ),
        visit=None if row.visit_number is None else VisitFacts(row.visit_number, row.visit_receipt),
        gone_seq=row.gone_seq,
    )
