"""One JSON-RPC call to one URL: what came back, or how it failed.

web3.py's provider carries the calls, with its own retrying turned off: it would send again by itself
(reference/settlement-engines.md §0.5). Whatever is not an answer is NodeUnreachable, with the way it failed in `facts`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from token_service.errors import NodeUnreachable, RpcError

if TYPE_CHECKING:
    from urllib3 import HTTPResponse
    from web3 import HTTPProvider

RETRY_AFTER_SECONDS_MAX: Final = 60.0
READ_BYTES: Final = 65_536
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024

Transport = Callable[[str, list[Any], float], Any]
"""(method, params, seconds) → result. Raises RpcError for an error answer, NodeUnreachable for no sensible one."""


class Outcome(StrEnum):
    """How a call ended: what metrics count."""

    OK = "ok"
    REFUSED = "refused"  # a JSON-RPC error: the node has answered
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"  # an HTTP status that is none of success
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no connection, or one that was cut
    MALFORMED = "malformed"  # HTML, half a JSON, nonsense


_RATE_WORDS: Final = ("rate limit", "too many requests", "request count exceeded", "compute units", "throughput")
_BEHIND_WORDS: Final = ("header not found", "unknown block", "block not found", "missing trie node", "not available")


class BoundedSession(requests.Session):
    """A session whose answers end in time and in size: requests' own timeout starts anew with every byte that drips in."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # a proxy meant for the web must not see signed transactions

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        """As `requests.Session.send`, with the whole answer read. Raises requests.Timeout, requests.RequestException."""
        until = time.monotonic() + float(settings["timeout"])
        response = super().send(request, **settings | {"stream": True})
        try:
            response._content = _read(response.raw, until)
        except BaseException:
            response.close()
            raise
        return response


def _read(raw: HTTPResponse, until: float) -> bytes:
    body = bytearray()
    try:
        while piece := raw.read1(READ_BYTES, decode_content=True):  # what is there; `read` would wait for all of it
            body += piece
            if time.monotonic() > until:
                raise requests.ReadTimeout("the answer came too slowly")
            if len(body) > ANSWER_BYTES_MAX:
                raise requests.ConnectionError("the answer is too large")
        return bytes(body + raw.read(decode_content=True))  # nothing is left; it gives the connection back
    except ReadTimeoutError as error:
        raise requests.ReadTimeout("the answer came too slowly") from error
    except HTTPError as error:
        raise requests.ConnectionError("the answer was cut off") from error


def http_transport(url: str, session: requests.Session) -> Transport:
    """Calls over HTTP, each given up after its seconds."""
    provider = cache(lambda seconds: _provider(url, session, seconds))

    def transport(method: str, params: list[Any], seconds: float) -> Any:
        try:
            answer = provider(seconds).make_request(method, params)
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise _failure(error, method) from error
        return result_of(answer, method)

    return transport


def _provider(url: str, session: requests.Session, seconds: float) -> HTTPProvider:
    limit = sys.getrecursionlimit()
    from web3 import HTTPProvider

    sys.setrecursionlimit(limit)  # py_ecc, which web3 brings, raises it so far that deep JSON kills the process
    return HTTPProvider(
        url,
        request_kwargs={"timeout": seconds},
        session=session,
        exception_retry_configuration=None,
        cache_allowed_requests=False,
    )


def _failure(error: Exception, method: str) -> NodeUnreachable:
    """The error without the URL, which may hold a key."""
    wait: float | None = None
    if isinstance(error, requests.Timeout):
        outcome = Outcome.TIMEOUT
    elif isinstance(error, requests.HTTPError):
        status = None if error.response is None else error.response.status_code
        outcome = Outcome.RATE_LIMITED if status == 429 else Outcome.UNAVAILABLE
        wait = None if error.response is None else _retry_after(error.response)
    elif isinstance(error, requests.RequestException) and not isinstance(error, ValueError):
        outcome = Outcome.UNREACHABLE
    else:
        outcome = Outcome.MALFORMED
    return NodeUnreachable("the chain node does not answer", method=method, outcome=outcome, wait_seconds=wait)


def _retry_after(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), RETRY_AFTER_SECONDS_MAX) if text.isdecimal() else None


def result_of(answer: Any, method: str) -> Any:
    """The `result` of a JSON-RPC answer. Raises RpcError for its `error`, NodeUnreachable for anything else."""
    if not isinstance(answer, dict):
        raise nonsense(method)
    error = answer.get("error")
    if isinstance(error, dict):
        code, data, message = error.get("code"), error.get("data"), str(error.get("message", "refused"))[:500]
        if code == 429 or any(words in message.casefold() for words in _RATE_WORDS):
            raise NodeUnreachable("the chain node is too busy", method=method, outcome=Outcome.RATE_LIMITED)
        raise RpcError(
            message,
            rpc_code=code if isinstance(code, int) else -32000,
            data=data if isinstance(data, str) else None,
        )
    if "result" not in answer:
        raise nonsense(method)
    return answer["result"]


def nonsense(method: str) -> NodeUnreachable:
    """The error for an answer that makes no sense."""
    return NodeUnreachable("the chain node answers nonsense", method=method, outcome=Outcome.MALFORMED)


def outcome_of(error: NodeUnreachable | RpcError) -> Outcome:
    """How the call that raised this ended."""
    if isinstance(error, RpcError):
        return Outcome.REFUSED
    return Outcome(str(error.facts.get("outcome", Outcome.MALFORMED)))


def is_behind(error: RpcError) -> bool:
    """Whether the node says that it does not have the block which was asked about: another may."""
    return any(words in error.detail.casefold() for words in _BEHIND_WORDS)
