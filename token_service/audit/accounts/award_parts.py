"""An award with several dates is issued in parts, one for each date, the earliest first, all together: each must be what the
rules say, and none may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from token_service.audit.accounts import lots
from token_service.audit.accounts.account import Operation
from token_service.audit.accounts.opened import opened_award
from token_service.audit.accounts.step import Step, Stop
from token_service.audit.accounts.storage import Storage
from token_service.audit.report import Finding
from token_service.program.award_expiry import DatedPoints, dated_points
from token_service.program.earning import Line
from token_service.program.expiry import expires_at
from token_service.program.ruleset import Ruleset

COMES_WITHIN: Final = timedelta(hours=1)
"""How long the other parts of an award may take to be settled behind the first."""
_MISSING: Final = "a part of an award is missing"


def issue(step: Step, operation: Operation, ruleset: Ruleset, breakdown: Iterable[Line], points: int) -> None:
    """The first part of what is left of an award; the others must be the next leaves."""
    leaf, account = step.leaf, step.account
    last_activity = account.last_activity_at
    parts = dated_points(
        ruleset,
        breakdown,
        points,
        of_purchase=operation.kind == "purchase",
        occurred_at=leaf.occurred_at,
        last_activity=last_activity,
    )
    account.due_parts = list(parts) or [DatedPoints(points, expires_at(ruleset, leaf.occurred_at, last_activity))]
    account.due_parts_of, account.due_parts_at = operation.id, leaf.recorded_at
    _next(step, operation)


def follows(step: Step) -> bool:
    """Whether the leaf is another part of the award in front of it."""
    leaf, account = step.leaf, step.account
    if not account.due_parts or (leaf.kind, leaf.recorded_at) != ("issuance", account.due_parts_at):
        return False
    return leaf.detail.get("operation_id") == account.due_parts_of


def further(step: Step) -> None:
    """A part behind the first one: it says what that one said, and its own points and date."""
    leaf = step.leaf
    operation = step.storage.operation(leaf.text_of("operation_id"))
    if operation is None:
        raise Stop("a part of an award is there whose beginning is not")
    step.same("decisions", "the ruleset of an award's part", operation.ruleset, leaf.ruleset)
    step.same("awards", "the issuer of an award's part", operation.party, leaf.party)
    facts, breakdown = opened_award(operation.text)
    step.same("awards", "the facts of an award's part", facts, leaf.detail.get("facts"))
    step.same("awards", "the breakdown of an award's part", breakdown, leaf.detail.get("breakdown"))
    step.same("awards", "the award of a part", operation.awarded, leaf.detail.get("awarded"))
    _next(step, operation)
    step.storage.put_operation(operation)


def check_owed(step: Step) -> None:
    """All parts must be there before this leaf, which is none."""
    account, leaf = step.account, step.leaf
    if account.due_parts:
        step.differs("awards", _MISSING, expected=_said(account.due_parts[0]), found=leaf.kind)
        account.due_parts = []


def untold(storage: Storage, now: datetime) -> Iterator[Finding]:
    """Parts that did not come within an hour, where nothing came behind them."""
    for account in storage.with_due_parts():
        at = account.due_parts_at
        if account.is_whole and at is not None and now - at > COMES_WITHIN:
            yield Finding("awards", _MISSING, expected=_said(account.due_parts[0]), found=account.address)


def _next(step: Step, operation: Operation) -> None:
    part = step.account.due_parts.pop(0)
    step.same("awards", "the number of points issued", part.points, step.leaf.amount)
    lots.enter(step, operation, part, is_last=not step.account.due_parts)


def _said(part: DatedPoints) -> str:
    return f"{part.points} points until {lots.said(part.expires_at)}"
