"""A simulated deployment without any trouble, for tests that bring their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from captured_logs import captured_logs
from fake_node import NONE
from invariants import Watch
from ledger_entries import Tills
from plan import plan_of
from world import World

from token_service.worker import read_backlog


@contextmanager
def quiet_world(*, lanes: int = 1, depth: int = 1, by_tag: bool = False) -> Iterator[World]:
    """Two workers; a block is final under `depth` others, `by_tag`: when the node says so."""
    quiet = {
        "crash": 0.0,
        "switch": 0.0,
        "busy": 0.0,
        "signer_fails": 0.0,
        "skew_seconds": 0,
        "fullness": 1.0,
        "gas_budget": None,
    }
    shape = {"lanes": lanes, "workers": 2, "depth": depth, "confirmations": None if by_tag else depth, "strict": False}
    world = World(replace(plan_of(0), faults=NONE, batch_entries_max=8, **quiet, **shape))  # type: ignore[arg-type]
    with captured_logs():
        yield world
    world.close()


def work(world: World, number: int, passes: int = 1) -> None:
    """Whole passes of one worker, a block and some seconds after each."""
    for _ in range(passes):
        world.run_worker(world.workers[number])
        world.chain.mine(world.unix())
        world.seconds += 3


def send(world: World, number: int) -> None:
    """One worker goes on until something it sent waits for a block; then that block comes."""
    while not world.chain.pool:
        world.seconds += 1
        world.run_worker(world.workers[number])
    world.chain.mine(world.unix())


def stop(world: World, number: int, place: str) -> None:
    """One worker goes on until it comes to this failpoint, and stands still there."""
    world.stops[f"worker {number}"] = place
    world.run_worker(world.workers[number])
    assert world.workers[number].place == place


def finish(world: World, tills: Tills) -> None:
    """The other worker settles all that is left, and every rule holds."""
    work(world, 1, passes=8)
    assert (lane(world), read_backlog(world.store, world.now).is_settled) == (("active", None), True)
    Watch(world, tills).at_the_end()


def lane(world: World) -> tuple[str, str | None]:
    """State and code of the first lane."""
    row = world.file.execute("select state, reason_code from lanes order by number").fetchone()
    return row["state"], row["reason_code"]
