"""Reading what a foreign server answers: no more than a bound, no longer than a while, and from nowhere else.

A server may answer without end, or a byte a minute, or send the asker (and a key) somewhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import requests
from urllib3.exceptions import HTTPError

TIMEOUT_SECONDS: Final = 60
"""How long a server may be silent."""
ANSWER_SECONDS: Final = 300
"""How long a whole answer may take."""
CHUNK_BYTES: Final = 65_536


class AnswerTooLarge(Exception):
    """The answer goes on beyond its bound."""


def fetch(session: requests.Session, method: str, url: str, *, bytes_max: int, **more: Any) -> tuple[int, bytes]:
    """Status and body; a redirect is an answer like others and is not followed.

    Raises AnswerTooLarge, and requests.RequestException when there is no whole answer in time.
    """
    until = time.monotonic() + ANSWER_SECONDS
    given = {"timeout": TIMEOUT_SECONDS, "allow_redirects": False, "stream": True} | more
    with session.request(method, url, **given) as answer:
        return answer.status_code, _body(answer, bytes_max, lambda: time.monotonic() > until)


def _body(answer: requests.Response, bytes_max: int, is_late: Callable[[], bool]) -> bytes:
    found = bytearray()
    try:
        while chunk := answer.raw.read1(CHUNK_BYTES, decode_content=True):
            found += chunk
            if len(found) > bytes_max:
                raise AnswerTooLarge
            if is_late():
                raise requests.Timeout("the answer takes too long")
    except (HTTPError, OSError) as error:
        if isinstance(error, requests.RequestException):
            raise
        raise requests.ConnectionError("the answer broke off") from error
    return bytes(found)
