"""Each example of docs/rulesets.md gives what the table under it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import yaml
from documents import ROOT

from token_service.program.award_expiry import dated_points
from token_service.program.document import read_document
from token_service.program.earning import decide_purchase
from token_service.program.expiry import expires_at
from token_service.program.facts import ItemFacts, PurchaseFacts
from token_service.program.ruleset import Ruleset, parse_ruleset

from .baskets import BASE, PROGRAM, purchase

PARIS = ZoneInfo("Europe/Paris")
POINTS, ORDER, EXPIRY = "| purchase | points |", "| rule | points | |", "| bought | gone |"
OWN_EXPIRY = "| points of 23.00 € | gone |"
LINE = {"quantity": 1, "discount": 0, "tax": 0, "sku": None, "category": None}


def examples(head: str) -> Iterator[tuple[Ruleset, str, str]]:
    """The first two cells of each row of the tables with this head, with the rules of the example above the table."""
    lines = iter((ROOT / "docs/rulesets.md").read_text("utf-8").splitlines())
    block: list[str] = []
    for line in lines:
        if line == "```yaml":
            block = list(iter(lambda: next(lines), "```"))
        elif line == head:
            assert set(next(lines)) == {"|", "-"}
            for row in iter(lambda: next(lines, ""), ""):
                first, second = row.strip("|").split("|")[:2]
                yield ruleset_of("\n".join(block)), first.strip(" `"), second.strip(" *")


def ruleset_of(block: str) -> Ruleset:
    """An example with the keys that it leaves out."""
    return parse_ruleset(json.dumps({"ruleset": 1, "program": PROGRAM, "earning": [BASE], **read_document(block)}))


def bought(written: str) -> PurchaseFacts:
    """A purchase as the page writes it; `at` is a local time, items are numbered from 1."""
    facts = yaml.safe_load(written)
    items = tuple(ItemFacts(line=line, **{**LINE, **item}) for line, item in enumerate(facts.pop("items", []), start=1))
    if "at" in facts:
        facts["at"] = instant(facts["at"])
    return purchase(facts.pop("total", 0), items=items, **facts)


def instant(local: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(("ruleset", "written", "points"), list(examples(POINTS)))
def test_a_purchase_gives_the_points_that_the_page_says(ruleset: Ruleset, written: str, points: str) -> None:
    assert decide_purchase(ruleset, bought(written)).points == int(points)


def test_the_order_of_application_gives_each_line_that_the_page_says() -> None:
    said = list(examples(ORDER))
    award = decide_purchase(said[0][0], purchase(2390, tier="gold"))
    lines = [(line.rule, str(line.points)) for line in award.breakdown]
    assert [(rule, points) for _, rule, points in said] == [*lines, ("", str(award.points))]


@pytest.mark.parametrize(("ruleset", "day", "gone"), list(examples(EXPIRY)))
def test_points_expire_when_the_page_says(ruleset: Ruleset, day: str, gone: str) -> None:
    end = expires_at(ruleset, instant(f"{day} 15:00"))
    assert end is not None
    assert end.astimezone(PARIS).date().isoformat() == gone


def test_the_page_has_examples_of_each_sort() -> None:
    assert [len(list(examples(head))) >= least for head, least in ((POINTS, 15), (ORDER, 5), (EXPIRY, 3))] == [True] * 3


def test_an_award_with_an_expiry_of_its_own_is_told_apart_as_the_page_says() -> None:
    rows = list(examples(OWN_EXPIRY))
    rules, at = rows[0][0], instant("2026-11-22T12:00")
    award = decide_purchase(rules, purchase(2_300, at=at))
    parts = dated_points(rules, award.breakdown, award.points, of_purchase=True, occurred_at=at, last_activity=None)
    gone = [(str(one.points), one.expires_at and one.expires_at.astimezone(PARIS).date().isoformat()) for one in parts]
    assert gone == [(points, day) for _, points, day in rows]
    assert len(rows) == 2
