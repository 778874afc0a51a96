"""The embedded chain as the settlement's node: sending, pace, replacement, refusals in the words of nodes."""

from __future__ import annotations

from typing import Any

import pytest
from embedded_programme import (
    CHAIN_ID,
    FUNDS,
    OPERATOR,
    PARTY,
    POOR,
    ROOT,
    RULESET,
    Clock,
    Programme,
    member,
    new_chain,
    signed,
)

from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded import pool as pool_module
from token_service.chain.embedded_node import EmbeddedNode
from token_service.chain.node import Node
from token_service.chain.send_errors import Refusal, classify
from token_service.errors import RpcError
from token_service.protocol import calldata
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind

SOMEBODY = "0x" + "22" * 20


@pytest.fixture
def paced(tmp_path: Any, clock: Clock) -> Any:
    chain = new_chain(tmp_path / "paced.db", clock, is_instant=False)
    clock.now += 5
    yield chain
    chain.close()


@pytest.fixture
def node(paced: EmbeddedChain) -> EmbeddedNode:
    return EmbeddedNode(paced)


def send(node: EmbeddedNode, raw: bytes) -> str:
    found: str = node.request("eth_sendRawTransaction", ["0x" + raw.hex()])
    return found


def refusal(node: EmbeddedNode, raw: bytes) -> Refusal:
    with pytest.raises(RpcError) as refused:
        send(node, raw)
    return classify(refused.value.detail)


def height(node: EmbeddedNode) -> int:
    return int(node.request("eth_blockNumber", []), 16)


def test_it_is_a_node(node: EmbeddedNode) -> None:
    as_node: Node = node
    assert as_node.request("eth_chainId", []) == hex(CHAIN_ID)


def test_a_lone_transaction_is_mined_at_once(node: EmbeddedNode) -> None:
    found = send(node, signed(0, to=SOMEBODY, value=3))
    assert node.request("eth_getTransactionReceipt", [found])["status"] == "0x1"
    assert node.waiting == 0


def test_transactions_of_the_same_second_share_the_next_block(node: EmbeddedNode, clock: Clock) -> None:
    hashes = [send(node, signed(n, to=SOMEBODY, value=1)) for n in range(4)]
    assert (height(node), node.waiting) == (1, 3)
    assert node.request("eth_getTransactionReceipt", [hashes[1]]) is None
    clock.now += 1
    assert height(node) == 2
    assert {node.request("eth_getTransactionReceipt", [h])["blockNumber"] for h in hashes[1:]} == {"0x2"}
    block = node.request("eth_getBlockByNumber", ["latest", False])
    assert int(block["timestamp"], 16) == clock.now


def test_pending_counts_what_waits(node: EmbeddedNode) -> None:
    for n in range(3):
        send(node, signed(n, to=SOMEBODY))
    assert node.request("eth_getTransactionCount", [OPERATOR.address, "pending"]) == "0x3"
    assert node.request("eth_getTransactionCount", [OPERATOR.address, "latest"]) == "0x1"


def test_it_refuses_in_the_words_that_settlement_knows(node: EmbeddedNode) -> None:
    send(node, signed(0, to=SOMEBODY))
    send(node, signed(1, to=SOMEBODY))
    assert refusal(node, signed(0, to=SOMEBODY)) is Refusal.ACCEPTED  # mined
    assert refusal(node, signed(1, to=SOMEBODY)) is Refusal.ACCEPTED  # waits
    assert refusal(node, signed(0, to=SOMEBODY, value=1)) is Refusal.CONSUMED
    assert refusal(node, signed(9, to=SOMEBODY)) is Refusal.EARLY
    assert refusal(node, signed(1, to=SOMEBODY, value=1)) is Refusal.HIGHER_EXISTS
    assert refusal(node, signed(2, to=SOMEBODY, value=FUNDS)) is Refusal.FUNDS
    assert refusal(node, signed(2, to=SOMEBODY, gas=21_000 - 1)) is Refusal.MALFORMED
    assert refusal(node, signed(2, to=SOMEBODY, gas=60_000_001)) is Refusal.MALFORMED
    assert refusal(node, signed(2, to=SOMEBODY, chain_id=5)) is Refusal.MALFORMED
    assert node.waiting == 1


@pytest.mark.parametrize("params", [[], [1], ["0x1"], ["0x02c0"], ["deadbeef"]])
def test_bytes_that_are_no_transaction_are_refused(node: EmbeddedNode, params: list[Any]) -> None:
    with pytest.raises(RpcError):
        node.request("eth_sendRawTransaction", params)


