"""Lies about when and by which rules something was decided, by whom, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_replayed_lies import DAY, RULES, WINDOW, lie, named, only, saying


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def test_rules_that_were_not_in_force(made: OpenedProgramme) -> None:
    later = made.publish(RULES.replace("points: 1,", "points: 3,"), ahead=10 * DAY)
    made.town.buy(made.town.member(), 2_390)

    def other_rules(leaf: Settling) -> Settling:
        line = leaf.detail["breakdown"][0] | {
            "points": 71,
            "why": leaf.detail["breakdown"][0]["why"].replace("1 point", "3 points"),
        }
        return saying(leaf, amount=71, points=71, awarded=71, breakdown=[line], ruleset=later)

    report = lie(made, "issuance", other_rules)
    wrong = named(report, "decisions")
    assert (wrong.expected, wrong.found) == (made.rulesets[0], later)
    only(report, "decisions")


def test_a_purchase_that_was_recorded_too_late(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.clock.at += 9 * DAY
    made.town.buy(member, 2_390, occurred_at=made.town.clock.at - 7 * DAY)
    at = (made.town.clock.at + DAY).isoformat().replace("+00:00", "Z")
    made.town.clock.at += DAY
    report = lie(made, "issuance", lambda leaf: saying(leaf, recorded_at=at))
    assert "too late" in named(report, "decisions").detail


def test_an_award_that_is_issued_inside_its_return_window(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    made = make_opened(node_url, tmp_path, keys_folder, WINDOW)
    made.town.buy(made.town.member(), 2_390)
    made.settle()
    made.town.pass_time(15 * DAY)
    at = (made.town.clock.at - 5 * DAY).isoformat().replace("+00:00", "Z")
    report = lie(made, "issuance", lambda leaf: saying(leaf, recorded_at=at))
    assert "before it is due" in named(report, "awards").detail


def test_an_adjustment_without_a_reason(made: OpenedProgramme) -> None:
    made.town.adjust(made.town.member(), 50)
    report = lie(made, "adjustment", lambda leaf: saying(leaf, reason=" "))
    assert "no reason" in named(report, "manual").detail


def test_an_issuance_by_hand_beyond_the_limit(made: OpenedProgramme) -> None:
    made.town.issue(made.town.member(), 100)
    report = lie(made, "issuance", lambda leaf: saying(leaf, amount=301, points=301))
    wrong = named(report, "manual")
    assert (wrong.expected, wrong.found) == ("≤ 300", "301")


def test_a_debt_that_is_not_paid(made: OpenedProgramme) -> None:
    """Points that were spent are owed after the refund; the next credit pays them, or somebody was let off."""
    member = made.town.member()
    bought = made.town.buy(member, 10_000)
    made.town.redeem(member, 90)
    made.town.refund(bought.value.id, 10_000)
    made.settle()
    made.town.buy(member, 5_000)

    def let_off(found: list[Settling]) -> list[Settling]:
        kept = [leaf for leaf in found if not leaf.detail.get("pays_debt")]
        return [saying(leaf, number=leaf.detail["number"] - (leaf.detail["kind"] == "tier")) for leaf in kept]

    made.bend = let_off
    made.settle()
    made.bend = lambda found: [saying(leaf, number=leaf.detail["number"] - 1) for leaf in found]
    made.town.adjust(member, 5)
    made.settle()
    assert "did not pay" in findings(made.audit(), "reversals")[0].detail


def test_lots_in_another_order(made: OpenedProgramme) -> None:
    """The points that expire later go first: the member loses the others."""
    member = made.town.member()
    made.town.buy(member, 5_000)
    made.town.clock.at += 5 * DAY
    second = made.town.buy(member, 5_000)
    made.town.redeem(member, 20)

    def later(leaf: Settling) -> Settling:
        until = (made.town.clock.at + 30 * DAY).isoformat().replace("+00:00", "Z")
        return saying(leaf, lots=[{"lot": second.entries[0].id, "points": -20, "expires_at": until}])

    report = lie(made, "redemption", later)
    assert "other lots" in named(report, "lots").detail
    only(report, "lots")
