"""Several endpoints that do not say the same: what lags proves nothing, a minority takes nothing back, finality needs two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from anvil_node import Anvil
from captured_logs import captured_logs
from settlement_programme import Programme
from views_of_a_chain import View, pool_of

from token_service.chain.admin_operations import advance
from token_service.chain.finality_presets import depth_without_tag
from token_service.chain.node import Node
from token_service.chain.services import ChainServices
from token_service.chain.settlement import PushMemory, finalize, index, push, track
from token_service.chain.settlement.cursors import read_cursor
from token_service.chain.settlement.finality import newest_final
from token_service.chain.settlement.lanes import read_lane
from token_service.errors import LaneHalted, NodeUnreachable, RpcError
from token_service.units import EntryKind
from token_service.worker import Worker

pytestmark = pytest.mark.usefixtures("quiet_log")


def mined(programme: Programme) -> str:
    """A leaf whose batch is in a block that is not final."""
    leaf_id = programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle(timeout_seconds=0.3)
    assert programme.leaf(leaf_id).state == "mined"
    return leaf_id


def on(programme: Programme, node: Node) -> ChainServices:
    return replace(programme.services, node=node)


def state(programme: Programme) -> str:
    with programme.store.read() as connection:
        return read_lane(connection).state


def test_an_endpoint_that_lags_is_not_read_and_takes_nothing_back(own_programme: Programme, own_anvil: Anvil) -> None:
    height = own_anvil.block_number()
    good, behind = View(own_anvil.node), View(own_anvil.node, ends_at=height)
    services = on(own_programme, pool_of(behind, good))
    leaf_id = mined(own_programme)
    own_anvil.mine(2)
    assert index(services) == 2
    good.is_down = True
    assert (index(services), track(services), finalize(services)) == (0, 0, 0)
    assert own_programme.leaf(leaf_id).state == "mined"
    good.is_down = False
    behind.ends_at = None
    assert finalize(services) > 0
    assert own_programme.leaf(leaf_id).state == "final"


def test_a_fork_no_higher_than_what_was_read_is_not_followed(own_programme: Programme, own_anvil: Anvil) -> None:
    height = own_anvil.block_number()
    leaf_id = mined(own_programme)
    fork, good = View(own_anvil.node, forks_above=height, ahead=1), View(own_anvil.node)
    services = on(own_programme, pool_of(fork, good))
    for _ in range(3):
        assert index(services) == 0
    assert own_programme.leaf(leaf_id).state == "mined"
    own_anvil.mine(2)
    assert index(services) == 2
    assert own_programme.leaf(leaf_id).state == "mined"


def test_a_fork_that_outgrows_what_was_read_is_followed_once_and_back_again(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    height = own_anvil.block_number()
    leaf_id = mined(own_programme)
    fork, good = View(own_anvil.node, forks_above=height, ahead=5), View(own_anvil.node)
    services = on(own_programme, pool_of(good, fork))
    index(services)
    assert own_programme.leaf(leaf_id).state == "batched"
    assert index(services) == 6
    fork.is_down = True  # what lies lower proves nothing, until it is as high
    assert index(services) == 0
    own_anvil.mine(6)
    index(services)
    index(services)
    assert own_programme.leaf(leaf_id).state == "mined"
    assert state(own_programme) == "active"


def test_two_endpoints_on_different_forks_make_nothing_final(own_programme: Programme, own_anvil: Anvil) -> None:
    height = own_anvil.block_number()
    leaf_id = mined(own_programme)
    own_anvil.mine(3)
    fork, good = View(own_anvil.node, forks_above=height), View(own_anvil.node)
    services = on(own_programme, pool_of(fork, good))
    assert index(services) == 3
    assert finalize(services) == 0
    assert own_programme.leaf(leaf_id).state == "mined"
    third = on(own_programme, pool_of(fork, good, View(own_anvil.node)))
    assert finalize(third) > 0
    assert own_programme.leaf(leaf_id).state == "final"


def test_final_is_what_two_endpoints_call_so(own_programme: Programme, own_anvil: Anvil) -> None:
    leaf_id = mined(own_programme)
    own_anvil.mine(3)
    height = own_anvil.block_number()
    hasty, slow = View(own_anvil.node, finalized=height), View(own_anvil.node, finalized=height - 4)
    services = replace(on(own_programme, pool_of(hasty, slow)), depth=None)
    index(services)
    finalize(services)
    assert own_programme.leaf(leaf_id).state == "mined"
    slow.finalized = height - 1
    finalize(services)
    assert own_programme.leaf(leaf_id).state == "final"
    with own_programme.store.read() as connection:
        assert read_cursor(connection, "final").number == height - 1


def test_an_endpoint_without_that_word_goes_by_depth_beside_one_that_has_it(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    leaf_id = mined(own_programme)
    own_anvil.mine(20)
    height = own_anvil.block_number()
    tagged, untagged = View(own_anvil.node, finalized=height - 2), View(own_anvil.node)
    services = replace(on(own_programme, pool_of(tagged, untagged)), depth=None)
    index(services)
    assert finalize(services) > 0
    assert own_programme.leaf(leaf_id).state == "final"
    with own_programme.store.read() as connection:
        assert read_cursor(connection, "final").number == height - depth_without_tag(services.chain_id)


class Speechless:
    """A node that knows no tags."""

    def request(self, method: str, params: list[Any]) -> Any:
        raise RpcError("invalid argument 0: hex string without 0x prefix")


@pytest.mark.parametrize(("chain_id", "depth"), [(1, 64), (8453, 900), (137, 256), (31_337, 12)])
def test_a_node_without_that_word_gets_a_depth_for_its_chain(chain_id: int, depth: int) -> None:
    node = Speechless()
    assert newest_final(node, None, 10_000, depth_without_tag(chain_id)) == 10_000 - depth
    assert newest_final(node, 7, 10_000, depth_without_tag(chain_id)) == 10_000 - 7


def test_how_many_endpoints_must_agree_is_the_operators_choice(own_programme: Programme, own_anvil: Anvil) -> None:
    leaf_id = mined(own_programme)
    own_anvil.mine(3)
    services = on(own_programme, pool_of(View(own_anvil.node), View(own_anvil.node, is_down=True)))
    index(services)
    assert finalize(replace(services, finality_witnesses=2)) == 0
    assert own_programme.leaf(leaf_id).state == "mined"
    assert finalize(services) > 0
    assert own_programme.leaf(leaf_id).state == "final"


def test_a_final_block_that_one_endpoint_still_has_halts_nothing(own_programme: Programme, own_anvil: Anvil) -> None:
    height = own_anvil.block_number()
    leaf_id = mined(own_programme)
    own_anvil.mine(3)
    own_programme.settle()
    assert own_programme.leaf(leaf_id).state == "final"
    fork = View(own_anvil.node, forks_above=height - 1, ahead=2)
    services = on(own_programme, pool_of(fork, View(own_anvil.node)))
    assert index(services) == 0
    assert state(own_programme) == "active"
    with pytest.raises(LaneHalted, match="use a node that has this block"):
        index(on(own_programme, pool_of(fork, fork)))
    assert state(own_programme) == "halted"


def test_a_fork_that_is_gone_at_the_second_look_takes_nothing_back(
    own_programme: Programme, own_anvil: Anvil, monkeypatch: pytest.MonkeyPatch
) -> None:
    height = own_anvil.block_number()
    leaf_id = mined(own_programme)
    view = View(own_anvil.node, forks_above=height, ahead=1)

    def a_moment_later(seconds: float) -> None:
        view.forks_above, view.ahead = None, 0

    monkeypatch.setattr("token_service.chain.settlement.reorgs.time.sleep", a_moment_later)
    with pytest.raises(NodeUnreachable, match="moves while it is looked at"):
        index(on(own_programme, pool_of(view)))
    assert own_programme.leaf(leaf_id).state == "mined"


def test_a_receipt_that_one_endpoint_lost_is_found_at_another(own_programme: Programme, own_anvil: Anvil) -> None:
    operation = own_programme.order("pause")
    advance(own_programme.services)
    push(own_programme.services, PushMemory())
    own_anvil.mine(3)
    forgetful = View(own_anvil.node, has_receipts=False)
    services = on(own_programme, pool_of(forgetful, View(own_anvil.node)))
    index(services)
    assert track(services) == 1
    finalize(services)
    assert own_programme.operation(operation).state == "final"
    assert state(own_programme) == "active"


def test_the_worker_says_once_which_node_is_not_well(own_programme: Programme, own_anvil: Anvil) -> None:
    flaky = View(own_anvil.node)
    services = on(own_programme, pool_of(View(own_anvil.node), flaky))
    worker = Worker(replace(own_programme.worker(), chain=services))
    with captured_logs() as lines:
        for is_down in (False, True, True, True, False, False):
            flaky.is_down = is_down
            worker.run_pass()
    said = [(line["node"], line["state"]) for line in lines if line["event"] == "node_changed"]
    assert said == [("view1", "resting"), ("view1", "well")]
