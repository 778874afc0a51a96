"""The auditor's memory: a replay keeps accounts on disk, so four times the accounts and entries need no more of it."""

from __future__ import annotations

import gc
import re
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from token_service.audit.accounts import storage
from token_service.audit.batches import Batch
from token_service.audit.openings import OpeningCheck
from token_service.audit.report import Findings
from token_service.audit.sources import document_source
from token_service.audit.state import PublishedRuleset, State
from token_service.protocol import json_text, receipts
from token_service.protocol.hashing import hash_to_bytes
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf

from .opened_programme import OpenedProgramme, make_opened
from .programme import OPERATOR, START, person

RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning:
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: hello, kind: event, event: member.joined, points: 5, once_per: person}
tiers:
  qualify_by: spend
  window: {kind: lifetime}
  levels: [{id: bronze, from: 0}, {id: gold, from: 5000}]
limits: {per_member_day_points: 500}
redemption: {per_member_day_points: 300}
rewards: [{id: coffee, kind: gift, points: 9, per_member: {times: 9}}]
"""
PEOPLE = 25
OTHERS = [tracemalloc.Filter(False, path) for path in (json_text.__file__, "*/re/*.py", __file__)]
"""What is not the replay's: words of JSON that its reader remembers, up to a number of its own; and this test."""
_IDS = re.compile(r"\b((?!mrc)[a-z]{3}_[0-9A-Z]{20})[0-9A-Z]{6}\b")
_REFERENCE = re.compile(r'("reference":"[^"]+)"')


def test_memory_is_flat_in_accounts_and_entries(
    node_url: str, tmp_path: Path, keys_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "Auditor memory flat": what is kept in memory is bounded by `SIZE_MAX`, here a small one."""
    made = make_opened(node_url, tmp_path, keys_folder, RULES)
    one = life(made)
    monkeypatch.setattr(storage, "SIZE_MAX", 300)
    kept_of(made, one, 8)  # what is read once: forms, rules
    few, many = kept_of(made, one, PEOPLE), kept_of(made, one, 4 * PEOPLE)
    assert many < few * 1.5, (
        few,
        many,
    )  # a few bounded caches fill up; accounts that stayed would make it four times as much


def life(made: OpenedProgramme) -> BatchReceipts:
    """One member's leaves."""
    member = made.town.member()
    for _ in range(3):
        bought = made.town.buy(member, 2_500).value
        made.town.redeem(member, None, reward_id="coffee")
        made.town.redeem(member, 3)
        made.town.refund(bought.id, 400)
        made.town.clock.forward(timedelta(days=1))
    made.settle()
    (batch,) = made.chain.batches
    return batch


def kept_of(made: OpenedProgramme, one: BatchReceipts, people: int) -> int:
    """Bytes that stay when so many members with that life were replayed, each in a batch of their own."""
    state, findings = State(), Findings()
    state.rulesets[made.rulesets[0]] = PublishedRuleset(START, START, None)
    state.last_line_effective_at = START
    check = OpeningCheck(None, document_source(str(made.folder / "rulesets")), state=state, findings=findings)
    settled_at = int(made.town.clock.at.timestamp()) + 60
    gc.freeze()  # what the tests before left is nothing to look through
    tracemalloc.start()
    try:
        for number in range(people):
            leaves = anew(one, number)
            batch = Batch(
                OPERATOR, number + 1, one.ruleset_hash, one.receipts_root, number, settled_at, f"0x{number:064x}"
            )
            check.check(batch, leaves)
        check.finish(settled_at)
        gc.collect()
        kept = tracemalloc.take_snapshot().filter_traces(OTHERS)
    finally:
        tracemalloc.stop()
        gc.unfreeze()
        check.close()
    assert findings.kept == []
    assert state.openings.opened == people * len(one.leaves)
    return sum(one.size for one in kept.statistics("filename"))


def anew(one: BatchReceipts, number: int) -> BatchReceipts:
    """The same life of another member: own account, ids and references."""
    return replace(one, seq=number + 1, leaves=tuple(_anew(filed, number) for filed in one.leaves))


def _anew(filed: FiledLeaf, number: int) -> FiledLeaf:
    assert filed.opening is not None
    text = _IDS.sub(lambda found: f"{found[1]}{number:06d}", filed.opening.detail)
    text = _REFERENCE.sub(lambda found: f'{found[1]}-{number}"', text)
    told = receipts.commitment(hash_to_bytes(filed.opening.salt), text)
    leaf = replace(filed.leaf, seq=number + 1, account=person(1_000 + number), commitment=told)
    return replace(filed, leaf=leaf, opening=replace(filed.opening, detail=text))
