"""A worker that stands still at the worst moment and then goes on with what it knew. Each of these once did harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from invariants import Watch
from keys import OPERATORS, address
from ledger_entries import Tills
from quiet_world import finish, lane, quiet_world, send, stop, work
from world import World

from token_service.chain.admin_calls import ROLES
from token_service.ledger.admin_operations import enqueue
from token_service.worker import read_backlog


@pytest.fixture
def world() -> Iterator[World]:
    with quiet_world() as made:
        yield made


def test_old_news_of_a_failed_batch_does_not_stop_a_lane_that_went_on(world: World) -> None:
    tills, operator = Tills(world), address(OPERATORS[0])
    tills.record_some()
    world.chain.order("revokeRole", ROLES["settler"], operator)
    world.chain.mine(world.unix())
    send(world, 1)
    stop(world, 0, "track.before_commit")  # it has seen the failure
    work(world, 1, passes=2)
    assert lane(world)[0] in ("draining", "blocked")
    world.chain.order("grantRole", ROLES["settler"], operator)
    work(world, 1, passes=8)
    assert (lane(world), read_backlog(world.store, world.now).is_settled) == (("active", None), True)
    work(world, 0)
    assert lane(world) == ("active", None)
    Watch(world, tills).at_the_end()


def test_old_news_of_a_failure_that_is_final_does_not_block_a_lane_that_sends_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receipt is looked at so late that its block is final already: then no cursor moves when the failure is written."""
    monkeypatch.setattr("token_service.worker.track", lambda services: 0)
    tills, operator = Tills(world), address(OPERATORS[0])
    tills.record_some()
    world.chain.order("revokeRole", ROLES["settler"], operator)
    world.chain.mine(world.unix())
    work(world, 1, passes=4)
    world.chain.order("grantRole", ROLES["settler"], operator)
    work(world, 1, passes=3)
    world.run_worker(world.workers[1])
    monkeypatch.undo()
    stop(world, 0, "finalize.before_commit")
    for _ in range(3):
        world.seconds += 3
        world.run_worker(world.workers[1])
    assert world.chain.pool, "the batch is on its way again"
    world.run_worker(world.workers[0])
    finish(world, tills)


def test_an_old_refusal_does_not_block_a_lane_that_sends_anew(world: World) -> None:
    tills = Tills(world)
    tills.record_some()
    world.chain.order("pause")
    world.chain.mine(world.unix())
    send(world, 1)
    world.run_worker(world.workers[1])
    world.chain.mine(world.unix())
    world.run_worker(world.workers[1])
    stop(world, 0, "anew_waits.before_commit")
    world.chain.order("unpause")
    world.chain.mine(world.unix())
    world.run_worker(world.workers[1])
    assert world.chain.pool, "the batch is on its way again"
    world.run_worker(world.workers[0])
    finish(world, tills)


def test_an_order_that_another_worker_has_sent_does_not_fail_for_an_old_refusal(world: World) -> None:
    with world.store.write() as connection:
        stamps = {"operation_id": "adm_1", "created_at": world.now()}
        enqueue(connection, kind="unpause", arguments={}, **stamps)
    stop(world, 0, "admin_refused.before_commit")
    world.chain.order("pause")
    world.chain.mine(world.unix())
    world.run_worker(world.workers[1])
    world.run_worker(world.workers[0])
    state = "select state from admin_operations"
    assert world.file.execute(state).fetchone()["state"] == "sent"
    work(world, 1, passes=5)
    assert world.file.execute(state).fetchone()["state"] == "final"


def test_a_worker_that_starts_slowly_does_not_take_batches_of_others_for_unknown_ones(world: World) -> None:
    tills = Tills(world)
    slow, fast = world.workers
    slow.starts_checked, fast.starts_checked = 1.0, 0.0
    while slow.is_new:  # before each question to the node that a start asks, others settle something
        world.stops["worker 0"] = "node.before_read"
        world.run_worker(slow)
        tills.record_some()
        work(world, 1, passes=2)
    assert world.chain.head.state.contract.lane(address(OPERATORS[0])).seq > 2
    assert lane(world) == ("active", None)
