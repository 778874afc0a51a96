"""The same settlement on the embedded chain: one process, one file, no node to install."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from settlement_programme import Crash, Programme, Seconds
from test_dying_anywhere import SETTLING, TRACKING, assert_exactly_once

from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded_node import EmbeddedNode
from token_service.chain.settlement import check_chain, index
from token_service.errors import ChainOlderThanLedger
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")


def test_entries_become_final_at_once(embedded: Programme) -> None:
    alice, bob = embedded.member(), embedded.member()
    ids = [
        embedded.record(alice, EntryKind.ISSUANCE, 100),
        embedded.record(bob, EntryKind.ISSUANCE, 40),
        embedded.record(alice, EntryKind.REDEMPTION, 30),
        embedded.record(bob, EntryKind.FACT),
    ]
    assert embedded.settle().is_settled
    assert {embedded.leaf(leaf_id).state for leaf_id in ids} == {"final"}
    assert (embedded.balance(alice), embedded.balance(bob)) == (70, 40)
    assert_exactly_once(embedded)


@pytest.mark.parametrize("place", SETTLING)
def test_dying_at_any_place_settles_every_entry_exactly_once(embedded: Programme, place: str) -> None:
    alice = embedded.member()
    embedded.record(alice, EntryKind.ISSUANCE, 4)
    embedded.failpoints.passed.clear()
    embedded.failpoints.at = (place, 1)
    with pytest.raises(Crash):
        embedded.settle()
    assert embedded.settle().is_settled
    assert embedded.balance(alice) == 4
    assert_exactly_once(embedded)


@pytest.mark.parametrize("place", TRACKING)
def test_dying_while_the_gas_of_batches_that_share_a_block_is_read_changes_nothing(
    embedded: Programme, chain: EmbeddedChain, seconds: Seconds, place: str
) -> None:
    embedded.with_limits(batch_entries_max=1)
    alice = embedded.member()
    for points in (4, 5):
        embedded.record(alice, EntryKind.ISSUANCE, points)
    chain.mine()
    seconds.is_stopped = True
    while len(embedded.batches()) < 2:
        embedded.settle(timeout_seconds=0)
    seconds.is_stopped = False
    embedded.failpoints.passed.clear()
    embedded.failpoints.at = (place, 1)
    with pytest.raises(Crash):
        embedded.settle()
    assert embedded.settle().is_settled
    first, second = embedded.batches()
    assert first.block_hash == second.block_hash
    with chain.view() as view:
        header = view.header(first.block_number)
    assert first.gas_used + second.gas_used == header.gas_used
    assert min(first.gas_used, second.gas_used) > 50_000
    assert embedded.balance(alice) == 9
    assert_exactly_once(embedded)


def test_what_waits_in_memory_when_the_process_dies_is_sent_again(
    embedded: Programme, chain: EmbeddedChain, seconds: Seconds
) -> None:
    """The pool of the embedded chain is lost with its process; the ledger is not."""
    alice = embedded.member()
    embedded.record(alice, EntryKind.ISSUANCE, 4)
    chain.mine()
    seconds.is_stopped = True
    embedded.settle(timeout_seconds=0.2)
    assert embedded.batches()[0].state == "planned"
    embedded.services = replace(embedded.services, node=EmbeddedNode(chain))
    seconds.is_stopped = False
    assert embedded.settle().is_settled
    assert embedded.balance(alice) == 4
    assert_exactly_once(embedded)


def test_a_chain_file_older_than_the_ledger_is_refused(embedded: Programme, tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "chain.db")) as source,
        closing(sqlite3.connect(tmp_path / "old.db")) as copy,
    ):
        source.backup(copy)
    embedded.record(embedded.member(), EntryKind.ISSUANCE, 4)
    embedded.settle()
    with closing(EmbeddedChain(tmp_path / "old.db", clock=Seconds())) as old:
        services = replace(embedded.services, node=EmbeddedNode(old))
        with pytest.raises(ChainOlderThanLedger):
            check_chain(services)
        with pytest.raises(ChainOlderThanLedger):
            index(services)
