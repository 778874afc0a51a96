"""Real processes on PostgreSQL and a node, under load: whatever fails, nothing is lost and nothing is doubled."""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from databases import PostgreSQL
from fault_invariants import Auditor
from faults import TROUBLES
from town import Town, town

SEED = int(os.environ.get("SOAK_SEED", str(time.time_ns() % 10**6)))
MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
WORKERS = 3
WIRES_AND_WORKERS = ("wire", "database cut", "sent again", "kill -9", "stopped", "one reference at once")
ROUNDS = {
    "wires and workers": (*WIRES_AND_WORKERS, "dies at push.after_send"),
    "node and signer": ("node restart", "signer dies", "dropped", "reorganised"),
    "an older ledger": ("restored backup",),
}


OVER_MINUTES = ("an older ledger",)


@pytest.mark.parametrize(
    "troubles",
    [
        pytest.param(troubles, id=name, marks=[pytest.mark.soak] if name in OVER_MINUTES else [])
        for name, troubles in ROUNDS.items()
    ],
)
def test_nothing_is_lost_or_doubled(running: tuple[Town, Auditor], troubles: tuple[str, ...]) -> None:
    made, auditor = running
    luck = random.Random(troubles[0])
    before = len(made.journal.answered)
    with made.busy():
        for name in troubles:
            TROUBLES[name].inject(made, luck)
    auditor.all_holds()
    assert len(made.journal.answered) > before + 10, "the tills did next to nothing"


def test_commands_and_figures_tell_what_the_processes_did(running: tuple[Town, Auditor]) -> None:
    made, auditor = running
    deployment = made.deployment
    lanes = deployment.json("lanes")["lanes"]
    assert [lane["state"] for lane in lanes] == ["active", "active"]
    assert all(
        lane["next_seq"] == lane["chain_seq"] > 1 and lane["next_nonce"] == lane["chain_nonce"] for lane in lanes
    )
    assert deployment.json("reconcile") == {"members": len(made.members), "mismatches": []}
    text = deployment.get("/metrics").text
    assert 'mereau_lane_state{lane="1",reason="",state="active"} 1.0' in text
    assert re.search(r"^mereau_workers [1-9]", text, re.MULTILINE)
    assert "settle" in deployment.run("doctor").stdout
    assert auditor.audited() == "All requested checks held."


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 900)
def test_hours_of_troubles_lose_and_double_nothing(
    postgresql: PostgreSQL, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`SOAK_MINUTES` (10) of them, drawn by `SOAK_SEED`; checked each few troubles, audited at the end."""
    luck, tried, ends_at = random.Random(SEED), Counter[str](), time.monotonic() + MINUTES * 60
    with town(postgresql, tmp_path, WORKERS) as made:
        auditor = Auditor(made)
        while time.monotonic() < ends_at:
            drawn = luck.sample(sorted(TROUBLES), luck.randint(1, 4))
            try:
                with made.busy(3):
                    for name in drawn:
                        tried[name] += 1
                        TROUBLES[name].inject(made, luck)
                auditor.all_holds()
            except BaseException:
                _say(capsys, f"seed {SEED}: after {sum(tried.values())} troubles, in {drawn}")
                raise
        audited = auditor.audited()
        answered = Counter(one.kind for one in made.journal.answered)
    kinds = "\n".join(f"  {count:4} × {name}" for name, count in sorted(tried.items()))
    _say(
        capsys,
        f"seed {SEED}, {MINUTES:g} minutes, {WORKERS} workers, 2 lanes\n"
        f"operations: {sum(answered.values())} ({dict(answered)}), asked again: {dict(made.journal.asked_again)}\n"
        f"troubles: {sum(tried.values())}\n{kinds}\nlost 0, doubled 0, audit: {audited}",
    )


def _say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        print(f"\n{text}")  # noqa: T201
