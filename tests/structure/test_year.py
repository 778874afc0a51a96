"""`make year`: real baskets of a few households go through the whole of it, and the page in docs/ is one that it wrote."""

from __future__ import annotations

from pathlib import Path

from scripts.year.__main__ import page
from scripts.year.history import read_year
from token_service.program.ruleset import parse_ruleset
from token_service.program.what_if import what_if

ROOT = Path(__file__).parents[2]
RULES = parse_ruleset((ROOT / "examples/completejourney.yaml").read_text())


def test_a_few_households_go_through_the_year() -> None:
    history = read_year(RULES.program.time_zone, households=6)
    assert {one.occurred_at.year for one in history} <= {2016, 2017, 2018}
    plain = RULES.model_copy(update={"campaigns": (), "tiers": None, "challenges": ()})
    before, after = what_if(plain, history), what_if(RULES, history)
    assert after.points > before.points > 0
    assert after.points == sum(after.by_rule.values())
    text = page(RULES, history, before, after)
    assert f"{after.points:,}" in text
    assert "campaign-" in text


def test_the_page_tells_of_the_whole_year_and_shows_its_drawing() -> None:
    text = (ROOT / "docs/year.md").read_text()
    assert "2,469 households" in text
    assert (ROOT / "docs/pictures/year.svg").read_text().startswith("<svg")
