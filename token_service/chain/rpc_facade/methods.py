"""The JSON-RPC methods that read the embedded chain: an allow-list. What is not in METHODS does not exist here.

Nothing here signs, sends, mines, filters or subscribes; `eth_sendRawTransaction` belongs to the chain's owner alone
(chain/embedded_node.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Final

from eth.abc import BlockHeaderAPI

from token_service.chain.embedded.simulation import Call, CallResult, estimate, simulate
from token_service.chain.embedded.view import ChainView, LogFilter, SearchTooLong, TransactionPlace
from token_service.chain.rpc_facade import objects
from token_service.chain.rpc_facade import parameters as read
from token_service.chain.rpc_facade.limits import LIMIT_EXCEEDED, Budget
from token_service.errors import RpcError

METHOD_NOT_FOUND: Final = -32601
REVERTED: Final = 3
PERCENTILES_MAX: Final = 20
PRECOMPILED_MAX: Final = 0xFFFF
"""Addresses up to here are or may become precompiled contracts."""

Params = Sequence[Any]
Method = Callable[[ChainView, Params, Budget], Any]


def dispatch(view: ChainView, method: str, params: Params, budget: Budget) -> Any:
    """The result as JSON values. Raises RpcError, also for an unknown method."""
    found = METHODS.get(method)
    if found is None:
        raise RpcError("This method is not served here: only reading the chain is.", rpc_code=METHOD_NOT_FOUND)
    return found(view, params, budget)


# --- The chain ------------------------------------------------------------------------------------------------------


def _client_version(view: ChainView, params: Params, budget: Budget) -> str:
    return f"mereau/{version('mereau')}/py-evm-{version('py-evm')}"


def _chain_id(view: ChainView, params: Params, budget: Budget) -> str:
    return hex(view.chain_id)


def _network(view: ChainView, params: Params, budget: Budget) -> str:
    return str(view.chain_id)


def _block_number(view: ChainView, params: Params, budget: Budget) -> str:
    return hex(view.head().block_number)


def _gas_price(view: ChainView, params: Params, budget: Budget) -> str:
    return hex(_next_base_fee(view, view.head()))


def _fee_history(view: ChainView, params: Params, budget: Budget) -> dict[str, Any]:
    """Rewards are percentiles over a block's transactions, each counted once; a chain with one sender has no market."""
    asked = read.argument(params, 0, "blockCount")
    count = asked if type(asked) is int and asked >= 0 else read.quantity(asked, "blockCount")
    newest = read.header(view, read.argument(params, 1, "newestBlock"))
    percentiles = _percentiles(params[2] if len(params) > 2 else None)
    count = min(count, budget.limits.fee_history_blocks_max, newest.block_number + 1)
    headers = [read.header(view, hex(newest.block_number - back)) for back in reversed(range(count))]
    if not headers:
        return {"oldestBlock": hex(newest.block_number), "baseFeePerGas": [], "gasUsedRatio": []}
    history: dict[str, Any] = {
        "oldestBlock": hex(headers[0].block_number),
        "baseFeePerGas": [hex(fee) for fee in [*(h.base_fee_per_gas for h in headers), _next_base_fee(view, newest)]],
        "gasUsedRatio": [h.gas_used / h.gas_limit for h in headers],
        "baseFeePerBlobGas": ["0x1"] * (count + 1),
        "blobGasUsedRatio": [0.0] * count,
    }
    if percentiles:
        history["reward"] = [_tips(view, header, percentiles) for header in headers]
    return history


def _percentiles(value: Any) -> list[float]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > PERCENTILES_MAX:
        raise read.invalid("rewardPercentiles must be a short list")
    if not all(type(p) in {int, float} and 0 <= p <= 100 for p in value):
        raise read.invalid("rewardPercentiles must be numbers from 0 to 100")
    return [float(p) for p in value]


def _tips(view: ChainView, header: BlockHeaderAPI, percentiles: list[float]) -> list[str]:
    tips = sorted(
        objects.effective_gas_price(item, header) - header.base_fee_per_gas for item in view.block(header).transactions
    )
    if not tips:
        return ["0x0"] * len(percentiles)
    return [hex(tips[min(len(tips) - 1, int(p / 100 * len(tips)))]) for p in percentiles]


def _next_base_fee(view: ChainView, header: BlockHeaderAPI) -> int:
    return int(view.chain.create_header_from_parent(header).base_fee_per_gas)


