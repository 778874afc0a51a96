"""Rewards for members who keep their own points: what is signed is the price of the level held when it was asked for."""

from __future__ import annotations

from pathlib import Path

import leaving_town
import pytest
import settlement_programme
from anvil_node import Anvil
from leaving_town import Town, explain
from settlement_programme import Programme

from token_service.errors import ReferenceConflict
from token_service.ledger import quotes, views
from token_service.ledger.inputs import NewItem, NewOrder, NewPurchase, NewRedemption
from token_service.ledger.purchases import record_purchase
from token_service.ledger.quotes import preview_quote, quote
from token_service.ledger.redemptions import find_redemption
from token_service.program.ruleset import canonical_json, parse_ruleset, ruleset_hash

pytestmark = pytest.mark.usefixtures("quiet_log")
PRICED = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]
tiers: {qualify_by: spend, window: {kind: lifetime}, levels: [{id: bronze, from: 0}, {id: gold, from: 50000}]}
rewards:
  - {id: coffee, kind: gift, points: 40, points_by_level: {gold: 25}}
  - {id: tenth, kind: discount, points: 10, discount: {percent: 10}, categories: [PRODUCE]}
"""
BASKET = NewOrder(2_605, "EUR", (NewItem(1, 1_205, category="PRODUCE"), NewItem(2, 1_400, category="TOYS")))


@pytest.fixture(autouse=True)
def _priced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programme's rules, for what sets it up and for what audits it."""
    for module in (settlement_programme, leaving_town):
        monkeypatch.setattr(module, "DOCUMENT", PRICED)
        monkeypatch.setattr(module, "RULESET", ruleset_hash(canonical_json(parse_ruleset(PRICED))))


@pytest.fixture
def town(programme: Programme) -> Town:
    made = Town(programme)
    made.credit(200)
    made.leave()
    return made


def asking(town: Town, reference: str, reward: str = "coffee", order: NewOrder | None = None) -> NewRedemption:
    return NewRedemption(reference=reference, member_id=town.member, reward_id=reward, order=order)


def asked(town: Town, reference: str, reward: str = "coffee", order: NewOrder | None = None) -> views.Mandate:
    return quote(town.context, town.alice, asking(town, reference, reward, order)).mandate


def becomes_gold(town: Town) -> None:
    new = NewPurchase("big", town.context.now(), 50_000, member_id=town.member)
    record_purchase(town.context, town.alice, new)


def test_a_quote_keeps_the_price_of_its_own_level_when_another_is_reached_before_it_is_signed(
    town: Town, anvil: Anvil, tmp_path: Path
) -> None:
    before = asked(town, "r-1")
    assert before.points == 40
    becomes_gold(town)
    town.sign(before)
    town.settle()
    assert preview_quote(town.context, town.alice, asking(town, "r-2")).points == 25
    town.sign(asked(town, "r-2"))
    town.settle()
    assert [find_redemption(town.context, town.alice, one).points for one in ("r-1", "r-2")] == [40, 25]
    report = town.audited(anvil.url, tmp_path / "openings")
    assert report.exit_code == 0, explain(report)
    town.agrees()


def test_a_quote_for_an_order_says_what_comes_off_and_its_redemption_keeps_it(
    town: Town, anvil: Anvil, tmp_path: Path
) -> None:
    assert preview_quote(town.context, town.alice, asking(town, "r-1", "tenth", BASKET)).discount == views.Money(
        120, "EUR"
    )
    mandate = asked(town, "r-1", "tenth", BASKET)
    assert asked(town, "r-1", "tenth", BASKET) == mandate
    town.sign(mandate)
    town.settle()
    assert find_redemption(town.context, town.alice, "r-1").discount == views.Money(120, "EUR")
    report = town.audited(anvil.url, tmp_path / "openings")
    assert report.exit_code == 0, explain(report)
    town.agrees()


def test_a_quote_with_the_price_of_another_level_is_named(
    town: Town, anvil: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotes, "check_redemption", lambda *_, **__: 25)
    town.sign(asked(town, "r-1"))
    town.settle()
    report = town.audited(anvil.url, tmp_path / "openings")
    (wrong,) = [one for check in report.checks if check.name == "rewards" for one in check.findings]
    assert (wrong.expected, wrong.found) == ("40", "25")


def test_a_quote_of_the_same_reference_and_total_for_other_goods_conflicts(town: Town) -> None:
    first = asked(town, "basket", "tenth", BASKET)
    assert asked(town, "basket", "tenth", BASKET).id == first.id
    for goods in (
        (NewItem(1, 205, category="PRODUCE"), NewItem(2, 2_400, category="TOYS")),
        (NewItem(1, 2_605, category="TOYS"),),
    ):
        with pytest.raises(ReferenceConflict):
            asked(town, "basket", "tenth", NewOrder(2_605, "EUR", goods))
