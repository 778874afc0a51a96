"""Everything that can happen to members, in any order hypothesis can think of, on both databases: what must hold does."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from ledger_town import Make, Town
from lifecycle_people import Lifecycle
from lifecycle_rules import WHOLE

EXAMPLES = {"sqlite": 5, "postgresql": 3}
STEPS = 40
LIVES = int(os.environ.get("SOAK_LIVES", "60"))
"""Examples on each database in the slow test; `make soak` asks for more. With SOAK_SHRINK a failure is made small as well."""


def run(new_town: Callable[[], Town], examples: int, *, anew: bool) -> None:
    """`anew`: other lives each time; else always the same ones."""
    machine = type("OnThisDatabase", (Lifecycle,), {"new_town": staticmethod(new_town)})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=checks,
            database=None,
            derandomize=not anew,
            # every step writes to a database: shrinking would outlast the test's time, unless somebody waits for it
            phases=[Phase.generate, Phase.shrink] if "SOAK_SHRINK" in os.environ else [Phase.generate],
        ),
    )


def test_whatever_happens_no_limit_is_passed_and_the_sources_say_all(make: Make, database: str) -> None:
    run(lambda: make(WHOLE), EXAMPLES[database], anew=False)


@pytest.mark.soak
def test_the_same_for_long(make: Make) -> None:
    run(lambda: make(WHOLE), LIVES, anew=True)
