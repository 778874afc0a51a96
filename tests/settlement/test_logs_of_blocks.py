"""The contract's logs are taken only as an answer that can be the whole truth about their blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from token_service.chain.contract_logs import contract_logs
from token_service.chain.reads import Block
from token_service.errors import NodeUnreachable, RpcError
from token_service.protocol.bloom import bloom_of, may_hold
from token_service.protocol.events import BatchSettled, topic
from token_service.protocol.hashing import from_hex

OURS, OTHERS = "0x" + "aa" * 20, "0x" + "bb" * 20
SETTLED = topic(BatchSettled)


def log(number: int, index: int = 0, address: str = OURS) -> dict[str, Any]:
    place = {"blockNumber": hex(number), "blockHash": name(number), "logIndex": hex(index)}
    return {**place, "address": address, "topics": [SETTLED], "data": "0x"}


def name(number: int) -> str:
    return f"0x{number:064x}"


def bloom(logs: list[dict[str, Any]]) -> int:
    return bloom_of(from_hex(text) for one in logs for text in [one["address"], *one["topics"]])


def block(number: int, logs_bloom: int = 0) -> Block:
    return Block(number, name(number), name(number - 1), 0, 30_000_000, 1, None, logs_bloom)


@dataclass
class Logs:
    """A node that has these logs, answers at most `range_max` blocks, and says of each block what it holds back from filters."""

    logs: list[dict[str, Any]]
    range_max: int = 1000
    kept_back: list[dict[str, Any]] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)

    def request(self, method: str, params: list[Any]) -> Any:
        wanted = params[0]
        if "blockHash" in wanted:
            return [one for one in [*self.logs, *self.kept_back] if one["blockHash"] == wanted["blockHash"]]
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        self.ranges.append((first, last))
        if last - first >= self.range_max:
            raise RpcError("query returned more than 10000 results", rpc_code=-32005)
        return [one for one in self.logs if first <= int(one["blockNumber"], 16) <= last]


def test_a_range_that_is_too_large_is_halved() -> None:
    node = Logs([log(3), log(9, 1), log(9, 0)], range_max=4)
    blocks = [block(number) for number in range(1, 11)]
    assert [(one["blockNumber"], one["logIndex"]) for one in contract_logs(node, OURS, blocks)] == [
        ("0x3", "0x0"),
        ("0x9", "0x0"),
        ("0x9", "0x1"),
    ]
    answered = sorted(place for place in node.ranges if place[1] - place[0] < 4)
    assert [number for first, last in answered for number in range(first, last + 1)] == list(range(1, 11))


def test_a_refusal_of_one_block_is_the_nodes_last_word() -> None:
    node = Logs([], range_max=0)
    with pytest.raises(RpcError):
        contract_logs(node, OURS, [block(number) for number in range(1, 65)])
    assert len(node.ranges) == 7  # 64, 32 … 1


@pytest.mark.parametrize(
    "wrong",
    [
        [log(1), log(1)],
        [{**log(1), "blockHash": name(7)}],
        [{**log(1), "blockHash": None}],
        [{**log(1), "removed": True}],
        [log(1, address=OTHERS)],
    ],
)
def test_logs_that_contradict_their_blocks_are_not_taken(wrong: list[dict[str, Any]]) -> None:
    with pytest.raises(NodeUnreachable):
        contract_logs(Logs(wrong), OURS, [block(1), block(2)])


def test_a_block_whose_filter_has_our_event_and_no_logs_is_not_believed() -> None:
    with pytest.raises(NodeUnreachable, match="keeps logs back"):
        contract_logs(Logs([]), OURS, [block(1, bloom([log(1)]))])
    assert len(contract_logs(Logs([log(1)]), OURS, [block(1, bloom([log(1)]))])) == 1


def test_a_filter_that_only_looks_like_our_event_is_proved_to_be_others() -> None:
    """Other contracts' logs set the same bits; all of them together explain the whole filter."""
    mine = bloom([log(1)])
    others: list[dict[str, Any]] = []
    bits = 0
    while not may_hold(bits, mine):
        number = len(others)
        others.append({**log(1, number, f"0x{number:040x}"), "topics": [f"0x{number:064x}"]})
        bits |= bloom(others[-1:])
    assert contract_logs(Logs([], kept_back=others), OURS, [block(1, bloom(others))]) == []
    with pytest.raises(NodeUnreachable, match="keeps logs back"):
        contract_logs(Logs([], kept_back=others[:-1]), OURS, [block(1, bloom(others))])


def test_a_filter_that_holds_everything_says_nothing() -> None:
    assert contract_logs(Logs([]), OURS, [block(1, (1 << 2048) - 1)]) == []
