"""`make year`: replays the year under examples/completejourney.yaml and under the same rules without campaigns, levels and
challenges, writes docs/year.md and its drawings. Takes some minutes.
"""

from __future__ import annotations

import time
from pathlib import Path

from scripts.year.history import NOTHING_MORE, read_year
from scripts.year.page import Found, drawings, page
from scripts.year.spending import Spender
from token_service.app.resources import resource_dir
from token_service.cli.output import number
from token_service.program.ruleset import parse_ruleset
from token_service.program.what_if import what_if

DOCS = Path(__file__).parents[2] / "docs"


def main() -> None:
    rules = parse_ruleset((resource_dir("examples") / "completejourney.yaml").read_text())
    year = read_year(rules.program.time_zone)
    before = what_if(rules.model_copy(update=NOTHING_MORE), year.told, year.people)
    spenders = [Spender(reward.points, rules.program.time_zone) for reward in rules.rewards]
    began = time.perf_counter()
    after = what_if(rules, year.told, year.people, lambda told, points: [one.hear(told, points) for one in spenders])
    seconds = time.perf_counter() - began
    found = Found(rules, year, before, after, tuple(spenders))
    for name, drawing in drawings(found).items():
        (DOCS / name).write_text(drawing, encoding="utf-8")
    (DOCS / "year.md").write_text(page(found), encoding="utf-8")
    print(
        f"{number(after.purchases)} purchases in {seconds:.0f} s: {number(round(after.purchases / seconds))} a second"
    )


if __name__ == "__main__":
    main()
