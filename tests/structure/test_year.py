"""`make year`: baskets and coupons of a few households go through the whole of it, and the page in docs/ is one that it wrote."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from scripts.year.history import NOTHING_MORE, read_year
from scripts.year.page import Found, drawings, page
from scripts.year.spending import Spender
from token_service.program.ruleset import parse_ruleset
from token_service.program.told import Occurred
from token_service.program.what_if import what_if

ROOT = Path(__file__).parents[2]
RULES = parse_ruleset((ROOT / "examples/completejourney.yaml").read_text())
ZONE = RULES.program.time_zone


def test_a_few_households_go_through_the_year() -> None:
    year = read_year(ZONE, households=40)
    assert {one.occurred_at.year for one in year.told} <= {2016, 2017, 2018}
    spenders = tuple(Spender(reward.points, ZONE) for reward in RULES.rewards)
    before = what_if(RULES.model_copy(update=NOTHING_MORE), year.told, year.people)
    after = what_if(RULES, year.told, year.people, lambda told, points: [one.hear(told, points) for one in spenders])
    assert after.points > before.points > 0
    assert after.points == sum(after.by_rule.values())
    assert after.event_points == 10 * len({(one.member, one.subject) for one in year.used}) > 0
    left = sum(points % 100 for points in after.by_member.values())
    assert (spenders[0].points, sum(spenders[0].by_month.values())) == (after.points - left, after.points - left)
    found = Found(RULES, year, before, after, spenders)
    assert f"{after.points:,}" in page(found)
    assert all(drawing.startswith("<svg") and len(drawing) < 12_000 for drawing in drawings(found).values())


def test_a_campaign_is_for_the_households_that_it_was_sent_to() -> None:
    """The issue: "27 campaigns and its coupons expressed as a ruleset"."""
    year = read_year(ZONE, households=40)
    assert [one.number for one in year.campaigns] == list(range(1, 28))
    assert {one.id for one in RULES.segments} == {one.segment for one in year.campaigns}
    given: dict[str, set[str]] = {}
    for campaign in year.campaigns:
        rules = RULES.model_copy(
            update={"campaigns": tuple(one for one in RULES.campaigns if one.id.startswith(campaign.segment))}
            | {"earning": (), "tiers": None, "challenges": ()}
        )
        if campaign.sent and campaign.number % 9 == 8:
            gained = what_if(rules, year.baskets, year.people).by_member
            given[campaign.segment] = {name for name, points in gained.items() if points}
            assert given[campaign.segment] <= campaign.sent
    assert any(given.values())


def test_a_household_spends_as_soon_as_it_can() -> None:
    spender = Spender(100, ZONE)
    for month, points in ((1, 90), (2, 120), (3, 80)):
        spender.hear(Occurred("7", datetime(2017, month, 5, tzinfo=UTC), "coupon.redeemed"), points)
    assert (spender.rewards, spender.points, dict(spender.by_month)) == (2, 200, {"2017-02": 200})


def test_the_page_tells_of_the_whole_year_and_shows_its_drawings() -> None:
    text = (ROOT / "docs/year.md").read_text()
    assert "2,469 households" in text
    assert text.count("redemption rate") == 2
    shown = re.findall(r"\]\((pictures/[a-z-]+\.svg)\)", text)
    assert len(shown) == 3
    for name in shown:
        assert (ROOT / "docs" / name).read_text().startswith("<svg")
        assert "prefers-color-scheme:dark" in (ROOT / "docs" / name).read_text()
