"""A chain node as the worker sees it: one JSON-RPC call in, one JSON result out.

Reads are tried again and on every URL; a send goes once to every URL, because an answer that got lost does not mean that
the transaction did (DESIGN §5, rule D). Typed reads over a Node are in reads.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

import requests

from token_service.errors import NodeUnreachable, RpcError

SEND_METHOD: Final = "eth_sendRawTransaction"
READ_ROUNDS: Final = 3
"""How often each URL is asked before a read fails."""
PAUSE_SECONDS: Final = 0.1
"""Wait between rounds; doubles each time."""
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024


class Node(Protocol):
    """Anything that answers JSON-RPC: HttpNode, or the embedded chain."""

    def request(self, method: str, params: list[Any]) -> Any:
        """The result as JSON values. Raises RpcError for an error answer, NodeUnreachable for no sensible one."""
        ...


class HttpNode:
    """One or several URLs of the same chain, asked over HTTP."""

    def __init__(self, urls: Sequence[str], *, timeout_seconds: float = 10.0) -> None:
        if not urls:
            raise ValueError("no node URL")
        self._urls = tuple(urls)
        self._timeout = timeout_seconds
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy meant for the web must not see signed transactions
        self._id = 0

    def request(self, method: str, params: list[Any]) -> Any:
        return self._send(params) if method == SEND_METHOD else self._read(method, params)

    def _read(self, method: str, params: list[Any]) -> Any:
        pause = PAUSE_SECONDS
        for round_number in range(READ_ROUNDS):
            for url in self._urls:
                try:
                    return self._post(url, method, params)
                except NodeUnreachable:
                    continue
            if round_number + 1 < READ_ROUNDS:
                time.sleep(pause)
                pause *= 2
        raise NodeUnreachable("no chain node answered", method=method)

    def _send(self, params: list[Any]) -> Any:
        """The first acceptance, or else the first refusal in words, or else NodeUnreachable."""
        refusal: RpcError | None = None
        accepted: list[Any] = []
        for url in self._urls:
            try:
                accepted.append(self._post(url, SEND_METHOD, params))
            except NodeUnreachable:
                continue
            except RpcError as error:
                refusal = refusal or error
        if accepted:
            return accepted[0]
        raise refusal or NodeUnreachable("no chain node answered", method=SEND_METHOD)

    def _post(self, url: str, method: str, params: list[Any]) -> Any:
        self._id += 1
        body = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}
        try:
            response = self._session.post(url, json=body, timeout=self._timeout)
            answer = json.loads(response.content) if len(response.content) <= ANSWER_BYTES_MAX else None
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise NodeUnreachable("the chain node does not answer", method=method) from error
        return result_of(answer, method)

    def close(self) -> None:
        self._session.close()


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
