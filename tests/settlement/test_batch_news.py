"""The worker's log follows a batch to its block, and tells it again when that block is taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anvil_node import Anvil
from captured_logs import captured_logs
from settlement_programme import Programme

from token_service.chain.settlement.figures import FigureSources
from token_service.ledger.tally import Tally
from token_service.ledger.worker_figures import (
    BATCHES,
    BUMPS,
    GAS_USED,
    PUSHES,
    REORGED,
    REORGED_BLOCKS,
    REORGS,
    SETTLED,
    SIGNER_REQUESTS,
    SIGNER_SECONDS,
)
from token_service.units import EntryKind
from token_service.worker import Worker


def told(lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Which batch became what, in order; `batch_planned` has its own test."""
    return [
        (line["event"], line["seq"])
        for line in lines
        if line["event"].startswith("batch_") and line["event"] != "batch_planned"
    ]


def test_a_batch_is_followed_to_its_block_and_told_again_after_a_reorganisation(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    tally = Tally()
    worker = Worker(replace(own_programme.worker(), figures=FigureSources(tally, dict)))
    alice = own_programme.member()
    own_programme.settle(timeout_seconds=0.5)
    own_programme.services.tally.take()  # what setting up took
    with captured_logs() as lines:
        worker.run_pass(flush=True)
        own_programme.record(alice, EntryKind.ISSUANCE, 5)
        own_anvil.request("evm_setAutomine", False)
        worker.run_pass(flush=True)
        assert told(lines) == [("batch_sent", 1)]
        worker.run_pass(flush=True)
        assert told(lines) == [("batch_sent", 1)], "what did not change is no news"
        own_anvil.request("evm_setAutomine", True)
        own_anvil.mine()
        worker.run_pass(flush=True)
        assert told(lines)[1:] == [("batch_mined", 1)]
        own_anvil.request("anvil_reorg", 2, [])
        worker.run_pass(flush=True)
        worker.memory.due.clear()  # the time to send it again has come
        worker.run_pass(flush=True)
        own_anvil.mine(3)
        worker.run_pass(flush=True)
    assert told(lines)[2:] == [("batch_taken_back", 1), ("batch_mined", 1), ("batch_final", 1)]
    mined = [line for line in lines if line["event"] == "batch_mined"]
    assert mined[0]["transaction"] == mined[1]["transaction"] == own_programme.batches()[0].transaction_hash
    counted = {
        key: value for key, value in tally.take().items() if key[0] in {BATCHES, SETTLED, REORGED, GAS_USED, BUMPS}
    }
    assert counted == {
        (BATCHES, ("0", "sent")): 1,
        (BATCHES, ("0", "taken_back")): 1,
        (BATCHES, ("0", "mined")): 2,
        (BATCHES, ("0", "final")): 1,
        (REORGED, ("0",)): 1,
        (SETTLED, ("0",)): 1,
        (GAS_USED, ("0",)): own_programme.batches()[0].gas_used,
    }
    steps = own_programme.services.tally.take()
    assert (steps[REORGS, ()], steps[REORGED_BLOCKS, ()]) == (1, 2)
    assert steps[PUSHES, ("accepted",)] >= 2, "a slow machine may find the time to send it again come by itself as well"
    assert steps[SIGNER_REQUESTS, ("signed",)] >= 1, "the same bytes are sent again: nothing is signed twice"
    assert steps[SIGNER_SECONDS, ()] > 0
    assert mined[0]["block"] != mined[1]["block"] == own_programme.batches()[0].block_number


def test_what_happened_before_a_worker_began_is_no_news(programme: Programme) -> None:
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle()
    with captured_logs() as lines:
        Worker(programme.worker()).run_pass(flush=True)
    assert told(lines) == []
