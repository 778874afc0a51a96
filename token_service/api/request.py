"""What a JSON body must be before any model sees it, and how it reaches pydantic's strict JSON mode.

flask-openapi hands a parsed object to `model_validate`, where strict models refuse every ISO date; handed a *string*, it calls
`model_validate_json` (reference: docs/api.md "Bodies"). So `get_json` answers the text itself, once it is known to be one
JSON object without repeated keys, U+0000, or anything else that two readers could take for two things.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from token_service.errors import CallerError

BODY_BYTES_MAX: Final = 1024 * 1024
BATCH_BODY_BYTES_MAX: Final = 8 * 1024 * 1024
DEPTH_MAX: Final = 64
"""Deepest nesting of arrays and objects that is read; no body of the API needs more than 12."""

_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[{\]}]', re.DOTALL)
"""Strings (to be passed over) and brackets. Possessive, and an unclosed string runs to the end: linear on any input."""


class JsonRequest(Request):
    """A request whose `get_json` answers the checked text of the body, or raises a CallerError that never quotes it."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        return read_json_text(self)


def read_json_text(request: Request) -> str:
    """The body as UTF-8 JSON text holding one object; no body at all is an empty one.

    Raises UnsupportedMediaType, RequestEntityTooLarge or CallerError.
    """
    if not request.mimetype and not request.get_data(cache=True):
        return "{}"
    if request.mimetype != "application/json":
        raise UnsupportedMediaType()
    data = request.get_data(cache=True)
    if request.content_length is None and len(data) >= (request.max_content_length or BODY_BYTES_MAX):
        raise RequestEntityTooLarge()  # a chunked body is cut there, not refused
    check_json(data)
    return data.decode("utf-8")


def check_json(data: bytes) -> Any:
    """The parsed JSON object.

    Raises CallerError (400) for bytes that are not UTF-8, malformed JSON, nesting beyond DEPTH_MAX, repeated keys, U+0000,
    NaN, numbers of thousands of digits, and for a body that is anything but an object (a JSON string that holds JSON, say).
    """
    _check_depth(data)
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_object_without_repeats, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError:
        raise CallerError("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise CallerError(f"The body is not JSON: line {error.lineno}, column {error.colno}.") from None
    except ValueError:  # an integer beyond Python's limit of digits
        raise CallerError("The body holds a number with far too many digits.") from None
    if not isinstance(value, dict):
        raise CallerError("The body must be a JSON object.")
    if b"\\u0000" in data:
        _refuse_nul(value)
    return value


def _check_depth(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= DEPTH_MAX:  # most bodies: no need to look closer
        return
    depth = 0
    for match in _BRACKETS.finditer(data):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth > DEPTH_MAX:
                raise CallerError(f"The body is nested more than {DEPTH_MAX} deep.")
        elif token in (b"]", b"}"):
            depth -= 1


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise CallerError("An object in the body names the same field twice.")
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise CallerError("NaN and Infinity are not JSON.")


def _refuse_nul(value: Any) -> None:
    """Raises CallerError if a string or a key holds U+0000, which PostgreSQL cannot store."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and "\0" in item:
            raise CallerError("A text in the body holds the character U+0000.")
        if isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
