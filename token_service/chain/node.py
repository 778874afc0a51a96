"""A chain node as the worker sees it: one JSON-RPC call in, one JSON result out.

web3.py's provider carries the calls, with its own retrying turned off: it would send again by itself
(reference/settlement-engines.md §0.5). Reads are tried again here, on every URL; a send goes once to every URL, because an
answer that got lost does not mean that the transaction did (DESIGN §5, rule D). Typed reads over a Node are in reads.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import requests

from token_service.errors import NodeUnreachable, RpcError

if TYPE_CHECKING:
    from web3 import HTTPProvider

SEND_METHOD: Final = "eth_sendRawTransaction"
READ_ROUNDS: Final = 3
"""How often each URL is asked before a read fails."""
PAUSE_SECONDS: Final = 0.1
"""Wait between rounds; doubles each time."""


class Node(Protocol):
    """Anything that answers JSON-RPC: HttpNode, or the embedded chain."""

    def request(self, method: str, params: list[Any]) -> Any:
        """The result as JSON values. Raises RpcError for an error answer, NodeUnreachable for no sensible one."""
        ...


class HttpNode:
    """One or several URLs of the same chain, asked over HTTP."""

    def __init__(self, urls: Sequence[str], *, timeout_seconds: float = 10.0, read_rounds: int = READ_ROUNDS) -> None:
        if not urls:
            raise ValueError("no node URL")
        self._read_rounds = read_rounds
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy meant for the web must not see signed transactions
        self._providers = tuple(_provider(url, self._session, timeout_seconds) for url in urls)

    def request(self, method: str, params: list[Any]) -> Any:
        return self._send(params) if method == SEND_METHOD else self._read(method, params)

    def _read(self, method: str, params: list[Any]) -> Any:
        pause = PAUSE_SECONDS
        for round_number in range(self._read_rounds):
            for provider in self._providers:
                try:
                    return _post(provider, method, params)
                except NodeUnreachable:
                    continue
            if round_number + 1 < self._read_rounds:
                time.sleep(pause)
                pause *= 2
        raise NodeUnreachable("no chain node answered", method=method)

    def _send(self, params: list[Any]) -> Any:
        """The first acceptance, or else the first refusal in words, or else NodeUnreachable."""
        refusal: RpcError | None = None
        accepted: list[Any] = []
        for provider in self._providers:
            try:
                accepted.append(_post(provider, SEND_METHOD, params))
            except NodeUnreachable:
                continue
            except RpcError as error:
                refusal = refusal or error
        if accepted:
            return accepted[0]
        raise refusal or NodeUnreachable("no chain node answered", method=SEND_METHOD)

    def close(self) -> None:
        self._session.close()


def _provider(url: str, session: requests.Session, timeout_seconds: float) -> HTTPProvider:
    limit = sys.getrecursionlimit()
    from web3 import HTTPProvider

    sys.setrecursionlimit(limit)  # py_ecc, which web3 brings, raises it so far that deep JSON kills the process
    return HTTPProvider(
        url,
        request_kwargs={"timeout": timeout_seconds},
        session=session,
        exception_retry_configuration=None,
        cache_allowed_requests=False,
    )


def _post(provider: HTTPProvider, method: str, params: list[Any]) -> Any:
    """Raises NodeUnreachable for an answer that is none: refused, too late, cut off, not JSON."""
    try:
        answer = provider.make_request(method, params)
    except (requests.RequestException, ValueError, RecursionError) as error:
        raise NodeUnreachable("the chain node does not answer", method=method) from error
    return result_of(answer, method)


def result_of(answer: Any, method: str) -> Any:
    """The `result` of a JSON-RPC answer. Raises RpcError for its `error`, NodeUnreachable for anything else."""
    if not isinstance(answer, dict):
        raise NodeUnreachable("the chain node answers nonsense", method=method)
    error = answer.get("error")
    if isinstance(error, dict):
        code, data = error.get("code"), error.get("data")
        raise RpcError(
            str(error.get("message", "refused"))[:500],
            rpc_code=code if isinstance(code, int) else -32000,
            data=data if isinstance(data, str) else None,
        )
    if "result" not in answer:
        raise NodeUnreachable("the chain node answers nonsense", method=method)
    return answer["result"]
