"""Each kind of lie is planted on a real chain, or by a node that bends its answers, and must be named."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from token_service.audit.report import AuditReport, Finding
from token_service.audit.run import Options, run_audit
from token_service.protocol import events, receipts
from token_service.protocol.contract_build import contract_build, expected_immutables
from token_service.protocol.hashing import ZERO_ADDRESS, from_hex, text_hash, to_hex
from token_service.protocol.receipt_files import BatchReceipts
from token_service.protocol.transactions import contract_address
from token_service.protocol.words import EntryWord

from .cheats import EMITS_WHAT_IT_IS_SENT, other_code, other_word
from .lying_node import lying_node
from .programme import ADMIN, ALICE, BOB, DAY, MEMBER, MEMBER_KEY, OPERATOR, RULES, RULESET, Programme
from .test_honest_chain import audit, explain


def findings(report: AuditReport, check: str) -> list[Finding]:
    assert report.exit_code == 1, explain(report)
    found = [finding for result in report.checks if result.name == check for finding in result.findings]
    assert found, explain(report)
    return found


def change_leaf(batch: BatchReceipts, index: int, **changes: Any) -> BatchReceipts:
    filed = list(batch.leaves)
    filed[index] = dataclasses.replace(filed[index], leaf=dataclasses.replace(filed[index].leaf, **changes))
    return dataclasses.replace(batch, leaves=tuple(filed))


def bent(programme: Programme, bend: Callable[[str, list[Any], Any], Any], **more: Any) -> AuditReport:
    with lying_node(programme.url, bend) as url:
        return run_audit(Options(url, programme.contract, block="latest", **more))


def bend_logs(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[str, list[Any], Any], Any]:
    def bend(method: str, _: list[Any], answer: Any) -> Any:
        return {**answer, "result": change(answer["result"])} if method == "eth_getLogs" else answer

    return bend


# --- Receipts --------------------------------------------------------------------------------------------------------


def test_a_changed_receipt_is_named_with_both_values(settled: Programme) -> None:
    settled.file(change_leaf(settled.batches[0], 1, amount=301))
    report = audit(settled, receipts=str(settled.folder))
    changed, root = findings(report, "receipts")
    assert (changed.seq, changed.index) == (1, 1)
    assert "300 points" in str(changed.expected)
    assert "301 points" in str(changed.found)
    assert root.expected == settled.batches[0].receipts_root


def test_a_changed_commitment_is_named(settled: Programme) -> None:
    settled.file(change_leaf(settled.batches[1], 0, commitment="0x" + "ee" * 32))
    (root,) = findings(audit(settled, receipts=str(settled.folder)), "receipts")
    assert (root.seq, root.detail) == (2, "the leaves do not hash to the batch's root")


def test_a_missing_leaf_is_named(settled: Programme) -> None:
    batch = settled.batches[0]
    settled.file(dataclasses.replace(batch, leaves=batch.leaves[:2] + batch.leaves[3:]))
    missing, *_ = findings(audit(settled, receipts=str(settled.folder)), "receipts")
    assert (missing.seq, missing.index, missing.detail) == (1, 2, "a leaf is missing")


def test_a_leaf_that_stands_twice_is_named(settled: Programme) -> None:
    batch = settled.batches[0]
    settled.file(dataclasses.replace(batch, leaves=(*batch.leaves, batch.leaves[3])))
    assert "twice" in " ".join(f.detail for f in findings(audit(settled, receipts=str(settled.folder)), "receipts"))


def test_a_fact_that_moves_points_is_named(settled: Programme) -> None:
    settled.file(change_leaf(settled.batches[0], 4, amount=5))
    first, *_ = findings(audit(settled, receipts=str(settled.folder)), "receipts")
    assert (first.index, first.detail) == (4, "a leaf behind the words is no fact")


def test_receipts_of_another_batch_are_named(settled: Programme) -> None:
    path = settled.folder / OPERATOR.lower()
    (path / "2").write_text((path / "1").read_text())
    details = [f.detail for f in findings(audit(settled, receipts=str(settled.folder)), "receipts")]
    assert "the sequence of the receipts is not that of the chain" in details


def test_torn_receipts_are_named(settled: Programme) -> None:
    path = settled.folder / OPERATOR.lower() / "3"
    path.write_text(path.read_text()[:-20])
    (torn,) = findings(audit(settled, receipts=str(settled.folder)), "receipts")
    assert torn.seq == 3


# --- Transfers, batches, totals --------------------------------------------------------------------------------------


def emit_transfer(programme: Programme, source: str, target: str, amount: int) -> None:
    words = [bytes(12) + from_hex(source), bytes(12) + from_hex(target), amount.to_bytes(32)]
    programme.send(BOB, programme.contract, from_hex(events.topic(events.Transfer)) + b"".join(words))


def test_a_transfer_outside_a_batch_is_named(settled: Programme) -> None:
    with other_code(settled, EMITS_WHAT_IT_IS_SENT):
        emit_transfer(settled, ZERO_ADDRESS, ALICE, 1_000_000)
    (outside,) = findings(audit(settled), "transfers")
    assert "1000000 from" in str(outside.found)
    assert outside.block == int(settled.rpc("eth_blockNumber"), 16)


def test_a_transfer_between_members_while_closed_is_named(settled: Programme) -> None:
    with other_code(settled, EMITS_WHAT_IT_IS_SENT):
        emit_transfer(settled, ALICE, BOB, 5)
    (outside,) = findings(audit(settled), "transfers")
    assert "open transfer" in outside.detail


def test_a_transfer_that_differs_from_its_word_is_named(settled: Programme) -> None:
    def change(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        first = next(log for log in logs if log["topics"][0] == events.topic(events.Transfer))
        return [{**log, "data": "0x" + f"{501:064x}"} if log is first else log for log in logs]

    report = bent(settled, bend_logs(change))
    (differs,) = findings(report, "transfers")
    assert (differs.seq, differs.index) == (1, 0)
    assert (str(differs.expected)[:4], str(differs.found)[:4]) == ("500 ", "501 ")
    assert findings(report, "totals")


def test_a_skip_that_names_another_entry_is_named(settled: Programme) -> None:
    def change(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        topic = events.topic(events.EntrySkipped)
        return [
            {**log, "data": "0x" + f"{1:064x}" + log["data"][66:]} if log["topics"][0] == topic else log for log in logs
        ]

    (skip,) = findings(bent(settled, bend_logs(change)), "transfers")
    assert (skip.seq, skip.index, skip.expected, skip.found) == (3, 0, "0", "1")


def test_a_hidden_batch_is_named(settled: Programme) -> None:
    def change(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        settled_logs = [log for log in logs if log["topics"][0] == events.topic(events.BatchSettled)]
        return [log for log in logs if log["transactionHash"] != settled_logs[1]["transactionHash"]]

    report = bent(settled, bend_logs(change))
    (gap,) = findings(report, "sequences")
    assert (gap.expected, gap.found, gap.seq) == ("2", "3", 3)
    assert "totals().redeemed" in findings(report, "totals")[0].detail


def test_a_repeated_sequence_is_named(settled: Programme) -> None:
    with other_word(settled, "address", OPERATOR, lambda word: word & (2**64 - 1) == 3, lambda word: word - 1):
        settled.seqs[OPERATOR] = 2
        settled.settle(EntryWord(ALICE, 1, 1, 9))
    repeated, *_ = findings(audit(settled), "sequences")
    assert (repeated.detail, repeated.expected, repeated.found) == ("a sequence is repeated", "4", "3")


def test_a_batch_of_an_operator_without_the_role_is_named(settled: Programme) -> None:
    def change(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [log for log in logs if log["topics"][:2] != [events.topic(events.RoleGranted), text_hash("SETTLER")]]

    assert "never made a settler" in findings(bent(settled, bend_logs(change)), "sequences")[0].detail


def test_words_of_another_transaction_are_named(settled: Programme) -> None:
    wrong = settled.settle_data(settled.batches[0])

    def bend(method: str, params: list[Any], answer: Any) -> Any:
        if method == "eth_getTransactionByHash" and answer["result"]["input"] != to_hex(wrong):
            return {**answer, "result": {**answer["result"], "input": to_hex(wrong)}}
        return answer

    details = {finding.detail for finding in findings(bent(settled, bend), "transfers")}
    assert "the sequence of the batch's event is not that of its transaction" in details


def test_false_totals_are_named(settled: Programme) -> None:
    slot = next(
        hex(place) for place in range(60)
        if int(settled.rpc("eth_getStorageAt", settled.contract, hex(place), "latest"), 16) & (2**128 - 1)
        == 200 << 64 | 800
    )  # fmt: skip
    word = int(settled.rpc("eth_getStorageAt", settled.contract, slot, "latest"), 16)
    settled.rpc("anvil_setStorageAt", settled.contract, slot, to_hex((word + 1_000).to_bytes(32)))
    issued, supply = findings(audit(settled), "totals")
    assert (issued.expected, issued.found) == ("800", "1800")
    assert "totalSupply" in supply.detail


# --- What bounds operators -------------------------------------------------------------------------------------------


def test_a_ceiling_that_was_passed_is_named(settled: Programme) -> None:
    with other_word(settled, "uint256", 2, lambda word: word & (2**64 - 1) == 1_000, lambda word: word + 50_000):
        settled.settle(EntryWord(BOB, 1, 2, 600), EntryWord(BOB, 1, 2, 200))
    passed, *_ = findings(audit(settled), "ceilings")
    assert (passed.seq, passed.index, passed.expected, passed.found) == (4, 1, "≤ 1000", "1100")


def test_a_debit_limit_that_was_passed_is_named(settled: Programme) -> None:
    settled.settle(EntryWord(ALICE, 1, 1, 20_000))
    with other_word(settled, "address", OPERATOR, lambda word: word & (2**64 - 1) == 4, lambda w: w | 0xFFFF << 64):
        settled.settle(EntryWord(ALICE, 2, 1, 15_000))
    passed, *_ = findings(audit(settled), "debit_limits")
    assert (passed.seq, passed.expected, passed.found) == (5, "≤ 10000", "15265"), "50 restored points count too"


def test_a_ruleset_that_was_used_before_it_was_in_force_is_named(node_url: str, tmp_path: Path) -> None:
    programme = Programme(node_url, tmp_path / "receipts", notice=2 * DAY)
    programme.deploy()
    effective_at, next_hash = programme.now() + 3 * DAY, "0x" + "ab" * 32
    programme.admin("publishRuleset", next_hash, "", effective_at)
    with other_word(
        programme, "bytes32", next_hash, lambda word: word & (2**40 - 1) == effective_at, lambda w: w - effective_at
    ):
        programme.settle(EntryWord(ALICE, 1, 1, 5), ruleset=next_hash)
    (early,) = findings(audit(programme), "rulesets")
    assert early.expected == f"not before {effective_at}"
    assert early.seq == 1


def test_a_ruleset_that_nobody_published_is_named(settled: Programme) -> None:
    def change(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [log for log in logs if log["topics"][0] != events.topic(events.RulesetPublished)]

    assert findings(bent(settled, bend_logs(change)), "rulesets")[0].found == RULESET


def test_a_ceiling_raised_without_notice_is_named(node_url: str, tmp_path: Path) -> None:
    programme = Programme(node_url, tmp_path / "receipts", notice=2 * DAY)
    programme.deploy()
    programme.admin("setCeiling", 2, 5_000, DAY)

    def change(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        last = [log for log in logs if log["topics"][0] == events.topic(events.CeilingSet)][-1]
        early = last["data"][:-64] + f"{programme.now() + DAY:064x}"
        return [{**log, "data": early} if log is last else log for log in logs]

    (finding,) = findings(bent(programme, bend_logs(change)), "notice")
    assert "party 2" in finding.detail


def test_a_lowered_self_custody_balance_is_named(programme: Programme) -> None:
    programme.settle(EntryWord(MEMBER, 1, 1, 100))
    programme.bind(MEMBER, MEMBER_KEY)
    flag = 1 << 232
    with other_word(programme, "address", MEMBER, lambda word: word & flag != 0, lambda word: word & ~flag):
        programme.settle(EntryWord(MEMBER, 2, 2, 40))
    (lowered,) = findings(audit(programme), "custody")
    assert (lowered.seq, lowered.index) == (2, 0)
    assert "40 of" in str(lowered.found)


def test_a_touched_frozen_account_is_named(settled: Programme) -> None:
    settled.admin("setFrozen", ALICE, True)
    flag = 1 << 233
    with other_word(settled, "address", ALICE, lambda word: word & flag != 0, lambda word: word & ~flag):
        settled.settle(EntryWord(ALICE, 2, 2, 1))
    (frozen,) = findings(audit(settled), "custody")
    assert frozen.found == ALICE


# --- The contract itself ---------------------------------------------------------------------------------------------


def test_another_code_is_named(settled: Programme) -> None:
    settled.rpc("anvil_setCode", settled.contract, EMITS_WHAT_IT_IS_SENT)
    (wrong,) = findings(audit(settled), "bytecode")
    assert wrong.found == "21 other bytes"


def test_an_address_without_code_is_named(settled: Programme) -> None:
    report = run_audit(Options(settled.url, BOB, block="latest"))
    assert findings(report, "bytecode")[0].found == "no code"


def test_a_false_constant_is_named(settled: Programme) -> None:
    code = bytearray(from_hex(settled.rpc("eth_getCode", settled.contract, "latest")))
    for start in contract_build().immutables["_cachedThis"]:
        code[start + 31] ^= 1
    settled.rpc("anvil_setCode", settled.contract, to_hex(bytes(code)))
    (wrong,) = findings(audit(settled), "bytecode")
    assert "_cachedThis" in wrong.detail


def test_another_constructor_is_named(node_url: str, tmp_path: Path) -> None:
    """The right code with the right constants, but made by init code that could have filled the storage first."""
    programme = Programme(node_url, tmp_path / "receipts")
    nonce = int(programme.rpc("eth_getTransactionCount", ADMIN, "latest"), 16)
    constants = expected_immutables(
        chain_id=int(programme.rpc("eth_chainId"), 16),
        address=from_hex(contract_address(ADMIN, nonce)),
        deployed_at=int(programme.rpc("eth_blockNumber"), 16) + 1,
        notice_period=0,
        sunset_notice=0,
    )
    code = bytearray(contract_build().deployed_bytecode)
    for name, places in contract_build().immutables.items():
        for place in places:
            code[place : place + 32] = constants[name]
    init = b"\x61" + len(code).to_bytes(2) + from_hex("0x80600a5f395ff3")
    made = programme.send(ADMIN, None, init + bytes(code))
    programme.contract = made["contractAddress"]
    (wrong,) = findings(audit(programme), "bytecode")
    assert "another constructor" in wrong.detail


# --- Checkpoints -----------------------------------------------------------------------------------------------------


def test_a_rebuilt_chain_is_refused_by_its_checkpoint(programme: Programme, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    before = programme.rpc("evm_snapshot")
    programme.settle(EntryWord(ALICE, 1, 1, 500))
    assert audit(programme, checkpoint=path).exit_code == 0
    programme.rpc("evm_revert", before)
    programme.seqs.clear()
    programme.wait(100)
    programme.settle(EntryWord(ALICE, 1, 1, 400))
    report = audit(programme, since=(path,))
    (rebuilt,) = findings(report, "checkpoint")
    kept = json.loads(path.read_text())
    assert rebuilt.expected == kept["block"]["hash"]
    assert rebuilt.found == programme.rpc("eth_getBlockByNumber", hex(kept["block"]["number"]), False)["hash"]
    assert report.witnessed_by == "nobody"


def test_a_chain_that_ends_before_the_checkpoint_is_refused(programme: Programme, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    before = programme.rpc("evm_snapshot")
    programme.settle(EntryWord(ALICE, 1, 1, 500))
    audit(programme, checkpoint=path)
    programme.rpc("evm_revert", before)
    assert "ends at" in str(findings(audit(programme, since=(path,)), "checkpoint")[0].found)


def test_a_checkpoint_of_another_contract_is_refused(settled: Programme, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    audit(settled, checkpoint=path)
    report = run_audit(Options(settled.url, BOB, since=(path,), block="latest"))
    assert findings(report, "checkpoint")[0].expected == settled.contract


def test_findings_before_a_checkpoint_are_not_forgotten(settled: Programme, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    with other_code(settled, EMITS_WHAT_IT_IS_SENT):
        emit_transfer(settled, ZERO_ADDRESS, ALICE, 7)
    audit(settled, checkpoint=path)
    settled.settle(EntryWord(ALICE, 1, 1, 1))
    (outside,) = findings(audit(settled, since=(path,)), "transfers")
    assert "7 from" in str(outside.found)


# --- Rulesets --------------------------------------------------------------------------------------------------------


def test_a_changed_document_is_not_found_by_its_hash(settled: Programme, tmp_path: Path) -> None:
    folder = tmp_path / "rulesets"
    folder.mkdir()
    (folder / "first.json").write_text(RULES.replace('"points":1', '"points":2', 1))
    assert audit(settled, rulesets=str(folder)).exit_code == 2


def test_an_addendum_that_takes_something_away_is_named(settled: Programme, tmp_path: Path) -> None:
    document = json.loads(RULES)
    document["program"]["name"] = "Another name"
    text = receipts.jcs(document)
    settled.admin("publishAddendum", RULESET, text_hash(text), "")
    folder = tmp_path / "rulesets"
    folder.mkdir()
    (folder / "base.json").write_text(RULES)
    (folder / "addendum.json").write_text(text)
    (more,) = findings(audit(settled, rulesets=str(folder)), "ruleset_documents")
    assert "/program" in more.detail


def test_a_published_document_that_is_no_ruleset_is_named(settled: Programme, tmp_path: Path) -> None:
    """It hashes to what was published, and says nothing that anybody could replay."""
    text = receipts.jcs({"rules": "as we please"})
    settled.admin("publishRuleset", text_hash(text), "", settled.now() + 30 * DAY)
    folder = tmp_path / "rulesets"
    folder.mkdir()
    (folder / "base.json").write_text(RULES)
    (folder / "empty.json").write_text(text)
    (empty,) = findings(audit(settled, rulesets=str(folder)), "ruleset_documents")
    assert "is no ruleset" in empty.detail
