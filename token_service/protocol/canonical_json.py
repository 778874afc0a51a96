"""RFC 8785 (JCS): the one text that a JSON value has, for hashing.

What details and rulesets are made of (objects with ASCII names, texts, whole numbers, true, false, null) is written by Python's
own encoder, ten times as fast as the library: with sorted names it gives the same bytes. Everything else goes to the library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, cast

import rfc8785

from token_service.errors import InvalidInput
from token_service.units import POINTS_MAX

_PLAIN_DEPTH_MAX: Final = 32
"""Python's encoder would trust the recursion limit, which other libraries raise too far (json_text.py)."""
_CONTAINERS: Final = (dict, list, tuple)
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
    if depth_max == 0 or kind not in _CONTAINERS:
        return False
    inside: Iterable[object] = cast("list[object]", value)
    if kind is dict:
        inside = cast("dict[object, object]", value).values()
        for name in cast("dict[object, object]", value):
            if type(name) is not str or not name.isascii():
                return False
    for item in inside:  # texts are most of it: a call for each costs more than all the rest
        if type(item) is str:
            continue
        if not _is_plain(item, depth_max - 1):
            return False
    return True
