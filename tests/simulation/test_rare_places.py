"""Dying at places to which hardly any seed leads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract_model import DAY
from fake_chain import RICH
from invariants import Watch
from keys import OPERATORS, address
from ledger_entries import Tills
from quiet_world import lane, quiet_world, work
from world import World

from token_service.chain.admin_calls import ROLES

OPERATOR = address(OPERATORS[0])


@pytest.fixture
def world() -> Iterator[World]:
    with quiet_world() as made:
        yield made


def die_at(world: World, place: str) -> None:
    """The first worker comes to that place and is killed there."""
    world.stops["worker 0"] = place
    for _ in range(4):
        world.run_worker(world.workers[0])
        if world.workers[0].place == place:
            break
    assert world.workers[0].place == place
    world.kill(world.workers[0])


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_pause_that_is_over_is_over_whoever_dies_saying_so(world: World, side: str) -> None:
    world.chain.order("pause")
    work(world, 1, passes=4)
    assert world.file.execute("select paused from program").fetchone()["paused"]
    world.offset += 8 * DAY
    world.chain.mine(world.unix())
    die_at(world, f"pause_over.{side}_commit")
    tills = Tills(world)
    tills.record_some()
    work(world, 1, passes=6)
    assert not world.file.execute("select paused from program").fetchone()["paused"]
    Watch(world, tills).at_the_end()


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_lane_that_got_its_role_back_and_has_no_money_says_so(world: World, side: str) -> None:
    tills = Tills(world)
    tills.record_some()
    world.chain.order("revokeRole", ROLES["settler"], OPERATOR)
    world.chain.mine(world.unix())
    work(world, 1, passes=8)
    assert lane(world) == ("blocked", "role_missing")
    world.chain.order("grantRole", ROLES["settler"], OPERATOR)
    world.chain.fund(OPERATOR, 0)
    world.chain.mine(world.unix())
    die_at(world, f"resume_waits.{side}_commit")
    work(world, 1)
    assert lane(world) == ("blocked", "out_of_funds")
    world.chain.fund(OPERATOR, RICH)
    work(world, 1, passes=8)
    assert lane(world) == ("active", None)
    Watch(world, tills).at_the_end()
