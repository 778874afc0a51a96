"""Lies about holds that only the replay can notice: other lots, more points, an end that was none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from token_service.ledger.holds import capture, hold, release
from token_service.ledger.inputs import NewCapture, NewHold

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import DAY, RULES, lie, saying


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def member_with_two_lots(made: OpenedProgramme) -> str:
    member = made.town.member()
    made.town.buy(member, 10_000)
    made.town.clock.at += DAY
    made.town.buy(member, 5_000)
    return member


def held(made: OpenedProgramme, member: str, points: int, lasting: timedelta = DAY) -> str:
    new = NewHold(made.town.reference(), member, points, lasting)
    return hold(made.town.context, made.town.alice, new).value.id


def honest(made: OpenedProgramme) -> None:
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_honest_holds_hold(made: OpenedProgramme) -> None:
    member = member_with_two_lots(made)
    first, second = held(made, member, 120), held(made, member, 20)
    made.town.redeem(member, 5)
    capture(made.town.context, made.town.alice, first, NewCapture(60))
    release(made.town.context, made.town.alice, second)
    held(made, member, 50, timedelta(days=7))
    made.town.pass_time(timedelta(days=40))
    honest(made)


def test_other_lots_than_the_next_ones_are_set_aside(made: OpenedProgramme) -> None:
    member = member_with_two_lots(made)
    honest(made)
    held(made, member, 120)

    def turned(leaf: Settling) -> Settling:
        (one, other) = leaf.detail["set_aside"]
        return saying(leaf, set_aside=[other | {"points": 50}, one | {"points": 70}])

    assert "other lots are set aside" in findings(lie(made, "held", turned), "lots")[0].detail


def test_more_is_set_aside_than_there_is(made: OpenedProgramme) -> None:
    member = member_with_two_lots(made)
    honest(made)
    held(made, member, 120)
    report = lie(made, "held", lambda leaf: saying(leaf, points_held=151))
    assert findings(report, "lots")[0].expected == "1 to 150"


def test_a_hold_ends_with_more_than_it_set_aside(made: OpenedProgramme) -> None:
    member = member_with_two_lots(made)
    held_id = held(made, member, 10)
    honest(made)
    release(made.town.context, made.town.alice, held_id)

    def more(leaf: Settling) -> Settling:
        return saying(leaf, set_aside=[leaf.detail["set_aside"][0] | {"points": 40}])

    assert "a hold ends with other points" in findings(lie(made, "released", more), "lots")[0].detail


def test_a_capture_of_a_hold_that_was_not_there(made: OpenedProgramme) -> None:
    member = member_with_two_lots(made)
    held_id = held(made, member, 10)
    honest(made)
    capture(made.town.context, made.town.alice, held_id, NewCapture())
    report = lie(made, "redemption", lambda leaf: saying(leaf, of="hld_nothing"))
    assert findings(report, "lots")[0].found == "hld_nothing"
