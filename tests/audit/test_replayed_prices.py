"""Prices by level in the replay: the level that counts is the one held when the points were spent, and a wrong price is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from token_service.audit.accounts.redemptions import has_price
from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.segments import set_segments
from token_service.program.ruleset import parse_ruleset

from .opened_programme import OpenedProgramme, Settling, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, named, only, saying

PRICES = (
    RULES.replace(
        "{id: coffee, kind: gift, points: 40}",
        "{id: coffee, kind: gift, points: 40, points_by_level: {gold: 25}}, {id: book, kind: gift, points: 5, segments: [press]}",
    )
    .replace("expiry:", "segments: [{id: press}]\nexpiry:")
    .replace("period: P30D", "period: P20M")
)


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, PRICES)


def honest(made: OpenedProgramme) -> None:
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_prices_follow_the_level_up_by_a_purchase_and_down_when_its_time_is_over(made: OpenedProgramme) -> None:
    town = made.town
    member = town.member()
    town.issue(member, 300)
    assert town.redeem(member, None, reward_id="coffee").value.points == 40
    town.buy(member, 100_000)
    assert town.redeem(member, None, reward_id="coffee").value.points == 25
    honest(made)
    town.clock.at += timedelta(days=366)
    assert town.redeem(member, None, reward_id="coffee").value.points == 40
    run_due(town.context)
    town.redeem(member, None, reward_id="coffee")
    honest(made)


def test_the_price_of_another_level_is_named(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.issue(member, 100)
    made.town.redeem(member, None, reward_id="coffee")

    def golden(leaf: Settling) -> Settling:
        lots = [lot | {"points": -25} for lot in leaf.detail["lots"]]
        return saying(leaf, amount=25, points=-25, price=25, lots=lots, value=250)

    wrong = named(lie(made, "redemption", golden), "rewards")
    assert (wrong.expected, wrong.found) == ("40", "25")


def test_a_gold_member_who_pays_the_price_of_the_others_is_named_too(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 100_000)
    made.town.redeem(member, None, reward_id="coffee")

    def dear(leaf: Settling) -> Settling:
        lots = [lot | {"points": -40} for lot in leaf.detail["lots"]]
        return saying(leaf, amount=40, points=-40, price=40, lots=lots, value=400)

    wrong = named(lie(made, "redemption", dear), "rewards")
    assert (wrong.expected, wrong.found) == ("25", "40")


def test_a_reward_of_a_segment_given_to_somebody_who_is_not_in_it(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.issue(member, 100)
    set_segments(made.town.context, Actor.admin("office"), member, ["press"])
    made.town.redeem(member, None, reward_id="book")
    report = lie(made, "segments", lambda leaf: saying(leaf, segments=[]))
    assert "segment_needed" in str(named(report, "rewards").expected)
    only(report, "rewards")


@pytest.mark.parametrize(("points", "is_right"), [(40, True), (25, True), (39, False)])
def test_where_the_level_is_not_known_each_of_the_prices_will_do(points: int, is_right: bool) -> None:
    reward = next(one for one in parse_ruleset(PRICES).rewards if one.id == "coffee")
    step: Any = SimpleNamespace(account=SimpleNamespace(is_tier_known=False), differs=lambda *_, **__: None)
    assert has_price(step, reward, "gold", points) is is_right
