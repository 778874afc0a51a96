from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from token_service.errors import InvalidInput
from token_service.protocol import json_text


@pytest.fixture
def recursion_limit_of_py_ecc() -> Iterator[None]:
    """What importing web3 does to a process: json.loads would end it on deep nesting."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("recursion_limit_of_py_ecc")
@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 1_000_000, "[" * 300 + "]" * 300])
def test_deep_nesting_is_refused_and_harms_nothing(text: str) -> None:
    with pytest.raises(InvalidInput):
        json_text.load(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "NaN", "[Infinity]", "{'a': 1}", b"\xff\xfe", '"\ud800"', "1 2"])
def test_it_refuses_what_is_no_json(text: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        json_text.load(text)


def test_numbers_stay_whole() -> None:
    assert json_text.load(b'{"a": [9007199254740993, true, null, "\\u00e9"]}') == {"a": [2**53 + 1, True, None, "é"]}
