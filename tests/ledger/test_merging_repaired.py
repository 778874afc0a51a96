"""A backup is restored from before a merge, and the chain has seen one half of it only: it is brought to its end, once."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from ledger_town import Make, Town
from test_merging import available, both, merge
from test_repairing import WHOLE, copied, gap_of, repaired  # noqa: F401 (fixture)

from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.repairing.gap import GapBatch
from token_service.ledger.repairing.merging_again import finish_merges
from token_service.ledger.store import Store
from token_service.units import EntryKind


def without_what_came_in(town: Town, seed: int = 3) -> list[GapBatch]:
    """The batches up to the one by which points went out, cut by chance: perhaps before the leaf that says so."""
    gap = gap_of(town, random.Random(seed))
    last = max(n for n, batch in enumerate(gap) if any(word.kind == EntryKind.MOVE_OUT for word in batch.words))
    return gap[: last + 1]


def people(town: Town) -> tuple[str, str]:
    """Two members with purchases that wait for their window, points, and a stamp card each."""
    old, kept = both(town)
    for member in (old, old, kept):
        town.buy(member, 1_000)
    town.issue(old, 40)
    town.issue(kept, 7)
    return old, kept


@pytest.mark.parametrize("seed", range(4))
def test_points_that_went_out_come_in_and_the_history_with_them(
    make: Make,
    copied: Callable[[Store], Store],  # noqa: F811
    seed: int,
) -> None:
    town = make(WHOLE)
    old, kept = people(town)
    copy = copied(town.context.store)
    merge(town, old, kept)
    right = (available(town, kept), town.balance(kept).pending)
    again, _, closed = repaired(town, copy, without_what_came_in(town, seed))
    assert closed == []
    assert available(again, kept) < right[0]
    assert finish_merges(again.context) == 1
    assert (available(again, kept), again.balance(kept).pending) == right
    assert again.buy(old, 500).value.member_id == kept
    assert check_rebuild(again.context) == []
    again.check()
    assert finish_merges(again.context) == 0


def test_what_came_back_and_was_on_its_way_arrives(
    make: Make,
    copied: Callable[[Store], Store],  # noqa: F811
) -> None:
    town = make(WHOLE)
    old, kept = people(town)
    spent = town.redeem(old, 30).value
    merge(town, old, kept)
    copy = copied(town.context.store)
    town.restore(spent.id)
    right = available(town, kept)
    again, _, _ = repaired(town, copy, without_what_came_in(town))
    assert available(again, kept) == right - 30
    assert finish_merges(again.context) == 1
    assert available(again, kept) == right
    again.check()
    assert finish_merges(again.context) == 0


def test_a_merge_that_is_whole_is_left(make: Make) -> None:
    town = make(WHOLE)
    old, kept = people(town)
    spent = town.redeem(old, 30).value
    merge(town, old, kept)
    town.restore(spent.id)
    assert finish_merges(town.context) == 0
    town.check()