# --- Accounts -------------------------------------------------------------------------------------------------------


def _balance(view: ChainView, params: Params, budget: Budget) -> str:
    address, header = _account(view, params, 1)
    return hex(view.state(header).get_balance(address))


def _code(view: ChainView, params: Params, budget: Budget) -> str:
    address, header = _account(view, params, 1)
    return objects.hexes(view.state(header).get_code(address))


def _nonce(view: ChainView, params: Params, budget: Budget) -> str:
    address, header = _account(view, params, 1)
    return hex(view.state(header).get_nonce(address))


def _storage(view: ChainView, params: Params, budget: Budget) -> str:
    slot = read.quantity(read.argument(params, 1, "slot"), "slot")
    address, header = _account(view, params, 2)
    word: int = view.state(header).get_storage(address, slot)
    return objects.hexes(word.to_bytes(objects.WORD_BYTES, "big"))


def _account(view: ChainView, params: Params, block_position: int) -> tuple[bytes, BlockHeaderAPI]:
    address = read.octets(read.argument(params, 0, "address"), "address", read.ADDRESS_BYTES)
    return address, _header(view, params, block_position)


def _header(view: ChainView, params: Params, position: int) -> BlockHeaderAPI:
    return read.header(view, params[position] if len(params) > position else None)


# --- Calls ----------------------------------------------------------------------------------------------------------


def _call(view: ChainView, params: Params, budget: Budget) -> str:
    call, header = _simulated(view, params, budget)
    if call is None:
        return "0x"
    result = simulate(view, header, call)
    budget.spend_gas(result.gas_needed)
    _raise_failure(result, call)
    return objects.hexes(result.output)


def _estimate(view: ChainView, params: Params, budget: Budget) -> str:
    call, header = _simulated(view, params, budget)
    if call is None:
        return hex(21_000)
    result = estimate(view, header, call)
    budget.spend_gas(result.gas_needed)
    _raise_failure(result, call)
    return hex(result.gas_needed)


def _simulated(view: ChainView, params: Params, budget: Budget) -> tuple[Call | None, BlockHeaderAPI]:
    """The call and its block; None when there is no code to run. Only code that is on the chain runs for strangers:
    what they bring along, or a pairing among the precompiled contracts, can take minutes in Python for little gas."""
    if len(params) > 2 and params[2]:
        raise read.invalid("state overrides are not served here")
    call = read.call(read.argument(params, 0, "call"), budget)
    header = _header(view, params, 1)
    if budget.limits.is_creation_allowed:
        return call, header
    if call.to is None:
        raise read.invalid("a call needs `to`: creating contracts is not simulated here")
    if not view.state(header).get_code(call.to):
        if 0 < int.from_bytes(call.to, "big") <= PRECOMPILED_MAX:
            raise read.invalid("precompiled contracts are not called from here")
        return None, header
    return call, header


def _raise_failure(result: CallResult, call: Call) -> None:
    if result.is_reverted:
        raise RpcError(
            f"execution reverted{_reason(result.output)}", rpc_code=REVERTED, data=objects.hexes(result.output)
        )
    if result.failure is not None:
        raise RpcError(result.failure, rpc_code=read.SERVER_ERROR)


def _reason(data: bytes) -> str:
    """ ": text" of a plain `Error(string)`, else nothing."""
    if data[:4] != bytes.fromhex("08c379a0") or len(data) < 68:
        return ""
    length = min(int.from_bytes(data[36:68], "big"), 200)
    return ": " + data[68 : 68 + length].decode("utf-8", "replace")


# --- Blocks, transactions, logs --------------------------------------------------------------------------------------


def _block_by_number(view: ChainView, params: Params, budget: Budget) -> Any:
    return _block(view, read.header_or_none(view, read.argument(params, 0, "block")), params)


def _block_by_hash(view: ChainView, params: Params, budget: Budget) -> Any:
    return _block(view, _header_by_hash(view, params), params)


def _block(view: ChainView, header: BlockHeaderAPI | None, params: Params) -> Any:
    is_full = len(params) > 1 and params[1] is True
    return None if header is None else objects.block(view, header, is_full=is_full)


def _header_by_hash(view: ChainView, params: Params) -> BlockHeaderAPI | None:
    return view.header_by_hash(read.octets(read.argument(params, 0, "blockHash"), "blockHash", read.HASH_BYTES))


