"""Judges conditions in a process of its own, so that a hostile one takes down that process and not ours (DESIGN §3a).

The other half of cel_check.py, and the one file of this room that starts a process: called by `mereau ruleset check` and by
the console, never by what decides a purchase.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from token_service.program.conditions import ConditionRefused
from token_service.program.ruleset import Ruleset
from token_service.program.ruleset_check import ConditionCheck, conditions_of

SECONDS_MAX = 30


def condition_check(ruleset: Ruleset) -> ConditionCheck:
    """A check for `check_ruleset` that knows the verdict of each condition of this ruleset, judged apart."""
    conditions = conditions_of(ruleset)
    verdicts = dict(zip(conditions, judge_apart(conditions), strict=True))

    def check(condition: str) -> None:
        reason = verdicts[condition]
        if reason is not None:
            raise ConditionRefused(reason)

    return check


def judge_apart(conditions: Sequence[str], *, command: Sequence[str] | None = None) -> list[str | None]:
    """Why each condition is refused, or None. One that kills the process or outlasts 30 seconds is refused for that."""
    if not conditions:
        return []
    verdicts = _run(conditions, command or [sys.executable, "-m", "token_service.program.cel_check"])
    if verdicts is not None:
        return verdicts
    if len(conditions) == 1:
        return ["takes the process down that judges it"]
    return [verdict for condition in conditions for verdict in judge_apart([condition], command=command)]


def _run(conditions: Sequence[str], command: Sequence[str]) -> list[str | None] | None:
    """The verdicts, or None when the process died or hung."""
    try:
        done = subprocess.run(
            command,
            input=json.dumps(list(conditions)),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return json.loads(done.stdout) if done.returncode == 0 else None
