"""One request is answered by a node that is up to date, the next by one that is not. Each of these once did harm."""

from __future__ import annotations

from typing import Any

import pytest
from fake_node import FakeNode, View
from invariants import Watch
from ledger_entries import Tills
from quiet_world import lane, quiet_world, work


def test_logs_that_a_lagging_node_leaves_out_of_a_range_are_asked_for_block_by_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = FakeNode._eth_getLogs

    def left_out(node: FakeNode, view: View, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        return answer(node, view, wanted) if "blockHash" in wanted else []

    monkeypatch.setattr(FakeNode, "_eth_getLogs", left_out)
    with quiet_world() as world:
        tills = Tills(world)
        tills.record_some()
        work(world, 0, passes=8)
        Watch(world, tills).at_the_end()


def test_a_lane_does_not_halt_because_a_batch_has_landed_on_a_branch_that_was_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with quiet_world(depth=3) as world:
        tills = Tills(world)
        tills.record_some()
        while not world.chain.pool:
            world.seconds += 1
            world.run_worker(world.workers[0])
        world.chain.mine(world.unix())
        left = View(world.chain, branch=list(world.chain.blocks))  # there the batch has landed
        (sent,) = world.chain.head.contents
        world.chain.blocks.pop()
        world.chain.order("pause")
        world.chain.mine(world.unix())
        world.chain.keep(sent)
        work(world, 0, passes=7)
        assert lane(world) == ("blocked", "paused"), "here it has failed, for good"
        call = FakeNode._eth_call

        def mixed(node: FakeNode, view: View, asked: dict[str, Any], tag: str) -> str:
            return call(node, left if tag == "latest" else view, asked, tag)

        monkeypatch.setattr(FakeNode, "_eth_call", mixed)
        work(world, 0, passes=2)
        assert lane(world)[0] == "blocked"
        monkeypatch.undo()
        world.chain.order("unpause")
        work(world, 0, passes=9)
        assert lane(world) == ("active", None)
        Watch(world, tills).at_the_end()


def test_a_block_of_a_branch_that_was_left_is_not_final_because_another_node_has_come_so_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with quiet_world(depth=3, by_tag=True) as world:
        tills = Tills(world)
        tills.record_some()
        work(world, 0, passes=6)
        world.chain.reorganise(3, world.unix())
        left = View(world.chain, branch=world.chain.abandoned)
        for _ in range(6):
            world.chain.mine(world.unix())
        assert world.chain.final > world.chain.abandoned_final
        other = FakeNode._faulty

        def mixed(node: FakeNode, method: str, params: list[Any]) -> Any:
            is_tag = method == "eth_getBlockByNumber" and params[0] == "finalized"
            node.view = View(world.chain) if is_tag else left
            return other(node, method, params)

        monkeypatch.setattr(FakeNode, "_faulty", mixed)
        watch = Watch(world, tills)
        for _ in range(3):
            world.run_worker(world.workers[0])
            watch.always()
        monkeypatch.undo()
        world.node.view = View(world.chain)
        work(world, 0, passes=8)
        watch.at_the_end()
