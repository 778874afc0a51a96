"""JSON-RPC parameters as values. Everything malformed is RpcError −32602, which names the parameter and never repeats it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from eth.abc import BlockHeaderAPI

from token_service.chain.embedded.simulation import Call
from token_service.chain.embedded.view import ChainView, LogFilter
from token_service.chain.rpc_facade.limits import LIMIT_EXCEEDED, Budget
from token_service.errors import RpcError

INVALID_PARAMS: Final = -32602
SERVER_ERROR: Final = -32000
ADDRESS_BYTES: Final = 20
HASH_BYTES: Final = 32
TOPICS_MAX: Final = 4
HEAD_TAGS: Final = ("latest", "pending", "safe", "finalized")
"""One owner, no forks: the head is final at once."""
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}\Z")
_BYTES: Final = re.compile(r"0x([0-9a-fA-F]{2})*\Z")


def invalid(what: str) -> RpcError:
    return RpcError(f"invalid params: {what}", rpc_code=INVALID_PARAMS)


def argument(params: Sequence[Any], position: int, name: str) -> Any:
    if position >= len(params):
        raise invalid(f"{name} is missing")
    return params[position]


def quantity(value: Any, name: str) -> int:
    """From "0x…" without regard to leading zeros: some clients pad."""
    if not isinstance(value, str) or not _QUANTITY.match(value):
        raise invalid(f"{name} must be a hexadecimal number")
    return int(value, 16)


def octets(value: Any, name: str, length: int | None = None) -> bytes:
    if not isinstance(value, str) or not _BYTES.match(value):
        raise invalid(f"{name} must be hexadecimal bytes")
    found = bytes.fromhex(value[2:])
    if length is not None and len(found) != length:
        raise invalid(f"{name} must be {length} bytes")
    return found


def header(view: ChainView, value: Any, name: str = "block") -> BlockHeaderAPI:
    """The header that a tag, a number or an EIP-1898 object names. Raises RpcError when there is no such block."""
    found = header_or_none(view, value, name)
    if found is None:
        raise RpcError("header not found", rpc_code=SERVER_ERROR)
    return found


def header_or_none(view: ChainView, value: Any, name: str = "block") -> BlockHeaderAPI | None:
    if isinstance(value, dict):
        if "blockHash" in value:
            return view.header_by_hash(octets(value["blockHash"], "blockHash", HASH_BYTES))
        value = value.get("blockNumber")
    if value is None or value in HEAD_TAGS:
        return view.head()
    return view.header(0 if value == "earliest" else quantity(value, name))


def call(value: Any, budget: Budget) -> Call:
    """A transaction object of `eth_call`; its gas limit is what the budget gives."""
    if not isinstance(value, dict):
        raise invalid("the call must be an object")
    data = value.get("input", value.get("data"))
    gas = value.get("gas")
    to = value.get("to")
    return Call(
        sender=octets(value["from"], "from", ADDRESS_BYTES) if value.get("from") is not None else bytes(ADDRESS_BYTES),
        to=None if to is None else octets(to, "to", ADDRESS_BYTES),
        data=b"" if data is None else octets(data, "data"),
        value=0 if value.get("value") is None else quantity(value["value"], "value"),
        gas=budget.gas_for_a_call(None if gas is None else quantity(gas, "gas")),
    )


def log_filter(view: ChainView, value: Any, budget: Budget) -> LogFilter:
    if not isinstance(value, dict):
        raise invalid("the filter must be an object")
    first, last = _range(view, value)
    topics = value.get("topics") or []
    if not isinstance(topics, list) or len(topics) > TOPICS_MAX:
        raise invalid("topics must be a list of at most 4")
    return LogFilter(
        first=first,
        last=last,
        addresses=_alternatives(value.get("address"), "address", ADDRESS_BYTES, budget),
        topics=tuple(_alternatives(topic, "topics", HASH_BYTES, budget) for topic in topics),
    )


def _range(view: ChainView, value: dict[str, Any]) -> tuple[int, int]:
    if value.get("blockHash") is not None:
        if value.get("fromBlock") is not None or value.get("toBlock") is not None:
            raise invalid("blockHash goes without fromBlock and toBlock")
        number = header(view, {"blockHash": value["blockHash"]}).block_number
        return number, number
    first, last = (_bound(view, value.get(name), name) for name in ("fromBlock", "toBlock"))
    if first > last:
        raise invalid("fromBlock lies after toBlock")
    return first, last


def _bound(view: ChainView, value: Any, name: str) -> int:
    """A number above the head is allowed, as on other nodes: nothing is there yet."""
    if value is None or value in HEAD_TAGS:
        return int(view.head().block_number)
    return 0 if value == "earliest" else min(quantity(value, name), 2**62)


def _alternatives(value: Any, name: str, length: int, budget: Budget) -> tuple[bytes, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        return (octets(value, name, length),)
    if len(value) > budget.limits.alternatives_max:
        raise RpcError(f"{name}: at most {budget.limits.alternatives_max} alternatives", rpc_code=LIMIT_EXCEEDED)
    if None in value:  # "null or X" is "anything"
        return ()
    return tuple(octets(item, name, length) for item in value)
