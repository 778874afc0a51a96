"""Lots: what a credit makes, what debits consume, in which order and until when. The engine is program.lots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from token_service.audit.accounts.account import HeldLot, Operation
from token_service.audit.accounts.step import Step, Stop
from token_service.program import lots as engine
from token_service.program.award_expiry import DatedPoints
from token_service.program.expiry import expires_at, extended
from token_service.program.lots import Lot, Use
from token_service.program.ruleset import Ruleset
from token_service.units import EntryKind


def credit(step: Step, operation: Operation, ruleset: Ruleset, *, is_dated: bool = False) -> None:
    """The new lot of points that a person gave: all of it has the programme's date, unless it came with one."""
    leaf = step.leaf
    until = expires_at(ruleset, leaf.occurred_at, step.account.last_activity_at)
    enter(step, operation, DatedPoints(leaf.amount, leaf.instant_of("expires_at") if is_dated else until))


def enter(step: Step, operation: Operation, part: DatedPoints, *, is_last: bool = True) -> None:
    """The new lot of an issuance or adjustment up, its date by the rules; and, behind the last part of it, the debt that it pays
    first.
    """
    leaf, account = step.leaf, step.account
    told, stays = leaf.instant_of("expires_at"), leaf.detail.get("keeps_date", False)
    if told != part.expires_at:
        step.differs("lots", "these points expire at another date", expected=said(part.expires_at), found=said(told))
    step.same("lots", "whether these points keep their date", part.keeps_date, stays)
    step.same("openings", "the points of the detail", leaf.amount, leaf.whole("points"))
    lot = Lot(leaf.id, operation.id, leaf.amount, leaf.amount, leaf.occurred_at, told, stays is True)
    account.lots[lot.id] = HeldLot(lot, leaf.party, leaf.ruleset)
    operation.lots.append(lot.id)
    if is_last and account.debts and account.is_ours and engine.available(step.open_lots(), step.consumption_time):
        account.owes_payment = leaf.recorded_at


def expire(step: Step) -> None:
    """An expiry takes whole lots of one issuer, each at its date or later."""
    leaf = step.leaf
    uses = leaf.uses()
    for use in uses:
        held = step.account.lots.get(use.lot_id)
        if held is None:
            step.differs("lots", "a lot expires that has no points", expected="a lot with points", found=use.lot_id)
            raise Stop("a lot that is not there expired")
        if not engine.is_expired(held.lot, step.consumption_time):
            expected, found = f"not before {said(held.lot.expires_at)}", said(leaf.recorded_at)
            step.differs("lots", f"lot {use.lot_id} expired before its date", expected=expected, found=found)
        free = held.free
        if (-use.points, use.expires_at) != (free.left, free.expires_at):
            expected, found = said_use(Use(use.lot_id, -free.left, free.expires_at)), said_use(use)
            step.differs("lots", "an expiry takes other points than its lot has", expected=expected, found=found)
        step.same("lots", "the issuer of an expired lot", held.party, leaf.party)
    take(step, uses)


def debit(step: Step, expected: Sequence[Use]) -> tuple[Use, ...]:
    """What the entry did to lots, compared with what the rules say; the entry's own word goes on. Raises Stop."""
    uses = step.leaf.uses()
    if uses != tuple(expected):
        step.differs("lots", "other lots are used than the rules say", expected=_said(expected), found=_said(uses))
    take(step, uses)
    return uses


def consumed(step: Step) -> tuple[Use, ...]:
    """What a debit of the leaf's points should take."""
    return _taken(step, step.leaf.amount)


def take(step: Step, uses: Sequence[Use]) -> None:
    """Changes the lots. Raises Stop, with a finding, when they cannot give what the leaf says."""
    leaf, sign = step.leaf, EntryKind(step.leaf.entry_kind).sign
    total = sum(use.points for use in uses)
    if leaf.entry_kind != EntryKind.FACT:
        step.same("openings", "the points of the detail's lots", sign * leaf.amount, total)
    for use in uses:
        _change(step, use)


def _change(step: Step, use: Use) -> None:
    account = step.account
    held = account.lots.get(use.lot_id)
    if held is None:
        held = step.storage.empty_lot(use.lot_id)
    if held is None or not 0 <= held.lot.left + use.points <= held.lot.points:
        left = "no such lot" if held is None else f"{held.lot.left} of {held.lot.points} left"
        step.differs("lots", "a lot cannot give or take these points", expected=left, found=said_use(use))
        raise Stop("the lots of the account are not known any more")
    held.lot = replace(held.lot, left=held.lot.left + use.points, expires_at=use.expires_at)
    if step.leaf.entry_kind == EntryKind.EXPIRY:
        held.lost -= use.points
    if held.lot.left:
        account.lots[use.lot_id] = held
    else:
        account.lots.pop(use.lot_id, None)
        step.storage.put_empty_lot(held)


def _taken(step: Step, points: int) -> tuple[Use, ...]:
    """The uses of a debit, as many points as there are."""
    lots, at = step.open_lots(), step.consumption_time
    there = engine.available(lots, at)
    if there < points:
        step.differs("lots", "more points are taken than the account has", expected=f"≤ {there}", found=points)
    points = min(points, there)
    return engine.consume(lots, points, at=at) if points else ()


def prolong(step: Step, activity_at: datetime) -> None:
    """The later dates that an activity gives under the inactivity model."""
    if not step.rulebook.prolongs:
        return
    for held in step.account.lots.values():
        ruleset = step.ruleset_of(held.ruleset)
        if ruleset.expiry.kind == "inactivity":
            lot = held.lot
            later = extended(ruleset, lot.expires_at, activity_at, keeps_date=lot.keeps_date)
            held.lot = replace(lot, expires_at=later)


def lost_of(step: Step, lot_ids: Iterable[str]) -> int:
    """Points of these lots that expired or were voided, also those whose date has come and that nobody swept yet."""
    lost, at = 0, step.consumption_time
    for lot_id in lot_ids:
        held = step.account.lots.get(lot_id) or step.storage.empty_lot(lot_id)
        if held is not None:
            lost += held.lost + (held.free.left if engine.is_expired(held.lot, at) else 0)
    return lost


def said(at: datetime | None) -> str:
    """An instant as findings say it."""
    return "never" if at is None else at.isoformat().replace("+00:00", "Z")


def said_use(use: Use) -> str:
    """A use as findings say it."""
    return f"{use.points:+} of {use.lot_id} until {said(use.expires_at)}"


def _said(uses: Iterable[Use]) -> str:
    return "; ".join(said_use(use) for use in uses) or "nothing"
