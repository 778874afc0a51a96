"""The body of `POST /rpc` to the body of its answer: JSON-RPC 2.0, batches, limits. Knows nothing of HTTP but a status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from token_service.chain.embedded.view import ChainView
from token_service.chain.rpc_facade.limits import LIMIT_EXCEEDED, PUBLIC, Budget, Limits
from token_service.chain.rpc_facade.methods import dispatch
from token_service.chain.rpc_facade.parameters import SERVER_ERROR
from token_service.errors import MereauError, RpcError

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_CHARACTERS_MAX: Final = 100
ID_CHARACTERS_MAX: Final = 200


class SnapshotReader(Protocol):
    """Where the chain is read: an EmbeddedReader, or the owner itself."""

    def snapshot(self) -> AbstractContextManager[ChainView]: ...


def answer(body: bytes, reader: SnapshotReader, limits: Limits = PUBLIC) -> tuple[int, bytes]:
    """HTTP status and JSON body. All calls of a batch see one snapshot of the chain and share one budget.

    200 for whatever is JSON-RPC, errors included; 204 for notifications alone; 400 for what is not JSON; 413 for a body
    above the limit. Content-Type and rate are the caller's matter.
    """
    if len(body) > limits.body_bytes_max:
        refusal = RpcError(f"A request may have at most {limits.body_bytes_max:,} bytes.", rpc_code=LIMIT_EXCEEDED)
        return 413, _error(None, refusal)
    try:
        request = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return 400, _error(None, RpcError("The body is not JSON.", rpc_code=PARSE_ERROR))
    if isinstance(request, list) and not 0 < len(request) <= limits.batch_max:
        refusal = RpcError(f"A batch has 1 to {limits.batch_max} calls.", rpc_code=INVALID_REQUEST)
        return 200, _error(None, refusal)
    try:
        with reader.snapshot() as view:
            return _answered(request, view, Budget(limits))
    except MereauError as error:
        return 200, _error(None, RpcError(error.detail, rpc_code=SERVER_ERROR))


@dataclass(frozen=True)
class SnapshotNode:
    """One snapshot as a Node (chain/node.py) for reading in this process."""

    view: ChainView
    budget: Budget

    def request(self, method: str, params: list[Any]) -> Any:
        return dispatch(self.view, method, params, self.budget)


@contextmanager
def snapshot_node(reader: SnapshotReader, limits: Limits = PUBLIC) -> Iterator[SnapshotNode]:
    """The chain as it is now, unchanging while inside, with the limits of one request."""
    with reader.snapshot() as view:
        yield SnapshotNode(view, Budget(limits))


def _answered(request: Any, view: ChainView, budget: Budget) -> tuple[int, bytes]:
    if not isinstance(request, list):
        single = _one(request, view, budget)
        return (204, b"") if single is None else (200, single)
    answers = [text for item in request if (text := _one(item, view, budget)) is not None]
    return (200, b"[" + b",".join(answers) + b"]") if answers else (204, b"")


def _one(request: Any, view: ChainView, budget: Budget) -> bytes | None:
    """One answer; None for a notification, which is not even run: reading has no effect."""
    if not _is_request(request):
        return _error(None, RpcError("This is not a JSON-RPC 2.0 request.", rpc_code=INVALID_REQUEST))
    if "id" not in request:
        return None
    try:
        result = dispatch(view, request["method"], request.get("params") or [], budget)
        text = _encoded({"jsonrpc": "2.0", "id": request["id"], "result": result})
        budget.spend_answer(len(text))
    except RpcError as error:
        return _error(request["id"], error)
    return text


def _is_request(request: Any) -> bool:
    return (
        isinstance(request, dict)
        and isinstance(request.get("method"), str)
        and len(request["method"]) <= METHOD_CHARACTERS_MAX
        and isinstance(request.get("params") or [], list)
        and _is_id(request.get("id"))
    )


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= ID_CHARACTERS_MAX
    return value is None or (type(value) in {int, float} and len(repr(value)) <= ID_CHARACTERS_MAX)


def _error(request_id: Any, error: RpcError) -> bytes:
    shape: dict[str, Any] = {"code": error.rpc_code, "message": error.detail}
    if error.data is not None:
        shape["data"] = error.data
    return _encoded({"jsonrpc": "2.0", "id": request_id, "error": shape})


def _refuse_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