def _count_by_number(view: ChainView, params: Params, budget: Budget) -> str | None:
    header = read.header_or_none(view, read.argument(params, 0, "block"))
    return None if header is None else hex(len(view.block(header).transactions))


def _count_by_hash(view: ChainView, params: Params, budget: Budget) -> str | None:
    header = _header_by_hash(view, params)
    return None if header is None else hex(len(view.block(header).transactions))


def _transaction(view: ChainView, params: Params, budget: Budget) -> Any:
    place = view.transaction(_transaction_hash(params))
    return None if place is None else objects.transaction(place.transaction, place.header, place.position)


def _transaction_by_number(view: ChainView, params: Params, budget: Budget) -> Any:
    return _transaction_at(view, read.header_or_none(view, read.argument(params, 0, "block")), params)


def _transaction_by_block_hash(view: ChainView, params: Params, budget: Budget) -> Any:
    return _transaction_at(view, _header_by_hash(view, params), params)


def _transaction_at(view: ChainView, header: BlockHeaderAPI | None, params: Params) -> Any:
    position = read.quantity(read.argument(params, 1, "index"), "index")
    if header is None or position >= len(listed := view.block(header).transactions):
        return None
    return objects.transaction(listed[position], header, position)


def _transaction_hash(params: Params) -> bytes:
    return read.octets(read.argument(params, 0, "hash"), "hash", read.HASH_BYTES)


def _receipt(view: ChainView, params: Params, budget: Budget) -> Any:
    place = view.transaction(_transaction_hash(params))
    if place is None:
        return None
    number = place.header.block_number
    before = view.receipt(number, place.position - 1).gas_used if place.position else 0
    found = view.receipt(number, place.position)
    budget.spend_logs(len(found.logs))
    return objects.receipt(view, place, found, gas_before=before)


def _block_receipts(view: ChainView, params: Params, budget: Budget) -> Any:
    header = read.header_or_none(view, read.argument(params, 0, "block"))
    if header is None:
        return None
    shaped, before = [], 0
    for position, (item, found) in enumerate(zip(view.block(header).transactions, view.receipts(header), strict=True)):
        budget.spend_logs(len(found.logs))
        place = TransactionPlace(header, position, item)
        shaped.append(objects.receipt(view, place, found, gas_before=before))
        before = found.gas_used
    return shaped


def _logs(view: ChainView, params: Params, budget: Budget) -> list[dict[str, Any]]:
    wanted = read.log_filter(view, read.argument(params, 0, "filter"), budget)
    try:
        rows = view.logs(wanted, count_max=budget.logs + 1)
    except SearchTooLong as error:
        raise RpcError(error.detail, rpc_code=LIMIT_EXCEEDED) from None
    if len(rows) > budget.logs:
        raise _too_many_logs(wanted, rows[-1][0], budget)
    budget.spend_logs(len(rows))
    return objects.logs(view, rows)


def _too_many_logs(wanted: LogFilter, first_block_too_many: int, budget: Budget) -> RpcError:
    fits = first_block_too_many - 1
    hint = f"blocks {hex(wanted.first)} to {hex(fits)} fit" if fits >= wanted.first else "name an address and topics"
    return RpcError(f"query returns more than {budget.limits.logs_max} logs: {hint}", rpc_code=LIMIT_EXCEEDED)


def _constant(value: Any) -> Method:
    return lambda view, params, budget: value


METHODS: Final[dict[str, Method]] = {
    "web3_clientVersion": _client_version,
    "net_version": _network,
    "net_listening": _constant(True),
    "eth_chainId": _chain_id,
    "eth_syncing": _constant(False),
    "eth_accounts": _constant([]),
    "eth_blockNumber": _block_number,
    "eth_gasPrice": _gas_price,
    "eth_maxPriorityFeePerGas": _constant("0x0"),
    "eth_feeHistory": _fee_history,
    "eth_getBalance": _balance,
    "eth_getCode": _code,
    "eth_getStorageAt": _storage,
    "eth_getTransactionCount": _nonce,
    "eth_call": _call,
    "eth_estimateGas": _estimate,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getBlockTransactionCountByNumber": _count_by_number,
    "eth_getBlockTransactionCountByHash": _count_by_hash,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionByBlockNumberAndIndex": _transaction_by_number,
    "eth_getTransactionByBlockHashAndIndex": _transaction_by_block_hash,
    "eth_getTransactionReceipt": _receipt,
    "eth_getBlockReceipts": _block_receipts,
    "eth_getLogs": _logs,
}