def test_a_replacement_needs_ten_per_cent_more_in_both_fees(node: EmbeddedNode, clock: Clock) -> None:
    send(node, signed(0, to=SOMEBODY))
    send(node, signed(1, to=SOMEBODY, maxFeePerGas=10**11, maxPriorityFeePerGas=10**6))
    assert refusal(node, signed(1, to=SOMEBODY, maxFeePerGas=2 * 10**11)) is Refusal.HIGHER_EXISTS
    assert (
        refusal(node, signed(1, to=SOMEBODY, maxFeePerGas=11 * 10**10, maxPriorityFeePerGas=11 * 10**5 - 1))
        is Refusal.HIGHER_EXISTS
    )
    better = send(node, signed(1, to=SOMEBODY, maxFeePerGas=11 * 10**10, maxPriorityFeePerGas=11 * 10**5))
    assert node.waiting == 1
    clock.now += 1
    assert node.request("eth_getTransactionReceipt", [better])["blockNumber"] == "0x2"


def test_a_transaction_that_pays_too_little_waits_and_holds_back_those_behind(node: EmbeddedNode, clock: Clock) -> None:
    cheap = signed(0, to=SOMEBODY, maxFeePerGas=10, maxPriorityFeePerGas=1)
    send(node, cheap)
    send(node, signed(1, to=SOMEBODY))
    clock.now += 1
    assert (height(node), node.waiting) == (0, 2)
    send(node, signed(0, to=SOMEBODY, maxFeePerGas=10**11, maxPriorityFeePerGas=10**6))
    clock.now += 1
    assert height(node) >= 1
    assert node.waiting == 0


def test_what_does_not_fit_in_a_block_waits_for_the_next(node: EmbeddedNode, clock: Clock) -> None:
    send(node, signed(0, to=SOMEBODY))
    for n in range(1, 4):
        send(node, signed(n, to=SOMEBODY, gas=25_000_000))
    clock.now += 1
    assert (height(node), node.waiting) == (2, 1)
    clock.now += 1
    assert (height(node), node.waiting) == (3, 0)


def test_a_transaction_that_turned_bad_is_dropped_and_the_rest_goes_on(
    paced: EmbeddedChain, node: EmbeddedNode, clock: Clock
) -> None:
    paced.mine([signed(0, to=POOR.address, value=10**16)])  # now POOR can pay one transfer
    rich = [signed(n, to=SOMEBODY, value=1) for n in (1, 2)]
    poor = bytes(
        POOR.sign_transaction(
            {"chainId": CHAIN_ID, "nonce": 0, "gas": 21_000, "gasPrice": 10**11, "to": SOMEBODY, "value": 1}
        ).raw_transaction
    )
    for raw in (poor, *rich):
        send(node, raw)
    assert node.waiting == 3
    paced.mine([poor])  # behind the pool's back: its nonce is used now
    clock.now += 1
    assert (height(node), node.waiting) == (3, 0)


def test_a_full_pool_refuses(node: EmbeddedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "WAITING_MAX", 2)
    for n in range(3):
        send(node, signed(n, to=SOMEBODY))
    with pytest.raises(RpcError, match="full"):
        send(node, signed(3, to=SOMEBODY))


def test_an_empty_block_moves_the_chains_time(node: EmbeddedNode, clock: Clock) -> None:
    clock.now += 86_400
    node.request("evm_mine", [])
    assert int(node.request("eth_getBlockByNumber", ["latest", False])["timestamp"], 16) == clock.now


def test_what_a_crash_loses_can_be_sent_again(node: EmbeddedNode, paced: EmbeddedChain, clock: Clock) -> None:
    raws = [signed(n, to=SOMEBODY, value=1) for n in range(3)]
    for raw in raws:
        send(node, raw)
    again = EmbeddedNode(paced)  # the pool is gone
    assert refusal(again, raws[0]) is Refusal.ACCEPTED
    for raw in raws[1:]:
        send(again, raw)
    clock.now += 1
    assert height(again) == 2
    assert int(again.request("eth_getBalance", [SOMEBODY, "latest"]), 16) == 3


def test_the_owner_may_estimate_a_batch_and_the_estimate_is_exact(programme: Programme) -> None:
    node = EmbeddedNode(programme.chain)
    words = [EntryWord(member(n), EntryKind.ISSUANCE, PARTY, 1) for n in range(60)]
    data = "0x" + calldata.encode_settle(1, RULESET, ROOT, words).hex()
    call = {"from": OPERATOR.address, "to": programme.contract, "data": data}
    estimated = int(node.request("eth_estimateGas", [call, "latest"]), 16)
    assert programme.mine(programme.settle(words)).receipts[0].gas_used == estimated
