"""Settlement under every trouble that a seed can think of: whatever happened, all is settled once and the books are right."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from documents import ROOT, blocks
from simulation import Failed, run_seed

from token_service.chain.settlement.failpoints import FAILPOINTS

SEEDS = 200
SOAK_SEEDS, CHUNK = 3_000, 100
ELSEWHERE = ("lease", "deploy", "clear", "deep_reorg", "reconcile_stops", "start", "pause_over", "resume_waits")
"""Commits that need PostgreSQL, a new contract, a person or a trouble that no seed has: tests of their own pass them."""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_everything_is_settled_once(seed: int) -> None:
    """Odd seeds have two lanes."""
    ran = run_seed(seed, lanes=1 + seed % 2)
    assert ran.passed["push.before_send"], "nothing was sent at all"


def test_the_line_that_shows_a_seed_again_is_the_one_on_the_page() -> None:
    (block,) = [one for one in blocks(ROOT / "docs/settlement.md", language="sh") if one.section == "How it is tried"]
    done = subprocess.run(shlex.split(block.text), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 seeds, 0 failed" in done.stdout
    assert "all troubles end" in done.stdout


def test_a_seed_gives_the_same_history_every_time() -> None:
    first, again = run_seed(5), run_seed(5)
    assert first == again


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + SOAK_SEEDS, CHUNK))
def test_thousands_of_seeds(first: int) -> None:
    failed = []
    for seed in range(first, first + CHUNK):
        try:
            run_seed(seed)
        except Failed as error:
            failed.append(str(error))
    assert not failed, "\n\n".join(failed)


@pytest.mark.soak
def test_workers_stand_at_every_place_that_a_trouble_leads_to() -> None:
    elsewhere = {f"{name}.{side}_commit" for name in ELSEWHERE for side in ("before", "after")}
    missing = set(FAILPOINTS - elsewhere)
    for seed in range(100_000, 100_600):
        missing -= set(run_seed(seed).passed)
        if not missing:
            return
    assert not missing
