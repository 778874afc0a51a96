"""What the worker reads from a node, parsed once: whatever is malformed counts as no answer (NodeUnreachable).

Hashes come out as "0x" + 64 lower-case hex digits, addresses as EIP-55 text, quantities as ints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from token_service.chain.node import Node
from token_service.errors import InvalidInput, NodeUnreachable
from token_service.protocol.hashing import checksum_address, from_hex, hash_to_bytes, to_hex


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header. `timestamp` in unix seconds, `base_fee` in wei per gas (None on chains that have none, before EIP-1559);
    `lone_gas` is what its transaction used if it holds one only, which saves asking for a receipt with hundreds of logs.
    `logs_bloom` is the filter of its logs, 0 where the node names none."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    gas_limit: int
    base_fee: int | None
    lone_gas: int | None = None
    logs_bloom: int = 0


@dataclass(frozen=True, slots=True)
class ChainTransaction:
    """What a transaction was sent with; `to` is None where it makes a contract."""

    sender: str
    nonce: int
    to: str | None
    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class TransactionReceipt:
    """What became of a transaction on the chain. `cost_wei` is its gas at the price that was paid, and what a rollup charges for
    its data; None where the node does not tell."""

    transaction_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    contract_address: str | None
    logs: tuple[dict[str, Any], ...]  # raw
    cost_wei: int | None = None


def chain_id(node: Node) -> int:
    return quantity(node.request("eth_chainId", []))


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
    return _logs(node, {"address": contract, "fromBlock": hex(first), "toBlock": hex(last)})


def logs_of_block(node: Node, block_hash: str) -> list[dict[str, Any]]:
    """Everybody's raw logs of one block."""
    return _logs(node, {"blockHash": block_hash})


def _logs(node: Node, wanted: dict[str, str]) -> list[dict[str, Any]]:
    found = node.request("eth_getLogs", [wanted])
    if not isinstance(found, list) or not all(isinstance(log, dict) for log in found):
        raise NodeUnreachable("the chain node answers nonsense", method="eth_getLogs")
    return sorted(found, key=lambda log: (log_block(log), quantity(log.get("logIndex"))))


def log_block(log: dict[str, Any]) -> int:
    """The height of a raw log's block."""
    return quantity(log.get("blockNumber"))


def receipt(node: Node, transaction_hash: str) -> TransactionReceipt | None:
    """The receipt, None while the transaction is in no block."""
    found = node.request("eth_getTransactionReceipt", [transaction_hash])
    if found is None:
        return None
    answer = _mapping(found)
    created = answer.get("contractAddress")
    return TransactionReceipt(
        transaction_hash=_hash(answer.get("transactionHash")),
        block_number=quantity(answer.get("blockNumber")),
        block_hash=_hash(answer.get("blockHash")),
        succeeded=quantity(answer.get("status")) == 1,
        gas_used=quantity(answer.get("gasUsed")),
        contract_address=None if created is None else _address(created),
        logs=tuple(_mapping(log) for log in answer.get("logs") or ()),
        cost_wei=_cost(answer),
    )


def _cost(receipt: dict[str, Any]) -> int | None:
    price, data_fee = receipt.get("effectiveGasPrice"), receipt.get("l1Fee")
    if price is None:
        return None
    return quantity(receipt.get("gasUsed")) * quantity(price) + (0 if data_fee is None else quantity(data_fee))


def transaction_input(node: Node, transaction_hash: str) -> tuple[str | None, bytes]:
    """Whom a transaction of the chain calls (None: it makes a contract), and with what."""
    answer = _mapping(node.request("eth_getTransactionByHash", [transaction_hash]))
    to = answer.get("to")
    return None if to is None else _address(to), octets(answer.get("input"))


def transaction_of(node: Node, transaction_hash: str) -> ChainTransaction:
    """A transaction of the chain. Raises NodeUnreachable if the node has it not."""
    answer = _mapping(node.request("eth_getTransactionByHash", [transaction_hash]))
    to = answer.get("to")
    return ChainTransaction(
        sender=_address(answer.get("from")),
        nonce=quantity(answer.get("nonce")),
        to=None if to is None else _address(to),
        data=octets(answer.get("input")),
        gas=quantity(answer.get("gas")),
    )


def transaction_count(node: Node, address: str, block: str = "latest") -> int:
    """The account's next nonce as of a block."""
    return quantity(node.request("eth_getTransactionCount", [address, block]))


def balance(node: Node, address: str, block: str = "latest") -> int:
    """The account's native currency, in wei."""
    return quantity(node.request("eth_getBalance", [address, block]))


def code(node: Node, address: str, block: str = "latest") -> bytes:
    return octets(node.request("eth_getCode", [address, block]))


def call(node: Node, *, to: str, data: bytes, sender: str | None = None, block: str = "latest") -> bytes:
    """What the contract answers. Raises RpcError with the revert data."""
    transaction = {"to": to, "data": to_hex(data)} | ({} if sender is None else {"from": sender})
    return octets(node.request("eth_call", [transaction, block]))


def send(node: Node, raw: bytes) -> None:
    """Hands the signed bytes over, once. Raises RpcError with the node's refusal, NodeUnreachable: perhaps it has them."""
    node.request("eth_sendRawTransaction", [to_hex(raw)])


def _block(found: Any) -> Block | None:
    if found is None:
        return None
    answer = _mapping(found)
    return Block(
        number=quantity(answer.get("number")),
        hash=_hash(answer.get("hash")),
        parent_hash=_hash(answer.get("parentHash")),
        timestamp=quantity(answer.get("timestamp")),
        gas_limit=quantity(answer.get("gasLimit")),
        base_fee=quantity(answer["baseFeePerGas"]) if answer.get("baseFeePerGas") is not None else None,
        lone_gas=_lone_gas(answer),
        logs_bloom=int.from_bytes(octets(answer.get("logsBloom") or "0x")),
    )


def _lone_gas(block: dict[str, Any]) -> int | None:
    transactions = block.get("transactions")
    is_lone = isinstance(transactions, list) and len(transactions) == 1
    return quantity(block.get("gasUsed")) if is_lone else None


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NodeUnreachable("the chain node answers nonsense")
    return value


def quantity(value: Any) -> int:
    """The number of a hex quantity."""
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


def octets(value: Any) -> bytes:
    """The bytes of a hex string."""
    try:
        return from_hex(value)
    except InvalidInput as error:
        raise NodeUnreachable("the chain node answers nonsense where bytes were expected") from error
