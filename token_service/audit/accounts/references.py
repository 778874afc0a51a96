"""Names that may be used once: each part of an operation under its merchant, kind and reference; and whose number a merchant
has on the chain.
"""

from __future__ import annotations

from typing import Final

from token_service.audit.accounts.step import Step
from token_service.audit.report import printable
from token_service.units import EntryKind

UNDER_THE_MERCHANT: Final = frozenset(
    {
        EntryKind.ISSUANCE,
        EntryKind.REDEMPTION,
        EntryKind.RESTORATION,
        EntryKind.ADJUSTMENT_UP,
        EntryKind.ADJUSTMENT_DOWN,
    }
)
"""Entries whose party is that of the merchant that their detail names."""


def check(step: Step, parties: dict[str, int]) -> None:
    """Notes an id or a part of an operation that was recorded before, and a merchant with two numbers."""
    leaf, operation = step.leaf, step.leaf.operation
    _once(step, "leaf", leaf.id)
    if operation is None:
        if leaf.kind == "voucher_used":
            _once(step, leaf.kind, leaf.text_of("merchant"), leaf.text_of("reference"))
        return
    merchant, reference = leaf.text_of("merchant"), leaf.text_of("reference")
    part = leaf.whole("part")
    if not step.storage.name(merchant, operation, reference, str(part)):
        detail = f"part {part} of the {operation} {reference} of {merchant} is recorded twice"
        step.differs("references", detail, expected="once", found=leaf.text_of("operation_id"))
    if part == 1:
        _once(step, "operation", leaf.text_of("operation_id"))
    if leaf.entry_kind in UNDER_THE_MERCHANT:
        known = parties.setdefault(printable(merchant), leaf.party)
        step.same("references", f"the number of {merchant}", known, leaf.party)


def _once(step: Step, what: str, *words: str) -> None:
    if not step.storage.name("", what, *words):
        detail = f"the {what} {' '.join(words)} is recorded twice"
        step.differs("references", detail, expected="once", found=step.leaf.id)
