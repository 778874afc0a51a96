"""Blocks, transactions, receipts and logs in JSON-RPC's shapes (execution-apis): quantities without leading zeros, hashes
and addresses at full width, every field that web3.py and `cast` insist on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import rlp
from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth_hash.auto import keccak

from token_service.chain.embedded.store import LogRow
from token_service.chain.embedded.view import ChainView, TransactionPlace

BLOOM_BYTES: Final = 256
WORD_BYTES: Final = 32
SUCCESS: Final = b"\x01"
"""What a Prague receipt's first field holds after success."""
Json = dict[str, Any]


def hexes(value: bytes) -> str:
    return "0x" + value.hex()


def block(view: ChainView, header: BlockHeaderAPI, *, is_full: bool) -> Json:
    """`eth_getBlockBy…`: with transaction objects when `is_full`, else their hashes."""
    found = view.block(header)
    listed = (
        [transaction(t, header, position) for position, t in enumerate(found.transactions)]
        if is_full
        else [hexes(t.hash) for t in found.transactions]
    )
    return _header(header) | {
        "size": hex(len(rlp.encode(found))),
        "transactions": listed,
        "uncles": [],
        "withdrawals": [],
    }


def _header(header: BlockHeaderAPI) -> Json:
    return {
        "number": hex(header.block_number),
        "hash": hexes(header.hash),
        "parentHash": hexes(header.parent_hash),
        "nonce": hexes(header.nonce),
        "mixHash": hexes(header.mix_hash),
        "sha3Uncles": hexes(header.uncles_hash),
        "logsBloom": _bloom(header.bloom),
        "transactionsRoot": hexes(header.transaction_root),
        "stateRoot": hexes(header.state_root),
        "receiptsRoot": hexes(header.receipt_root),
        "miner": hexes(header.coinbase),
        "difficulty": hex(header.difficulty),
        "totalDifficulty": "0x0",
        "extraData": hexes(header.extra_data),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "withdrawalsRoot": hexes(header.withdrawals_root),
        "blobGasUsed": hex(header.blob_gas_used),
        "excessBlobGas": hex(header.excess_blob_gas),
        "parentBeaconBlockRoot": hexes(header.parent_beacon_block_root),
        "requestsHash": hexes(header.requests_hash),
    }


def transaction(item: SignedTransactionAPI, header: BlockHeaderAPI, position: int) -> Json:
    """A mined transaction of type 0, 1 or 2 (the chain takes no other)."""
    kind = item.type_id or 0
    shape: Json = {
        "type": hex(kind),
        "chainId": hex(item.chain_id),
        "hash": hexes(item.hash),
        "nonce": hex(item.nonce),
        "blockHash": hexes(header.hash),
        "blockNumber": hex(header.block_number),
        "transactionIndex": hex(position),
        "from": hexes(item.sender),
        "to": _recipient(item),
        "value": hex(item.value),
        "gas": hex(item.gas),
        "gasPrice": hex(effective_gas_price(item, header)),
        "input": hexes(item.data),
        "r": hex(item.r),
        "s": hex(item.s),
    }
    if kind == 0:
        return shape | {"v": hex(item.v)}
    shape |= {"v": hex(item.y_parity), "yParity": hex(item.y_parity), "accessList": _access_list(item)}
    if kind == 2:
        shape |= {"maxFeePerGas": hex(item.max_fee_per_gas), "maxPriorityFeePerGas": hex(item.max_priority_fee_per_gas)}
    return shape


def effective_gas_price(item: SignedTransactionAPI, header: BlockHeaderAPI) -> int:
    """Wei per gas that the sender paid: base fee and tip, never above what was offered."""
    if (item.type_id or 0) < 2:
        return int(item.gas_price)
    return int(min(item.max_fee_per_gas, header.base_fee_per_gas + item.max_priority_fee_per_gas))


def receipt(view: ChainView, place: TransactionPlace, found: ReceiptAPI, *, gas_before: int) -> Json:
    """`gas_before` is the gas that the block's earlier transactions used together."""
    header, position, item = place.header, place.position, place.transaction
    rows = view.transaction_logs(header.block_number, position)
    created = keccak(rlp.encode([item.sender, item.nonce]))[-20:] if item.to == CREATE_CONTRACT_ADDRESS else None
    return {
        "type": hex(item.type_id or 0),
        "status": "0x1" if found.state_root == SUCCESS else "0x0",
        "transactionHash": hexes(item.hash),
        "transactionIndex": hex(position),
        "blockHash": hexes(header.hash),
        "blockNumber": hex(header.block_number),
        "from": hexes(item.sender),
        "to": _recipient(item),
        "contractAddress": None if created is None else hexes(created),
        "cumulativeGasUsed": hex(found.gas_used),
        "gasUsed": hex(found.gas_used - gas_before),
        "effectiveGasPrice": hex(effective_gas_price(item, header)),
        "logs": logs(view, rows),
        "logsBloom": _bloom(found.bloom),
    }


def logs(view: ChainView, rows: Sequence[LogRow]) -> list[Json]:
    hashes: dict[tuple[int, int], str] = {}
    shaped = []
    for number, position, transaction_position, address, *topics_and_data in rows:
        place = (number, transaction_position)
        if place not in hashes:
            hashes[place] = hexes(view.transaction_hash(*place))
        shaped.append(
            {
                "address": hexes(address),
                "topics": [hexes(topic) for topic in topics_and_data[:-1] if topic is not None],
                "data": hexes(topics_and_data[-1] or b""),
                "blockNumber": hex(number),
                "blockHash": hexes(view.block_hash(number)),
                "transactionHash": hashes[place],
                "transactionIndex": hex(transaction_position),
                "logIndex": hex(position),
                "removed": False,
            }
        )
    return shaped


def _recipient(item: SignedTransactionAPI) -> str | None:
    return None if item.to == CREATE_CONTRACT_ADDRESS else hexes(item.to)


def _access_list(item: SignedTransactionAPI) -> list[Json]:
    return [
        {"address": hexes(address), "storageKeys": [hexes(key.to_bytes(WORD_BYTES, "big")) for key in keys]}
        for address, keys in item.access_list
    ]


def _bloom(value: int) -> str:
    return hexes(value.to_bytes(BLOOM_BYTES, "big"))
