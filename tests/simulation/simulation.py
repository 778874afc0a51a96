"""Runs one seed: troubles first, then calm, then everything must be settled and every invariant hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from captured_logs import captured_logs
from contract_model import DAY
from invariants import Watch
from ledger_entries import Tills
from plan import Plan, plan_of
from troubles import TROUBLES, end_all, keep_running
from world import World

from token_service.chain.settlement import tracking
from token_service.chain.settlement.clearing import clear
from token_service.errors import InvalidInput, RpcError, TryAgain
from token_service.worker import read_backlog

ROUNDS_MAX = 100
"""Passes of one worker after the other, each some seconds and blocks later, until nothing may be unsettled any more (I10)."""


class Failed(AssertionError):
    """A seed whose invariants do not hold; the text says which, what happened before, and how to see it again."""


@dataclass(frozen=True)
class Ran:
    """What a seed did, for whoever counts."""

    seed: int
    rounds: int
    batches: int
    blocks: int
    passed: Counter[str]
    story: tuple[str, ...]


def run_seed(seed: int, lanes: int | None = None) -> Ran:
    """Raises Failed."""
    return run(plan_of(seed, lanes))


def run(plan: Plan) -> Ran:
    world = World(plan)
    try:
        with captured_logs(), no_waiting():
            return _run(world)
    except Exception as error:
        raise Failed(_report(world, error)) from error
    finally:
        world.close()


@contextmanager
def no_waiting() -> Iterator[None]:
    """The one place where a step sleeps does not: no time but the simulation's passes."""
    pause = tracking.LOOK_PAUSE_SECONDS
    tracking.LOOK_PAUSE_SECONDS = 0.0  # type: ignore[misc]
    try:
        yield
    finally:
        tracking.LOOK_PAUSE_SECONDS = pause  # type: ignore[misc]


def _run(world: World) -> Ran:
    tills = Tills(world)
    watch = Watch(world, tills)
    for _ in range(3):
        tills.record_some()
    for step in range(world.plan.steps):
        _step(world, tills)
        if step % 4 == 0:
            watch.always()
    end_all(world)
    world.be_calm()
    rounds = _settle(world, watch)
    watch.at_the_end()
    (batches,) = watch.rows("select count(*) as n from batches")
    return Ran(world.plan.seed, rounds, batches["n"], world.chain.head.number, world.passed, tuple(world.story))


def _step(world: World, tills: Tills) -> None:
    dice, chance = world.dice, world.dice.random()
    if chance < 0.62:
        _work(world)
    elif chance < 0.74:
        world.seconds += dice.choice((0.5, 1.0, 3.0, 15.0, 40.0))
    elif chance < 0.86:
        world.chain.mine(world.unix(), world.plan.fullness)
    elif chance < 0.92:
        tills.record_some()
    elif chance < 0.93:
        world.kill(dice.choice(world.workers))
    else:
        TROUBLES[dice.choice(world.plan.troubles)](world)


def _work(world: World) -> None:
    worker = world.dice.choice(world.workers)
    if worker.naps:
        worker.naps -= 1
    else:
        world.run_worker(worker)


def _settle(world: World, watch: Watch) -> int:
    for round_number in range(ROUNDS_MAX):
        world.seconds += 16.0 if round_number < ROUNDS_MAX // 2 else 600.0
        if world.plan.gas_budget is not None and round_number % 4 == 3:
            world.seconds += DAY  # and the budget has room again
        keep_running(world)
        for _ in range(1 + world.plan.depth * (round_number % 2)):
            world.chain.mine(world.unix())
        world.run_worker(world.workers[round_number % len(world.workers)])
        _clear(world)
        watch.always()
        if _is_settled(world, watch):
            return round_number
    left = read_backlog(world.store, world.now)
    lanes = [tuple(row) for row in watch.rows("select number, state, reason_code, reason from lanes")]
    raise AssertionError(f"not settled after {ROUNDS_MAX} rounds: {left} {lanes} (I10)")


def _is_settled(world: World, watch: Watch) -> bool:
    states = [row["state"] for row in watch.rows("select state from lanes")]
    retiring = watch.rows("select 1 from lanes where is_retiring and state <> 'disabled'")
    orders = world.chain.orders
    return (
        read_backlog(world.store, world.now).is_settled
        and set(states) <= {"active", "disabled"}
        and not retiring
        and not orders
    )


def _clear(world: World) -> None:
    """A person looks at lanes that wait for one: the thief's nonce is known, so the lane may go on."""
    for row in world.file.execute("select number from lanes where state = 'halted'").fetchall():
        try:
            clear(world.services(), row["number"], "it was the thief")
        except (InvalidInput, RpcError, TryAgain):
            continue


def _report(world: World, error: Exception) -> str:
    story = "\n  ".join(world.story)
    return (
        f"{type(error).__name__}: {error}\n{world.plan}\nwhat happened:\n  {story}\n"
        f"see it again: .venv/bin/python tests/simulation {world.plan.seed} --lanes {world.plan.lanes}"
    )
