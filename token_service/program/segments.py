"""Segments: groups of members that a ruleset declares and conditions ask for (docs/rulesets.md "segments")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from token_service.program.schema import Ruleset

_READS: Final = re.compile(r"\bmember\s*\.\s*segments\b")
_NAMED: Final = re.compile(r"""(?:"([^"]*)"|'([^']*)')\s*in\s+member\s*\.\s*segments\b""")


def declared(ruleset: Ruleset, ids: Iterable[str]) -> tuple[str, ...]:
    """Those of these segments that the rules know, each once, sorted: what a fact says of them."""
    known = {one.id for one in ruleset.segments}
    return tuple(sorted(known.intersection(ids))) if known else ()


def mistake_about_segments(ruleset: Ruleset, condition: str) -> str | None:
    """What is wrong with what a condition asks of segments; None where nothing is."""
    if not _READS.search(condition):
        return None
    known = {one.id for one in ruleset.segments}
    if not known:
        return "reads member.segments, and the rules declare no segments"
    asked = [first or second for first, second in _NAMED.findall(condition)]
    unknown = next((one for one in asked if one not in known), None)
    return None if unknown is None else f"asks for the segment {unknown}, which the rules do not declare"
