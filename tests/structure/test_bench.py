"""`make bench`: its parts, what it prints and writes, and what its exit code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from scripts.bench.table import Breakdown, Figure, Report, Target, at_least, markdown, summary
from scripts.bench.year import measure_year

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([\d.,]+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
NAMED = ("issue to a member", "issue to a new member", "redeem", "expire", "redeem by the member's signature")


def run_bench(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.bench", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_it_measures_gas_above_its_floor_and_no_rival_below_ours(tmp_path: Path) -> None:
    page = tmp_path / "figures.md"
    done = run_bench("--only", "gas", "--markdown", str(page), "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = ROW.findall(page.read_text(encoding="utf-8"))
    ratios = {(what, beside): float(ratio) for ratio, _, what, _, beside in rows}
    for name in NAMED:
        assert any(what == f"{name}, gas of the floor" for what, _ in ratios)
        assert any(what == f"{name}, cheaper than" for what, _ in ratios)
    assert all(1 <= ratio < 1.25 for (what, _), ratio in ratios.items() if "floor" in what)
    assert all(ratio >= 1 for ratio in ratios.values())
    assert all(what in done.stdout and beside in done.stdout for what, beside in ratios)
    assert all(target.endswith(": met") for _, target, what, _, _ in rows if "gas of a mint" not in what)


def test_it_names_its_parts_when_one_is_unknown() -> None:
    done = run_bench("--only", "gas,weather")
    assert done.returncode == 2
    assert "gas, embedded, anvil, lanes, lone, flat, service, baskets, due, deciding, year, audit" in done.stderr


def test_a_table_says_of_each_target_whether_it_is_met() -> None:
    report = Report(
        [
            Figure("fast", 21.5, "2,000/s", "rival 93/s", at_least(15, 21.5)),
            Figure("slow", 9.0, "90/s", "rival 10/s", at_least(15, 9.0)),
            Figure("light", 1.1, "8 gas", "floor 7", Target("≤ 9 gas", is_met=True)),
            Figure("free", 2.0, "2", "1"),
        ],
        [Breakdown("Where the time goes", [("sending", 1.0), ("planning", 3.0)])],
    )
    page = markdown(report)
    assert "| 21.50 | ≥ 15 ×: met | fast | 2,000/s | rival 93/s |" in page
    assert "| 9.00 | ≥ 15 ×: NOT MET | slow | 90/s | rival 10/s |" in page
    assert "| 2.00 | – | free | 2 | 1 |" in page
    assert page.index("| 75% | planning | 3.000 |") < page.index("| 25% | sending | 1.000 |")
    assert [figure.what for figure in report.missed] == ["slow"]
    assert summary(report) == "1 of 3 targets that were measured are not met: slow."


def test_a_ratio_right_at_its_target_meets_it() -> None:
    assert str(at_least(0.4, 0.4)) == "≥ 0.4 ×: met"
    assert str(at_least(0.4, 0.39)) == "≥ 0.4 ×: NOT MET"


def test_a_year_of_a_few_households_is_a_line() -> None:
    (figure,) = measure_year(households=4)
    assert figure.ratio > 0
    assert "points instead of" in figure.ours
