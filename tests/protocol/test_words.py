from __future__ import annotations

import pytest
from hypothesis import given

from token_service.errors import InvalidInput
from token_service.protocol.words import EntryWord, pack, unpack
from token_service.units import POINTS_MAX

from . import strategies

ALICE = "0x00000000000000000000000000000000000A11cE"


def test_the_fields_stand_high_to_low_as_the_contract_reads_them() -> None:
    word = pack(EntryWord(ALICE, 1, 2, 500))
    assert f"{word:064x}" == "00000000000000000000000000000000000a11ce" + "01" + "000002" + "00000000000001f4"


@given(strategies.entry_words)
def test_what_is_packed_is_unpacked(entry: EntryWord) -> None:
    assert unpack(pack(entry)) == entry


@given(strategies.uint256)
def test_every_word_can_be_read_even_a_bad_one(word: int) -> None:
    entry = unpack(word)
    account = int(entry.account, 16)
    assert account << 96 | entry.kind << 88 | entry.party << 64 | entry.amount == word


@pytest.mark.parametrize(
    "entry",
    [
        EntryWord("0x" + "0" * 40, 1, 0, 1),
        EntryWord("alice", 1, 0, 1),
        EntryWord(ALICE, 0, 0, 1),
        EntryWord(ALICE, 11, 0, 1),
        EntryWord(ALICE, 1, -1, 1),
        EntryWord(ALICE, 1, 2**24, 1),
        EntryWord(ALICE, 1, 0, 0),
        EntryWord(ALICE, 1, 0, -5),
        EntryWord(ALICE, 1, 0, POINTS_MAX + 1),
    ],
)
def test_it_refuses_an_entry_that_the_contract_would_skip_as_bad(entry: EntryWord) -> None:
    with pytest.raises(InvalidInput):
        pack(entry)


@pytest.mark.parametrize("word", [-1, 2**256])
def test_it_refuses_what_is_no_word(word: int) -> None:
    with pytest.raises(InvalidInput):
        unpack(word)
