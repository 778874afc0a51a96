"""`make bench` still starts: its modules import what there is, and its first figures are measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEASURE = """
import scripts.bench.__main__
from scripts.bench.gas import measure_gas
from scripts.bench.rival import compile_rival
for figure in measure_gas(compile_rival()):
    print(f"{figure.ratio:.3f} {figure.what}")
"""


def test_the_bench_measures_gas_above_its_floor_and_no_rival_below_ours() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    ratios = {line.split(" ", 1)[1]: float(line.split(" ", 1)[0]) for line in done.stdout.splitlines()}
    assert all(1 <= ratio < 1.2 for what, ratio in ratios.items() if "floor" in what)
    assert all(ratio >= 1 for ratio in ratios.values())
    assert len(ratios) >= 7
