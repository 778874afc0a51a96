"""Points that members brought from an earlier programme: no rule gave them, a person vouches for them.

A file of them is one decision: one person alone may bring in no more with it than the rules let them put right. What is brought
in is summed by what the earlier programme was called, for the report. Whether it was owed there, nobody sees here.
"""

from __future__ import annotations

from typing import Final

from token_service.audit.accounts import lots
from token_service.audit.accounts.opened import OpenedLeaf
from token_service.audit.accounts.step import Step
from token_service.audit.report import FINDINGS_MAX, printable
from token_service.errors import InvalidInput
from token_service.program.schema import Ruleset
from token_service.units import EntryKind

ALONE: Final = "import of "
"""How the name begins under which a file's points are counted that somebody brought in alone."""


def is_import(leaf: OpenedLeaf) -> bool:
    """Whether the leaf says that its points come from elsewhere."""
    return leaf.kind == "adjustment" and "imported" in leaf.detail


def is_dated(step: Step) -> bool:
    """Whether the leaf's date is that of the earlier programme, and not the rules'; such a date lies ahead. Raises
    InvalidInput.
    """
    leaf = step.leaf
    if not is_import(leaf) or leaf.mapping("imported").get("dated") is not True:
        return False
    until = leaf.instant_of("expires_at")
    if until is None or until <= leaf.recorded_at:
        expected = f"after {lots.said(leaf.recorded_at)}"
        step.differs(
            "lots", "points were brought in with a date that is over", expected=expected, found=lots.said(until)
        )
    return True


def check(step: Step, ruleset: Ruleset, *, is_alone: bool) -> None:
    """An import adds points, and says from where and which file. Raises InvalidInput where it doesn't."""
    leaf = step.leaf
    source, file = source_of(leaf), leaf.mapping("imported").get("file")
    if not isinstance(file, str) or not file:
        raise InvalidInput("imported: the file's hash is needed")
    if leaf.entry_kind != EntryKind.ADJUSTMENT_UP:
        step.differs("manual", "an import takes points away", expected="points that are added", found=leaf.amount)
    step.same("manual", "the reason of an import", f"imported from {source}", leaf.detail.get("reason"))
    most = ruleset.limits.adjustment_points
    if is_alone and most is not None:
        name = f"{ALONE}{printable(file)} by {printable(leaf.detail.get('actor'))}"
        step.storage.count_campaign(name, leaf.amount, most)


def source_of(leaf: OpenedLeaf) -> str:
    """What the earlier programme was called. Raises InvalidInput."""
    source = leaf.mapping("imported").get("from")
    if not isinstance(source, str) or not source.strip():
        raise InvalidInput("imported: what the earlier programme was called is needed")
    return source


def count(leaf: OpenedLeaf, brought_in: dict[str, int]) -> None:
    """Sums what an applied import brought, by source."""
    source = printable(source_of(leaf))
    if source not in brought_in and len(brought_in) >= FINDINGS_MAX:
        source = "others"
    brought_in[source] = brought_in.get(source, 0) + leaf.amount
