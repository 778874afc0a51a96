"""Runs seeds by hand: `.venv/bin/python tests/simulation 17`, or a range: `… 0:500`, `--lanes 2`, `--story`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # what the folders of tests share

from simulation import Failed, run_seed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", help="a seed, or FIRST:LAST (without LAST itself)")
    parser.add_argument("--lanes", type=int, choices=(1, 2))
    parser.add_argument("--story", action="store_true", help="print what happened also where all is well")
    given = parser.parse_args()
    first, _, last = given.seeds.partition(":")
    failed, began = 0, time.monotonic()
    seeds = range(int(first), int(last or int(first) + 1))
    for seed in seeds:
        try:
            ran = run_seed(seed, given.lanes)
        except Failed as error:
            failed += 1
            print(error, file=sys.stderr)
            continue
        if given.story:
            print(
                "\n".join(ran.story), f"\n{ran.batches} batches, {ran.blocks} blocks, {ran.rounds} rounds", ran.passed
            )
    print(f"{len(seeds)} seeds, {failed} failed, {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
