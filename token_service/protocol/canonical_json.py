"""RFC 8785 (JCS): the one text that a JSON value has, for hashing.

What details and rulesets are made of (objects with ASCII names, texts, whole numbers, true, false, null) is written by Python's
own encoder, ten times as fast as the library: with sorted names it gives the same bytes. Everything else goes to the library.
"""

from __future__ import annotations

import json
from typing import Final, cast

import rfc8785

from token_service.errors import InvalidInput
from token_service.units import POINTS_MAX

_PLAIN_DEPTH_MAX: Final = 32
"""Python's encoder would trust the recursion limit, which other libraries raise too far (json_text.py)."""
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def jcs(value: object) -> str:
    """The canonical text. Raises InvalidInput for what has none (floats that are not finite, integers ≥ 2^53, …)."""
    try:
        if not _is_plain(value, _PLAIN_DEPTH_MAX):
            return rfc8785.dumps(cast("rfc8785._impl._Value", value)).decode("utf-8")
        text = _encode(value)
        text.encode("utf-8")
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput("the detail has no canonical JSON form") from error
    return text


def _is_plain(value: object, depth_max: int) -> bool:
    """Whether Python sorts, escapes and writes it as RFC 8785 does. Names beyond ASCII may sort otherwise there."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return -POINTS_MAX <= cast(int, value) <= POINTS_MAX
    if depth_max == 0:
        return False
    if kind is dict:
        return all(
            type(name) is str and name.isascii() and _is_plain(item, depth_max - 1)
            for name, item in cast("dict[object, object]", value).items()
        )
    if kind is list or kind is tuple:
        return all(_is_plain(item, depth_max - 1) for item in cast("list[object]", value))
    return False
