"""One member's cached figures from the sources alone, by another way than posting: sums and replays, nothing carried
on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from token_service.ledger import by_hand, merges, operations, own_wallets, tables
from token_service.ledger.benefit_rows import replayed_benefit_uses
from token_service.ledger.campaign_uses import use_of
from token_service.ledger.challenge_rows import replayed_completions, replayed_steps
from token_service.ledger.deliveries import LAPSE
from token_service.ledger.event_awards import replayed_state, replayed_uses
from token_service.ledger.hold_rows import parts_of, replayed_holds
from token_service.ledger.membership_rows import replayed_periods
from token_service.ledger.points_payments import replayed_payments
from token_service.ledger.posting import FIGURE_OF_KIND
from token_service.ledger.purchase_views import DELIVERY
from token_service.ledger.segments import replayed_segments
from token_service.ledger.staged import HoldState, Operation
from token_service.ledger.standing_facts import replayed_orders
from token_service.ledger.transaction import Transaction
from token_service.ledger.undone_uses import replayed_voucher_uses
from token_service.ledger.voucher_rows import replayed_vouchers
from token_service.ledger.wallet_tables import wallet_events
from token_service.program.campaign_uses import points_used
from token_service.program.earning import Award
from token_service.program.facts import PurchaseFacts
from token_service.program.lots import Lot, Use, replay
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.tiers import first_tier, qualification
from token_service.units import EntryKind

Rows = dict[str, dict[str, Any]]


def replayed_member(tx: Transaction, member_id: str) -> tuple[dict[str, Any], dict[str, Rows]]:
    """(the member's figures by column, the rows of the cached tables by table and key)."""
    entries = _entries(tx, member_id)
    merged_into = merges.heir_of(tx, member_id)
    all_done = _operations(tx, merged_into or member_id)
    done = all_done if merged_into is None else []  # they count for the account that this one became part of
    awards = {} if merged_into is not None else _awards(tx, member_id, done)
    holds = replayed_holds(tx, member_id, all_done)
    aside = _set_aside(holds.values())
    held = sum(aside.values())
    figures: dict[str, Any] = dict.fromkeys(("issued", "redeemed", "expired", "reversed"), 0)
    for entry in entries:
        name, sign = FIGURE_OF_KIND[EntryKind(entry.kind)]
        figures[name] += sign * entry.points
    debts = tables.debts.c
    debt = select(func.coalesce(func.sum(debts.points), 0)).where(debts.member_id == member_id)
    figures |= {
        "available": sum(entry.points for entry in entries) - held,
        "held": held,
        "pending": sum(award["points"] for award in awards.values()),
        "debt": int(tx.connection.execute(debt).scalar_one()),
        "tier": _tier(tx, member_id),
        "purchase_count": sum(operation.kind == "purchase" for operation in done),
        "last_activity_at": max(
            (operation.occurred_at for operation in done if operation.kind in {"purchase", "redemption"}), default=None
        ),
    }
    figures["leaf_count"] = len(_with_leaf(tx, member_id, entries)) + _fact_count(tx, member_id)
    figures["state"] = own_wallets.replayed_state(tx, member_id)
    figures["segments"] = replayed_segments(tx, member_id)
    figures |= {"merged_into": merged_into, "carried_visit": merges.carried_visit(tx, done)}
    standing, undone = replayed_voucher_uses(tx, member_id)
    rows = {
        "lots": {key: lot | {"points_held": aside.get(key, 0)} for key, lot in _lots(tx, member_id, entries).items()},
        "holds": {key: {name: getattr(hold, name) for name in hold.__slots__} for key, hold in holds.items()},
        "awards": awards,
        "purchases": _purchases(done) | _events(done) | _issuances(tx, done),
        "points_payments": replayed_payments(done),
        "campaign_uses": _campaign_uses(tx, done),
        "challenge_steps": replayed_steps(tx, done),
        "challenge_completions": replayed_completions(done, merges.renamed_completions(tx, done)),
        "member_memberships": replayed_periods(done),
        "benefit_uses": replayed_benefit_uses(done),
        "vouchers": replayed_vouchers(tx, member_id, all_done, entries, standing),
        "undone_voucher_uses": undone,
        "standing_orders": replayed_orders(tx, member_id, is_merged=merged_into is not None),
    }
    return figures, rows


def _set_aside(holds: Iterable[HoldState]) -> dict[str, int]:
    """Points of each lot that open holds set aside."""
    aside: dict[str, int] = {}
    for hold in holds:
        for lot_id, points in parts_of(hold):
            aside[lot_id] = aside.get(lot_id, 0) + points
    return aside


def _entries(tx: Transaction, member_id: str) -> list[Row[Any]]:
    columns = tables.entries.c
    query = select(tables.entries).where(columns.member_id == member_id).order_by(columns.seq)
    return list(tx.connection.execute(query))


def _with_leaf(tx: Transaction, member_id: str, entries: list[Row[Any]]) -> list[Row[Any]]:
    """Those that are settled: neither a void, nor something that the member did on the chain."""
    columns = wallet_events.c
    query = select(columns.entry_id).where(columns.member_id == member_id, columns.entry_id.is_not(None))
    done_elsewhere = set(tx.connection.execute(query).scalars())
    return [entry for entry in entries if not entry.voids and entry.id not in done_elsewhere]


def _fact_count(tx: Transaction, member_id: str) -> int:
    query = select(func.count()).where(tables.facts.c.member_id == member_id)
    return int(tx.connection.execute(query).scalar_one())


def _operations(tx: Transaction, member_id: str) -> list[Operation]:
    columns = tables.operations.c
    query = select(columns.id).where(columns.member_id == member_id).order_by(columns.seq)
    ids = list(tx.connection.execute(query).scalars())
    found: dict[str, Operation] = {}
    for start in range(0, len(ids), 500):
        found |= operations.loaded(tx, ids[start : start + 500])
    return [found[operation_id] for operation_id in ids]


def _awards(tx: Transaction, member_id: str, done: list[Operation]) -> Rows:
    """What is awarded and neither issued nor cut away, also of accounts that became part of this one."""
    members = [member_id, *merges.parts_of(tx, done)]
    columns, entries = tables.facts.c, tables.entries.c
    is_issued = (entries.kind == int(EntryKind.ISSUANCE)) & entries.voids.is_(None)
    bought = select(entries.operation_id).where(entries.member_id.in_(members), is_issued)
    issued = set(tx.connection.execute(bought).scalars())
    tells = (columns.points != 0) | (columns.kind == DELIVERY)
    query = select(tables.facts).where(columns.member_id.in_(members), tells).order_by(columns.seq)
    awards: Rows = {}
    for fact in tx.connection.execute(query):
        if fact.operation_id is None or fact.operation_id in issued or fact.kind in merges.KINDS:
            continue
        award_of, said = fact.operation_id, json.loads(fact.detail)
        if fact.kind == "award_pending":
            until = said.get("delivery_by")
            awards[award_of] = {
                "operation_id": award_of,
                "member_id": member_id,
                "points": fact.points,
                "due_at": fact.due_at,
                "delivery_by": None if until is None else datetime.fromisoformat(until),
            }
        elif fact.kind == DELIVERY and said["of"] in awards:
            awards[said["of"]] |= {"due_at": fact.due_at, "delivery_by": None}
        elif said["of"] in awards:
            awards[said["of"]]["points"] += fact.points
    return {key: award for key, award in awards.items() if award["points"]}


def _lots(tx: Transaction, member_id: str, entries: list[Row[Any]]) -> Rows:
    """Every lot, replayed from its uses."""
    origins = {entry.id: merges.origin_of(entry) for entry in entries if entry.points > 0}
    uses, lots = tables.lot_uses.c, tables.entries.c
    query = select(tables.lot_uses).join(tables.entries, lots.id == uses.lot_id).where(lots.member_id == member_id)
    steps: list[Lot | Use] = []
    for use in tx.connection.execute(query.order_by(uses.seq)):
        if use.lot_id == use.entry_id:
            origin, points = origins[use.lot_id], use.points
            issued_at, stays = origin.issued_at, origin.keeps_date
            steps.append(Lot(use.lot_id, origin.operation_id, points, points, issued_at, use.expires_at, stays))
        else:
            steps.append(Use(use.lot_id, use.points, use.expires_at))
    return {
        lot.id: {
            "entry_id": lot.id,
            "member_id": member_id,
            "operation_id": lot.operation_id,
            "points": lot.points,
            "points_left": lot.left,
            "party": origins[lot.id].party,
            "ruleset_hash": origins[lot.id].ruleset_hash,
            "issued_at": lot.issued_at,
            "expires_at": lot.expires_at,
            "keeps_date": lot.keeps_date,
        }
        for lot in replay(steps)
    }


def _purchases(done: list[Operation]) -> Rows:
    """What each purchase keeps after its refunds, as the refunds' results say."""
    rows: Rows = {}
    refunded, lapsed = operations.by_parent(done, "refund"), operations.by_parent(done, LAPSE)
    for operation in done:
        if operation.kind != "purchase":
            continue
        facts = PurchaseFacts.from_json(operation.facts)
        refunds = refunded.get(operation.id, [])
        kept = refunds[-1].result["kept"] if refunds else operation.result["points"]
        ends = lapsed.get(operation.id, ())
        kept = 0 if ends else kept
        given_back = tuple(Refund.from_json(one.facts["refund"]) for one in refunds)
        counts = qualification(facts, given_back, kept)
        rows[operation.id] = {
            "operation_id": operation.id,
            "member_id": operation.member_id,
            "occurred_at": operation.occurred_at,
            "local_date": facts.local.date,
            "awarded": operation.result["points"],
            "kept": kept,
            "taken": sum(map(_taken, refunds)) + sum(one.result["lapsed"] for one in ends),
            "refunded_cents": sum(refund.total for refund in given_back),
            "tier_spend_cents": counts.spend,
            "tier_points": counts.points,
            "tier_orders": counts.orders,
            "tier_engagement": 0,
            "visit_number": facts.visit.number,
            "visit_receipt": facts.visit.receipt,
        }
    return rows


def _taken(refund: Operation) -> int:
    """What a refund took of an award: reversed, made debt, or never issued."""
    return sum(int(refund.result[name]) for name in ("reversed", "debt", "pending_cancelled"))


def _events(done: list[Operation]) -> Rows:
    """What each event keeps after its reversal."""
    reversals = operations.by_parent(done, "reversal")
    states = [replayed_state(one, reversals.get(one.id, [])) for one in done if one.kind == "event"]
    return {state.operation_id: {name: getattr(state, name) for name in state.__slots__} for state in states}


def _issuances(tx: Transaction, done: list[Operation]) -> Rows:
    """What each issuance by hand that counts in the day keeps after its reversals."""
    reversals = operations.by_parent(done, "reversal")
    issued = (one for one in done if one.kind == "issuance")
    states = [by_hand.issued_state(tx.ruleset(one.ruleset_hash), one, reversals.get(one.id, ())) for one in issued]
    return {one.operation_id: {name: getattr(one, name) for name in one.__slots__} for one in states if one is not None}


def _uses_by_hand(tx: Transaction, operation: Operation, reversals: Sequence[Operation]) -> dict[str, int]:
    """What an issuance or an adjustment holds of the days' limits."""
    if operation.kind == "issuance":
        return by_hand.issued_uses(tx.ruleset(operation.ruleset_hash), operation, reversals)
    if operation.kind == "adjustment":
        return by_hand.adjusted_uses(tx.ruleset(operation.ruleset_hash), operation)
    return {}


def _campaign_uses(tx: Transaction, done: list[Operation]) -> Rows:
    """What each purchase holds of limited campaigns and days after its refunds; one that was given back stays, without points."""
    rows: Rows = {}
    refunded, reversals = operations.by_parent(done, "refund"), operations.by_parent(done, "reversal")
    lapsed = operations.by_parent(done, LAPSE)
    for operation in done:
        for name, points in _uses_by_hand(tx, operation, reversals.get(operation.id, ())).items():
            row = use_of(operation, name, operation.occurred_at, points)
            rows[row.id] = {name: getattr(row, name) for name in row.__slots__}
        if operation.kind == "event":
            is_reversed, ruleset = operation.id in reversals, tx.ruleset(operation.ruleset_hash)
            for rule_id, points in replayed_uses(operation, ruleset, is_reversed=is_reversed).items():
                subject = operation.facts.get("subject")
                row = use_of(operation, rule_id, operation.occurred_at, points, subject)
                rows[row.id] = {name: getattr(row, name) for name in row.__slots__}
        if operation.kind != "purchase" or not operation.facts.keys() & {"campaigns", "caps"}:
            continue
        facts = PurchaseFacts.from_json(operation.facts)
        back = tuple(Refund.from_json(one.facts["refund"]) for one in refunded.get(operation.id, ()))
        holds = points_used(facts, keep_after_refund(tx.ruleset(operation.ruleset_hash), facts, back)) if back else {}
        for campaign_id, points in points_used(facts, Award.from_json(operation.result)).items():
            now = min(points, holds.get(campaign_id, 0)) if back else points
            now = 0 if operation.id in lapsed else now
            row = use_of(operation, campaign_id, facts.occurred_at, now)
            rows[row.id] = {name: getattr(row, name) for name in row.__slots__}
    return rows


def _tier(tx: Transaction, member_id: str) -> str | None:
    """What the last tier fact says; without one, the level of a member without history under the rules at enrolment."""
    columns = tables.facts.c
    query = select(columns.detail).where(columns.member_id == member_id, columns.kind == "tier")
    last = tx.connection.execute(query.order_by(columns.seq.desc()).limit(1)).scalar_one_or_none()
    if last is not None:
        tier = json.loads(last)["to"]
        return None if tier is None else str(tier)
    created = select(tables.members.c.created_at).where(tables.members.c.id == member_id)
    return first_tier(tx.ruleset(tx.ruleset_hash_at(tx.connection.execute(created).scalar_one())))
