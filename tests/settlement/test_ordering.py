"""The order of words in a batch: each member's own order, few changes of party, facts behind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from token_service.chain.settlement.ordering import arrange
from token_service.units import EntryKind


@dataclass(frozen=True)
class Word:
    number: int
    member_id: str
    kind: int
    party: int


words = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([0, 1, 2, 4]), st.integers(0, 4)), max_size=60)


@given(words)
def test_nothing_is_lost_and_each_member_keeps_their_order(drawn: list[tuple[str, int, int]]) -> None:
    given_words = [Word(number, *one) for number, one in enumerate(drawn)]
    arranged = arrange(given_words)
    assert sorted(arranged, key=lambda word: word.number) == given_words
    for member in "abcdef":
        own = [w.number for w in arranged if w.member_id == member and w.kind != EntryKind.FACT]
        assert own == sorted(own)
    kinds = [word.kind == EntryKind.FACT for word in arranged]
    assert kinds == sorted(kinds)
    facts = [word.number for word in arranged if word.kind == EntryKind.FACT]
    assert facts == sorted(facts)


@given(words)
def test_the_same_leaves_always_give_the_same_order(drawn: list[tuple[str, int, int]]) -> None:
    given_words = [Word(number, *one) for number, one in enumerate(drawn)]
    assert arrange(given_words) == arrange(list(given_words))


def test_interleaved_issuers_come_out_side_by_side() -> None:
    given_words = [Word(number, f"member {number}", 1, number % 10) for number in range(200)]
    assert len(list(groupby(word.party for word in arrange(given_words)))) == 10
