"""What people did by hand: issuances within the ruleset's limit, adjustments; always with a reason and a name."""

from __future__ import annotations

from token_service.audit.accounts import lots
from token_service.audit.accounts.account import Operation
from token_service.audit.accounts.step import Step
from token_service.errors import LimitExceeded
from token_service.program.limits import check_manual_issuance, needs_approval
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
    _credit(step)


def adjustment(step: Step) -> None:
    """Points put right by a person, up or down; many of them by two."""
    step.check_open()
    _check_signed(step)
    _check_approved(step)
    if step.leaf.entry_kind == EntryKind.ADJUSTMENT_UP:
        _credit(step)
    else:
        lots.debit(step, lots.consumed(step))


def _check_approved(step: Step) -> None:
    """Above the ruleset's limit another one than the actor has approved it."""
    detail = step.leaf.detail
    approved_by = detail.get("approved_by")
    if needs_approval(step.ruleset(), step.leaf.amount) and (
        not isinstance(approved_by, str) or not approved_by.strip() or approved_by == detail.get("actor")
    ):
        said = "an adjustment above the limit was approved by nobody else"
        step.differs("manual", said, expected="a second person", found=approved_by or "nobody")


def _credit(step: Step) -> None:
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
    )
    lots.credit(step, operation, step.ruleset())
    step.storage.put_operation(operation)


def _check_signed(step: Step) -> None:
    """Who, and why."""
    for name in ("reason", "actor"):
        value = step.leaf.detail.get(name)
        if not isinstance(value, str) or not value.strip():
            detail = f"what a person did has no {name}"
            step.differs("manual", detail, expected=f"a {name}", found="nothing")
