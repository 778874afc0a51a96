"""What people did by hand: issuances within the ruleset's limits, adjustments; always with a reason and a name.

What somebody issued or put right in a day is summed over all members, and judged at the end: the order in which leaves of
different members came is not seen here. Nor is whether two names are one person, or one key is used by several.
"""

from __future__ import annotations

from token_service.audit.accounts import imports, lots
from token_service.audit.accounts.account import Operation
from token_service.audit.accounts.step import Step
from token_service.errors import LimitExceeded
from token_service.program.facts import local_time
from token_service.program.limits import check_manual_issuance, needs_approval
from token_service.program.manual import (
    ADJUSTED_DAY,
    ISSUED_DAY,
    ByHand,
    caps_by_hand,
    ones_own_day,
)
from token_service.program.schema import Ruleset
from token_service.units import EntryKind


def issuance(step: Step) -> None:
    """Points minted by hand."""
    step.check_open()
    leaf, ruleset = step.leaf, step.ruleset()
    _check_signed(step)
    try:
        check_manual_issuance(ruleset, leaf.amount)
    except LimitExceeded:
        expected = f"≤ {ruleset.limits.manual_issuance_points}"
        step.differs("manual", "an issuance by hand exceeds the limit", expected=expected, found=leaf.amount)
    _credit(step, day=_count_issued(step, ruleset))


def taken_back(step: Step, issuance: Operation, kept: int) -> None:
    """After a reversal an issuance that counts holds only `kept` of the day's limits; before it held `issuance.kept`."""
    if issuance.day is None:
        return
    ruleset, account, less = step.ruleset_of(issuance.ruleset), step.account, issuance.kept - kept
    account.day_points[issuance.day] = account.day_points.get(issuance.day, 0) - less
    for cap in caps_by_hand(ruleset, ByHand(issuance.merchant, issuance.day, "", issuance.awarded)):
        step.storage.count_campaign(cap.budget.id, -less, cap.budget.points)


def _count_issued(step: Step, ruleset: Ruleset) -> str | None:
    """Counts an issuance in the days that it comes under; the local date, where the member's day has it."""
    leaf, account = step.leaf, step.account
    day, actor = _date(step, ruleset), str(leaf.detail.get("actor"))
    own = ones_own_day(ruleset, ISSUED_DAY, date=day, actor=actor)
    if own is not None:
        step.storage.count_campaign(f"{day}/issued by hand by {actor}", leaf.amount, own.budget.points)
    if not ruleset.limits.count_manual:
        return None
    for cap in caps_by_hand(ruleset, ByHand(leaf.text_of("merchant"), day, actor, leaf.amount)):
        step.storage.count_campaign(cap.budget.id, leaf.amount, cap.budget.points)
    most, points = ruleset.limits.per_member_day_points, account.day_points.get(day, 0) + leaf.amount
    if most is not None and points > most:
        said = "an issuance by hand exceeds what a member may get in a day"
        step.differs("manual", said, expected=f"≤ {most}", found=points)
    account.day_points[day] = points
    return day


def _date(step: Step, ruleset: Ruleset) -> str:
    return local_time(step.leaf.occurred_at, ruleset.program.time_zone).date


def adjustment(step: Step) -> None:
    """Points put right by a person, up or down; many of them by two."""
    step.check_open()
    _check_signed(step)
    _check_approved(step)
    if step.leaf.entry_kind == EntryKind.ADJUSTMENT_UP:
        _credit(step, is_dated=imports.is_dated(step))
    else:
        lots.debit(step, lots.consumed(step))


def _check_approved(step: Step) -> None:
    """Above the ruleset's limit another one than the actor has approved it."""
    detail = step.leaf.detail
    approved_by = detail.get("approved_by")
    is_alone = not isinstance(approved_by, str) or not approved_by.strip() or approved_by == detail.get("actor")
    if is_alone:
        _count_adjusted(step, step.ruleset())
    if imports.is_import(step.leaf):
        imports.check(step, step.ruleset(), is_alone=is_alone)
    if is_alone and needs_approval(step.ruleset(), step.leaf.amount):
        said = "an adjustment above the limit was approved by nobody else"
        step.differs("manual", said, expected="a second person", found=approved_by or "nobody")


def _count_adjusted(step: Step, ruleset: Ruleset) -> None:
    """Counts what somebody put right alone in their day."""
    day, actor = _date(step, ruleset), str(step.leaf.detail.get("actor"))
    own = ones_own_day(ruleset, ADJUSTED_DAY, date=day, actor=actor)
    if own is not None:
        step.storage.count_campaign(f"{day}/put right alone by {actor}", step.leaf.amount, own.budget.points)


def _credit(step: Step, day: str | None = None, *, is_dated: bool = False) -> None:
    leaf = step.leaf
    operation = Operation(
        leaf.text_of("operation_id"),
        step.account.home,
        str(leaf.operation),
        leaf.ruleset,
        leaf.text_of("merchant"),
        leaf.party,
        awarded=leaf.amount,
        kept=leaf.amount,
        day=day,
    )
    lots.credit(step, operation, step.ruleset(), is_dated=is_dated)
    step.storage.put_operation(operation)


def _check_signed(step: Step) -> None:
    """Who, and why."""
    for name in ("reason", "actor"):
        value = step.leaf.detail.get(name)
        if not isinstance(value, str) or not value.strip():
            detail = f"what a person did has no {name}"
            step.differs("manual", detail, expected=f"a {name}", found="nothing")
