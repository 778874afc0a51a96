"""What merchants owe one another, on a page of the console and as a file."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from console_town import Desk, desk
from pages_town import Town, open_shop

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewRedemption
from token_service.ledger.member_codes import member_by_code, new_code
from token_service.ledger.redemptions import redeem


@pytest.fixture
def manager(town: Town) -> Desk:
    """A baker with a name like a formula took in 30 points that the market gave."""
    member = town.member()
    town.purchase(member, 10_000)
    baker = open_shop(town.context, town.clock, "=Boulanger")
    member_by_code(town.context, baker.actor, new_code(town.context, Actor.member(member)).code)
    redeem(town.context, baker.actor, NewRedemption("spent-1", member, 30))
    return desk(town, "manager")


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\N{NO-BREAK SPACE}", " ").split())


def days(town: Town) -> str:
    today = town.clock().date().isoformat()
    return f"since={today}&until={today}"


def test_net_settlement_between_merchants_is_shown_and_sums_to_zero(town: Town, manager: Desk) -> None:
    page = words(manager.read(f"/console/merchants/owed?{days(town)}"))
    assert "=Boulanger 30 0 €3.00 –" in page
    assert "Marché Central 0 30 – €3.00" in page
    assert "Marché Central =Boulanger 30 €3.00 Download as CSV" in page
    assert 'href="/console/merchants/owed"' in manager.read("/console/merchants")
    french = desk(town, "owner", locale="fr").read(f"/console/merchants/owed?{days(town)}")
    assert "Ce que les commerçants se doivent" in french


def test_the_file_has_the_pairs_and_runs_nothing_in_a_spreadsheet(town: Town, manager: Desk) -> None:
    answer = manager.get(f"/console/merchants/owed.csv?{days(town)}")
    today = town.clock().date()
    assert answer.mimetype == "text/csv"
    assert answer.text.splitlines() == [
        "since,until,issuer,acceptor,points,value_minor_units,currency,acceptor_kind",
        f"{today},{today},Marché Central,'=Boulanger,30,300,EUR,merchant",
    ]


def test_without_days_it_is_the_last_whole_month(town: Town, manager: Desk) -> None:
    assert "Nobody owes anybody anything for these days." in manager.read("/console/merchants/owed")
    town.clock.move(timedelta(days=31))
    later = desk(town, "support")
    assert "=Boulanger 30 0 €3.00" in words(later.read("/console/merchants/owed"))


@pytest.mark.parametrize("asked", ["since=2026-11-30&until=2026-11-01", "since=soon&until=2026-11-01"])
@pytest.mark.parametrize("path", ["/console/merchants/owed", "/console/merchants/owed.csv"])
def test_days_that_are_no_period_are_named_beside_their_field(manager: Desk, asked: str, path: str) -> None:
    answer = manager.get(f"{path}?{asked}")
    assert (answer.status_code, "Write two days as 2026-11-30" in answer.text) == (422, True)
