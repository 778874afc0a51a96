"""What was final leaves the chain: every lane halts, and a person must look."""

from __future__ import annotations

import pytest
from ledger_entries import Tills
from quiet_world import quiet_world, work
from world import World

from token_service.chain.settlement.clearing import clear
from token_service.errors import InvalidInput

TABLES = ("batches", "blocks", "chain_events", "cursors", "lanes")


def rows(world: World) -> dict[str, list[tuple[object, ...]]]:
    return {table: [tuple(row) for row in world.file.execute(f"select * from {table}")] for table in TABLES}


def test_a_reorganisation_below_finality_halts_every_lane_and_nothing_more_is_planned_or_taken_in() -> None:
    with quiet_world(lanes=2, depth=2) as world:
        tills = Tills(world)
        for _ in range(8):
            tills.record_some()
            work(world, 0)
            work(world, 1)
        (final,) = world.file.execute("select number from cursors where name = 'final'").fetchone()
        assert final > 3
        world.chain.rewrite(world.chain.head.number - final + 3, world.unix())
        for _ in range(4):
            world.chain.mine(world.unix())
        work(world, 0)
        halted = [tuple(row) for row in world.file.execute("select state, reason_code from lanes")]
        assert halted == [("halted", "deep_reorg")] * 2
        before = rows(world)
        tills.record_some()
        for number in (0, 1, 0):
            work(world, number)
        assert rows(world) == before
        with pytest.raises(InvalidInput, match="which was final, is not on the node's chain"):
            clear(world.services(), 0, "it will be fine")
