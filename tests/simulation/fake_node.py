"""The fake chain as a node: JSON-RPC in, JSON out, with the faults that real nodes have.

A request may be answered from a view that lags behind or lies on an abandoned branch, may get no answer before or after it was
understood, or an answer that makes no sense.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from blocks import GAS_LIMIT, Block, Receipt
from fake_chain import FakeChain, PoolRefused
from fake_contract import Reverted, ask, execute, is_view
from keys import CHAIN_ID, CONTRACT, Sent, understood

from token_service.chain.node import SEND_METHOD
from token_service.errors import NodeUnreachable, RpcError
from token_service.protocol.contract_build import contract_build, expected_immutables
from token_service.protocol.hashing import address_to_bytes, checksum_address, to_hex

GARBAGE = ("<html>", [], {"nonsense": 1}, 7, "0xzz", True)


@dataclass(frozen=True)
class Faults:
    """Chances, each of one request."""

    unreachable: float = 0.0
    garbage: float = 0.0
    no_receipt: float = 0.0
    stale: float = 0.0
    lost_before: float = 0.0
    lost_after: float = 0.0
    refused: float = 0.0


NONE = Faults()
REFUSALS = ("internal error", "transaction underpriced", "txpool is full", "max fee per gas less than block base fee")


@dataclass
class View:
    """What a node knows: the live chain, one that lags some blocks, or a branch that was left."""

    chain: FakeChain
    lag: int = 0
    branch: Sequence[Block] | None = None

    @property
    def blocks(self) -> Sequence[Block]:
        if self.branch is not None:
            return self.branch
        return self.chain.blocks[: len(self.chain.blocks) - min(self.lag, len(self.chain.blocks) - 1)]

    def at(self, tag: Any) -> Block | None:
        """The block of a height or tag."""
        blocks = self.blocks
        if tag == "latest":
            return blocks[-1]
        final = self.chain.final if self.branch is None else self.chain.abandoned_final
        number = min(final, len(blocks) - 1) if tag == "finalized" else int(tag, 16)
        return blocks[number] if number < len(blocks) else None

    def receipt(self, hash: str) -> tuple[Block, Receipt] | None:
        for block in reversed(self.blocks):
            for receipt in block.receipts:
                if receipt.hash == hash:
                    return block, receipt
        return None


@dataclass
class FakeNode:
    """`request` as every Node. `check` is told behind which failpoint each request must lie; `on_send` hears each transaction
    that arrives, before anything becomes of it."""

    chain: FakeChain
    dice: random.Random
    faults: Faults = NONE
    check: Callable[[str], None] = lambda failpoint: None
    on_send: Callable[[Sent], None] = lambda sent: None
    view: View = field(init=False)

    def __post_init__(self) -> None:
        self.view = View(self.chain)

    def request(self, method: str, params: list[Any]) -> Any:
        self.check("push.before_send" if method == SEND_METHOD else "node.before_read")
        return self._send(params) if method == SEND_METHOD else self._faulty(method, params)

    def _faulty(self, method: str, params: list[Any]) -> Any:
        faults, chance = self.faults, self.dice.random()
        if chance < faults.unreachable:
            raise NodeUnreachable("the simulation's node does not answer", method=method)
        if chance < faults.unreachable + faults.garbage:
            return self.dice.choice(GARBAGE)
        if method == "eth_getTransactionReceipt" and self.dice.random() < faults.no_receipt:
            return None
        is_stale = self.dice.random() < faults.stale
        return getattr(self, f"_{method}")(self._other_view() if is_stale else self.view, *params)

    def _other_view(self) -> View:
        if self.chain.abandoned and self.dice.random() < 0.4:
            return View(self.chain, branch=self.chain.abandoned)
        return View(self.chain, lag=self.dice.randint(1, 5))

    def _send(self, params: list[Any]) -> str:
        sent = understood(bytes.fromhex(params[0][2:]))
        self.on_send(sent)
        chance, faults = self.dice.random(), self.faults
        if chance < faults.lost_before:
            raise NodeUnreachable("the simulation's wire is cut before the node", method=SEND_METHOD)
        if chance < faults.lost_before + faults.refused:
            raise RpcError(self.dice.choice(REFUSALS))
        try:
            answer = self.chain.send(sent)
        except PoolRefused as refused:
            raise RpcError(str(refused)) from refused
        if chance > 1 - faults.lost_after:
            raise NodeUnreachable("the simulation's wire is cut after the node", method=SEND_METHOD)
        return answer

    # --- reads -----------------------------------------------------------------------------------------------------------

    def _eth_chainId(self, view: View) -> str:  # noqa: N802
        return hex(CHAIN_ID)

    def _eth_getBlockByNumber(self, view: View, tag: str, full: bool) -> dict[str, Any] | None:  # noqa: N802
        block = view.at(tag)
        return None if block is None else _header(block)

    def _eth_getLogs(self, view: View, wanted: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        if "blockHash" in wanted:
            chosen = [block for block in view.blocks if block.hash == wanted["blockHash"]]
            if not chosen:
                raise RpcError("unknown block")
        else:
            first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
            chosen = list(view.blocks[first : last + 1])
        return [one for block in chosen for receipt in block.receipts for one in _logs(block, receipt)]

    def _eth_getTransactionReceipt(self, view: View, hash: str) -> dict[str, Any] | None:  # noqa: N802
        found = view.receipt(hash)
        if found is None:
            return None
        block, receipt = found
        return {
            "transactionHash": receipt.hash,
            "blockNumber": hex(block.number),
            "blockHash": block.hash,
            "status": hex(receipt.succeeded),
            "gasUsed": hex(receipt.gas_used),
            "effectiveGasPrice": hex(block.base_fee),
            "contractAddress": None,
            "logs": _logs(block, receipt),
        }

    def _eth_getTransactionCount(self, view: View, address: str, tag: str) -> str:  # noqa: N802
        return hex(_known(view, tag).state.nonces.get(checksum_address(address), 0))

    def _eth_getBalance(self, view: View, address: str, tag: str) -> str:  # noqa: N802
        return hex(max(0, _known(view, tag).state.funds.get(checksum_address(address), 0)))

    def _eth_getCode(self, view: View, address: str, tag: str) -> str:  # noqa: N802
        return deployed_code()

    def _eth_call(self, view: View, call: dict[str, Any], tag: str) -> str:
        block = _known(view, tag)
        data = bytes.fromhex(call["data"][2:])
        if is_view(data[:4]):
            return "0x" + ask(block.state.contract, data, block.timestamp).hex()
        try:
            execute(block.state.contract.copy(), call["from"], data, block.timestamp)
        except Reverted as reverted:
            raise RpcError("execution reverted", rpc_code=3, data=reverted.data) from reverted
        return "0x"

    def _eth_feeHistory(self, view: View, count: str, tag: str, percentiles: list[int]) -> dict[str, Any]:  # noqa: N802
        return {"reward": [[hex(10**8)] for _ in view.blocks[-int(count, 16) :]]}


@cache
def deployed_code() -> str:
    """The published build with the immutables of this chain's contract."""
    build = contract_build()
    code = bytearray(build.deployed_bytecode)
    values = expected_immutables(
        chain_id=CHAIN_ID, address=address_to_bytes(CONTRACT), deployed_at=0, notice_period=0, sunset_notice=0
    )
    for name, value in values.items():
        for start in build.immutables[name]:
            code[start : start + len(value)] = value
    return to_hex(bytes(code))


def _known(view: View, tag: str) -> Block:
    block = view.at(tag)
    if block is None:
        raise RpcError("header not found")
    return block


def _header(block: Block) -> dict[str, Any]:
    return {
        "number": hex(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": hex(block.timestamp),
        "gasLimit": hex(GAS_LIMIT),
        "gasUsed": hex(block.gas_used),
        "baseFeePerGas": hex(block.base_fee),
        "transactions": [receipt.hash for receipt in block.receipts],
        "logsBloom": f"0x{block.bloom:0512x}",
    }


def _logs(block: Block, receipt: Receipt) -> list[dict[str, Any]]:
    return [
        {
            "address": CONTRACT,
            "topics": list(log.topics),
            "data": log.data,
            "blockNumber": hex(block.number),
            "blockHash": block.hash,
            "transactionHash": receipt.hash,
            "logIndex": hex(receipt.first_log + place),
        }
        for place, log in enumerate(receipt.logs)
    ]
