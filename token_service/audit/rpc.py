"""The auditor's own way to a node: JSON-RPC over HTTP, retried, in batches, and logs in ranges that shrink when a
node refuses.

It believes nothing that it can recompute, and shares no code with the service's node access.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import requests

from token_service.audit.fetching import AnswerTooLarge, fetch
from token_service.audit.report import printable
from token_service.errors import InvalidInput, NodeUnreachable, RpcError
from token_service.protocol import json_text
from token_service.protocol.hashing import from_hex, to_hex

BATCH_MAX: Final = 50
"""Calls in one HTTP request; also what an embedded chain allows."""
TRIES: Final = 5
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024
LOGS_WANTED: Final = 4_000
"""Logs that one range aims at: some 20 full batches, so memory stays flat."""
RANGE_MAX_BLOCKS: Final = 2_000
RANGE_FIRST_BLOCKS: Final = 50


class Rpc:
    """A node. Raises NodeUnreachable when it does not answer, RpcError when it answers an error."""

    def __init__(self, url: str, *, first_wait_seconds: float = 0.2) -> None:
        self.url = url
        self._session = requests.Session()
        self._first_wait_seconds = first_wait_seconds
        self._next_id = 0

    def request(self, method: str, *params: Any) -> Any:
        """The result of one call, as JSON values."""
        self._next_id += 1
        answer = self._post({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": list(params)})
        return _result(answer)

    def quantity(self, method: str, *params: Any) -> int:
        """The result of a call that answers a number. Raises NodeUnreachable when it does not."""
        try:
            return int(self.request(method, *params), 16)
        except (TypeError, ValueError) as error:
            raise NodeUnreachable(f"{method} answered no number") from error

    def data(self, method: str, *params: Any) -> bytes:
        """The result of a call that answers bytes. Raises NodeUnreachable when it does not."""
        try:
            return from_hex(self.request(method, *params))
        except InvalidInput as error:
            raise NodeUnreachable(f"{method} answered no bytes") from error

    def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """The results of many calls in order; the first error raises."""
        results: list[Any] = []
        for start in range(0, len(calls), BATCH_MAX):
            results += self._some(calls[start : start + BATCH_MAX])
        return results

    def call(self, contract: str, data: bytes, block: str) -> bytes:
        """What an eth_call returns at a block (a quantity in hex). Raises RpcError when the contract reverts."""
        return self.data("eth_call", {"to": contract, "data": to_hex(data)}, block)

    def logs(self, address: str, first: int, last: int, topics: list[Any] | None = None) -> Iterator[LogRange]:
        """All logs of an address in the blocks first … last, range by range, each in the chain's order."""
        start, width, widest = first, RANGE_FIRST_BLOCKS, float(RANGE_MAX_BLOCKS)
        while start <= last:
            end = min(start + width - 1, last)
            query = {"address": address, "fromBlock": hex(start), "toBlock": hex(end), "topics": topics or []}
            try:
                found = self.request("eth_getLogs", query)
            except RpcError:
                if end == start:
                    raise
                width = max((end - start + 1) // 2, 1)
                widest = width  # else every second range would be refused
                continue
            yield LogRange(start, end, sorted(_log_list(found), key=_log_place))
            start = end + 1
            widest = min(widest * 1.1, RANGE_MAX_BLOCKS)
            if len(found) < LOGS_WANTED:
                width = max(min(width * 2, int(widest)), 1)
            elif len(found) > 2 * LOGS_WANTED:
                width = max(width // 2, 1)

    def _some(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": params} for i, (method, params) in enumerate(calls)
        ]
        answers = self._post(body)
        if not isinstance(answers, list):  # a node without batches
            return [self.request(method, *params) for method, params in calls]
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        if set(by_id) != set(range(len(calls))):
            raise NodeUnreachable("the node answered other calls than it was asked")
        return [_result(by_id[i]) for i in range(len(calls))]

    def _post(self, body: Any) -> Any:
        wait = self._first_wait_seconds
        for attempt in range(1, TRIES + 1):
            try:
                status, content = fetch(self._session, "POST", self.url, json=body, bytes_max=ANSWER_BYTES_MAX)
                if status < 500 and status != 429:
                    return json_text.load(content)
                problem = f"HTTP {status}"
            except AnswerTooLarge as error:
                raise NodeUnreachable(f"the node answered more than {ANSWER_BYTES_MAX} bytes") from error
            except InvalidInput:
                problem = "it is not JSON"
            except requests.RequestException as error:
                problem = type(error).__name__
            if attempt < TRIES:
                time.sleep(wait)
                wait *= 2
        raise NodeUnreachable(f"the node gave no usable answer in {TRIES} tries ({problem})")


class LogRange:
    """Logs of the blocks first … last, in the chain's order."""

    def __init__(self, first: int, last: int, logs: list[dict[str, Any]]) -> None:
        self.first, self.last, self.logs = first, last, logs


def _result(answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise NodeUnreachable("the node's answer is no JSON-RPC answer")
    error = answer.get("error")
    if error is not None:
        fields = error if isinstance(error, dict) else {}
        data = fields.get("data")
        code = fields.get("code")
        raise RpcError(
            printable(fields.get("message", "error without a message")),
            rpc_code=code if isinstance(code, int) else -32000,
            data=data if isinstance(data, str) else None,
        )
    if "result" not in answer:
        raise NodeUnreachable("the node's answer has neither result nor error")
    return answer["result"]


def _log_list(found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(log, dict) for log in found):
        raise NodeUnreachable("the node's logs are no list of objects")
    return found


def _log_place(log: dict[str, Any]) -> tuple[int, int]:
    try:
        return int(log["blockNumber"], 16), int(log["logIndex"], 16)
    except (KeyError, TypeError, ValueError) as error:
        raise NodeUnreachable("a log of the node has no place") from error
