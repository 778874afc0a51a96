"""What the worker reads from a node, parsed once: whatever is malformed counts as no answer (NodeUnreachable).

Hashes come out as "0x" + 64 lower-case hex digits, addresses as EIP-55 text, quantities as ints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from token_service.chain.node import Node
from token_service.errors import InvalidInput, NodeUnreachable
from token_service.protocol.hashing import (
    address_to_bytes,
    checksum_address,
    from_hex,
    hash_to_bytes,
    keccak256,
    to_hex,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header. `timestamp` in unix seconds, `base_fee` in wei per gas; `lone_gas` is what its transaction used if it
    holds one only, which saves asking for a receipt with hundreds of logs; `bloom` is the filter over its logs, where the node
    gives one."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    gas_limit: int
    base_fee: int
    lone_gas: int | None = None
    bloom: int | None = None

    def may_have_logs_of(self, contract: str) -> bool:
        """False if the block surely holds no log of the contract (yellow paper §4.3.1); sometimes true without one."""
        digest = keccak256(address_to_bytes(contract))
        bits = [1 << (int.from_bytes(digest[place : place + 2]) & 2047) for place in (0, 2, 4)]
        return self.bloom is not None and all(self.bloom & bit for bit in bits)


@dataclass(frozen=True, slots=True)
class TransactionReceipt:
    """What became of a transaction on the chain."""

    transaction_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    contract_address: str | None
    logs: tuple[dict[str, Any], ...]  # raw


def chain_id(node: Node) -> int:
    return _quantity(node.request("eth_chainId", []))


def head(node: Node) -> Block:
    """The newest block."""
    block = _block(node.request("eth_getBlockByNumber", ["latest", False]))
    if block is None:
        raise NodeUnreachable("the chain node has no newest block")
    return block


def block_by_number(node: Node, number: int | str) -> Block | None:
    """The canonical block of a height, or of a tag such as "finalized"; None if the node has none (yet)."""
    wanted = number if isinstance(number, str) else hex(number)
    return _block(node.request("eth_getBlockByNumber", [wanted, False]))


def logs(node: Node, contract: str, first: int, last: int) -> list[dict[str, Any]]:
    """The contract's raw logs of the blocks first … last, in (block, index) order."""
    found = node.request("eth_getLogs", [{"address": contract, "fromBlock": hex(first), "toBlock": hex(last)}])
    if not isinstance(found, list) or not all(isinstance(log, dict) for log in found):
        raise NodeUnreachable("the chain node answers nonsense", method="eth_getLogs")
    return sorted(found, key=lambda log: (_quantity(log.get("blockNumber")), _quantity(log.get("logIndex"))))


def logs_of_block(node: Node, contract: str, block_hash: str) -> list[dict[str, Any]]:
    """The contract's raw logs of this very block, in order. Raises RpcError where the node does not have it."""
    found = node.request("eth_getLogs", [{"address": contract, "blockHash": block_hash}])
    if not isinstance(found, list) or not all(isinstance(log, dict) for log in found):
        raise NodeUnreachable("the chain node answers nonsense", method="eth_getLogs")
    return sorted(found, key=lambda log: _quantity(log.get("logIndex")))


def receipt(node: Node, transaction_hash: str) -> TransactionReceipt | None:
    """The receipt, None while the transaction is in no block."""
    found = node.request("eth_getTransactionReceipt", [transaction_hash])
    if found is None:
        return None
    answer = _mapping(found)
    created = answer.get("contractAddress")
    return TransactionReceipt(
        transaction_hash=_hash(answer.get("transactionHash")),
        block_number=_quantity(answer.get("blockNumber")),
        block_hash=_hash(answer.get("blockHash")),
        succeeded=_quantity(answer.get("status")) == 1,
        gas_used=_quantity(answer.get("gasUsed")),
        contract_address=None if created is None else _address(created),
        logs=tuple(_mapping(log) for log in answer.get("logs") or ()),
    )


def transaction_input(node: Node, transaction_hash: str) -> tuple[str | None, bytes]:
    """Whom a transaction of the chain calls (None: it makes a contract), and with what."""
    answer = _mapping(node.request("eth_getTransactionByHash", [transaction_hash]))
    to = answer.get("to")
    return None if to is None else _address(to), _bytes(answer.get("input"))


def transaction_count(node: Node, address: str, block: str = "latest") -> int:
    """The account's next nonce as of a block."""
    return _quantity(node.request("eth_getTransactionCount", [address, block]))


def balance(node: Node, address: str, block: str = "latest") -> int:
    """The account's native currency, in wei."""
    return _quantity(node.request("eth_getBalance", [address, block]))


def code(node: Node, address: str, block: str = "latest") -> bytes:
    return _bytes(node.request("eth_getCode", [address, block]))


def call(node: Node, *, to: str, data: bytes, sender: str | None = None, block: str = "latest") -> bytes:
    """What the contract answers. Raises RpcError with the revert data."""
    transaction = {"to": to, "data": to_hex(data)} | ({} if sender is None else {"from": sender})
    return _bytes(node.request("eth_call", [transaction, block]))


def send(node: Node, raw: bytes) -> None:
    """Hands the signed bytes over, once. Raises RpcError with the node's refusal, NodeUnreachable: perhaps it has them."""
    node.request("eth_sendRawTransaction", [to_hex(raw)])


def _block(found: Any) -> Block | None:
    if found is None:
        return None
    answer = _mapping(found)
    return Block(
        number=_quantity(answer.get("number")),
        hash=_hash(answer.get("hash")),
        parent_hash=_hash(answer.get("parentHash")),
        timestamp=_quantity(answer.get("timestamp")),
        gas_limit=_quantity(answer.get("gasLimit")),
        base_fee=_quantity(answer.get("baseFeePerGas", "0x0")),
        lone_gas=_lone_gas(answer),
        bloom=_quantity(answer["logsBloom"]) if answer.get("logsBloom") else None,
    )


def _lone_gas(block: dict[str, Any]) -> int | None:
    transactions = block.get("transactions")
    is_lone = isinstance(transactions, list) and len(transactions) == 1
    return _quantity(block.get("gasUsed")) if is_lone else None


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NodeUnreachable("the chain node answers nonsense")
    return value


def _quantity(value: Any) -> int:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise NodeUnreachable("the chain node answers nonsense where a number was expected")
    try:
        return int(value, 16)
    except ValueError as error:
        raise NodeUnreachable("the chain node answers nonsense where a number was expected") from error


def _hash(value: Any) -> str:
    try:
        return to_hex(hash_to_bytes(value))
    except InvalidInput as error:
        raise NodeUnreachable("the chain node answers nonsense where a hash was expected") from error


def _address(value: Any) -> str:
    try:
        return checksum_address(value)
    except InvalidInput as error:
        raise NodeUnreachable("the chain node answers nonsense where an address was expected") from error


def _bytes(value: Any) -> bytes:
    try:
        return from_hex(value)
    except InvalidInput as error:
        raise NodeUnreachable("the chain node answers nonsense where bytes were expected") from error
