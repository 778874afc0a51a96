"""Net settlement between merchants for a period, computed from entries, exact to the cent, exportable."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from ledger_town import DAY, Town

from token_service.app.application import open_application
from token_service.app.setup import Founding, initialise
from token_service.cli.merchant_commands import merchant
from token_service.config import Settings
from token_service.ledger.causes import create_cause
from token_service.ledger.context import Actor
from token_service.ledger.donations import donate
from token_service.ledger.inputs import NewDonation, NewMerchant
from token_service.ledger.member_codes import member_by_code, new_code
from token_service.ledger.merchants import create_merchant

RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 3, amount: 100}}
earning: [{id: base, kind: spend, points: 1, per: 100}]
"""
"""A point is worth a third of a euro: the cents must come out right all the same."""


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A programme in which Alice's points were honoured by Charlie; options for the days around it."""
    for name in [name for name in os.environ if name.startswith("MEREAU_")]:
        monkeypatch.delenv(name)
    settings = Settings(data_dir=tmp_path / "var", log_level="error")
    initialise(settings, Founding(RULES))
    monkeypatch.setenv("MEREAU_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("MEREAU_LOG_LEVEL", "error")
    with open_application(settings) as application:
        context = application.context
        alice, charlie = (
            Actor.merchant(create_merchant(context, Actor.admin(), NewMerchant(name)).id)
            for name in ("Alice", "Charlie")
        )
        town = Town(context, _Clock(context.now()), application.keys, alice, charlie)  # type: ignore[arg-type]
        member = town.member()
        town.buy(member, 10_000)
        member_by_code(context, charlie, new_code(context, Actor.member(member)).code)
        for _ in range(4):
            town.redeem(member, 5, actor=charlie)
        cause = create_cause(context, Actor.admin(), "Banque alimentaire")
        donate(context, alice, NewDonation("gift/1", member, points=5, cause_id=cause.id))
        today = context.now().date()
    return ["--since", str(today - DAY), "--until", str(today + DAY)]


class _Clock:
    def __init__(self, at: object) -> None:
        self.at = at


def test_net_settlement_is_exact_to_the_cent_and_exportable(days: list[str]) -> None:
    """Four times five points, 1.66 EUR each, are 20 points, 6.66 EUR: rounded once for the pair."""
    asked = ["settlement", *days]
    table = CliRunner().invoke(merchant, [*asked, "--csv"], catch_exceptions=False).stdout
    row, gift = csv.DictReader(table.splitlines())
    assert (row["issuer"], row["acceptor"], row["points"]) == ("Alice", "Charlie", "20")
    assert (row["value_minor_units"], row["currency"]) == ("666", "EUR")
    assert row["acceptor_kind"] == "merchant"
    assert (gift["issuer"], gift["acceptor"], gift["acceptor_kind"]) == ("Alice", "Banque alimentaire", "cause")
    assert (gift["points"], gift["value_minor_units"]) == ("5", "166")
    told = json.loads(CliRunner().invoke(merchant, [*asked, "--json"], catch_exceptions=False).stdout)
    assert [one["net_value"] for one in told["positions"]] == [-832, 666, 166]
    said = CliRunner().invoke(merchant, asked, catch_exceptions=False).stdout
    assert "Banque alimentaire gets 1.66 EUR: a cause, was given 5 points" in said
