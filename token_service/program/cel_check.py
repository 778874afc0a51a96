"""`python -m token_service.program.cel_check`: judges conditions in a process of its own, which a hostile one may take down.

Reads a JSON list of conditions from standard input and writes a JSON list of the same length: null for a good one, else
the reason.
"""

from __future__ import annotations

import json
import sys

from token_service.program.conditions import ConditionRefused, check_condition


def judge(conditions: list[str]) -> list[str | None]:
    """Why each condition is refused, or None."""
    return [_reason(condition) for condition in conditions]


def _reason(condition: str) -> str | None:
    try:
        check_condition(condition)
    except ConditionRefused as refused:
        return str(refused)
    return None


if __name__ == "__main__":
    json.dump(judge(json.load(sys.stdin)), sys.stdout)
