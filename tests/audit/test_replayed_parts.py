"""Awards with an expiry of their own are issued in parts: lies about them, which only the replay can notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, named, only, saying

OWN = "campaigns: [{id: weekend, until: 2027-12-31, award: {multiplier_percent: 200, expiry: {kind: date, on: 2028-01-31}}}]\n"
SLEEPING = RULES.replace("{kind: fixed, period: P30D}", "{kind: inactivity, period: P30D}") + OWN


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, SLEEPING)


def second(change: Callable[[Settling], Settling | None]) -> Callable[[Settling], Settling | None]:
    """The change for the other part of the purchase alone."""
    return lambda leaf: change(leaf) if leaf.detail["part"] == 2 else leaf


def test_parts_of_one_purchase_hold_after_refunds_debts_and_activity(made: OpenedProgramme) -> None:
    member = made.town.member()
    first = made.town.buy(member, 2_000).value
    made.town.redeem(member, 30)
    made.town.refund(first.id, 1_500)
    made.town.pass_time(timedelta(days=20))
    made.town.buy(member, 5_000)
    made.settle(3)  # the parts lie in two batches
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_part_with_more_points_than_the_rules_give_it(made: OpenedProgramme) -> None:
    made.town.buy(made.town.member(), 2_000)
    wrong = named(lie(made, "issuance", second(lambda leaf: saying(leaf, amount=21, points=21))), "awards")
    assert (wrong.detail, wrong.expected, wrong.found) == ("the number of points issued is another", "20", "21")


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        ({"expires_at": "2027-12-24T00:00:00Z"}, "these points expire at another date"),
        ({"keeps_date": False}, "whether these points keep their date is another"),
    ],
)
def test_a_part_whose_date_is_not_its_own(made: OpenedProgramme, told: dict[str, Any], detail: str) -> None:
    made.town.buy(made.town.member(), 2_000)
    report = lie(made, "issuance", lambda leaf: saying(leaf, **told) if "keeps_date" in leaf.detail else leaf)
    assert named(report, "lots").detail == detail
    only(report, "lots")


@pytest.mark.parametrize("name", ["breakdown", "awarded", "facts"])
def test_a_part_that_tells_of_another_award(made: OpenedProgramme, name: str) -> None:
    made.town.buy(made.town.member(), 2_000)
    other = {"breakdown": [], "awarded": 39, "facts": {"total": 1}}[name]
    report = lie(made, "issuance", second(lambda leaf: saying(leaf, **{name: other})))
    assert " part" in named(report, "awards").detail
    only(report, "awards")


def test_a_part_that_never_came(made: OpenedProgramme) -> None:
    """What comes behind takes its number, so nothing else is missing."""
    member = made.town.member()
    made.town.buy(member, 2_000)
    made.town.clock.forward(timedelta(minutes=1))
    made.town.buy(member, 100)

    def close_up(found: list[Settling]) -> list[Settling]:
        kept = [leaf for leaf in found if leaf.detail["operation_id"] != found[0].detail["operation_id"]]
        return found[:1] + [replace(leaf, detail=leaf.detail | {"number": leaf.detail["number"] - 1}) for leaf in kept]

    made.bend = close_up
    made.settle()
    missing = [one for one in findings(made.audit(), "awards") if one.detail == "a part of an award is missing"]
    assert [(one.expected, one.found) for one in missing] == [("20 points until 2028-01-31T23:00:00Z", "issuance")]


def test_a_part_that_is_missing_at_the_end(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 2_000)
    made.town.clock.forward(timedelta(hours=3))
    made.town.buy(made.town.member(), 100)
    made.bend = lambda found: [leaf for leaf in found if leaf.member_id != member or leaf.detail["part"] == 1]
    made.settle()
    made.bend = list
    made.settle()
    assert any(one.detail == "a part of an award is missing" for one in findings(made.audit(), "awards"))
