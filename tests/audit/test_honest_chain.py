"""What an honest programme looks like to the auditor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from token_service.audit import checkpoints
from token_service.audit.report import AuditReport, Status
from token_service.audit.run import Options, Progress, run_audit
from token_service.protocol.words import EntryWord

from .programme import ALICE, BOB, DAY, MEMBER, MEMBER_KEY, OPERATOR, RULES, RULESET, Programme


def audit(programme: Programme, **more: object) -> AuditReport:
    return run_audit(Options(programme.url, programme.contract.lower(), block="latest", **more))  # type: ignore[arg-type]


def statuses(report: AuditReport) -> dict[str, Status]:
    return {check.name: check.status for check in report.checks}


def explain(report: AuditReport) -> str:
    return "\n".join(
        f"{check.name} {check.status} {[str(f) for f in check.findings]} {check.reasons}" for check in report.checks
    )


def test_an_honest_chain_holds_every_check(settled: Programme) -> None:
    seen: list[Progress] = []
    report = audit(settled, receipts=str(settled.folder), progress=seen.append)
    assert report.exit_code == 0, explain(report)
    asked = {check.name for check in report.checks if check.is_requested}
    assert {statuses(report)[name] for name in asked} == {Status.HELD}
    assert statuses(report)["openings"] is Status.NOT_CHECKED
    assert report.sequences == {OPERATOR: 3}
    assert report.counts == {
        "transactions": 12, "batches": 3, "entries": 7, "skipped": 1, "transfers": 7, "leaves": 11, "facts": 3,
    }  # fmt: skip
    assert report.totals["issued"] == 800
    assert report.witnessed_by == "nobody"
    assert seen[-1].block == report.block.number
    json.dumps(report.to_json())


def test_an_empty_programme_holds_too(programme: Programme) -> None:
    assert audit(programme).exit_code == 0


def test_what_nobody_asked_for_does_not_count(settled: Programme) -> None:
    report = audit(settled)
    assert report.exit_code == 0
    assert statuses(report)["receipts"] is Status.NOT_CHECKED


def test_notice_windows_and_limits_are_replayed_over_time(node_url: str, tmp_path: Path) -> None:
    programme = Programme(node_url, tmp_path / "receipts", notice=2 * DAY)
    programme.deploy()
    programme.settle(EntryWord(BOB, 1, 2, 1_000))
    programme.admin("setCeiling", 2, 5_000, DAY)
    programme.admin("setDebitLimit", OPERATOR, 20_000)
    now = programme.now()
    programme.admin("publishRuleset", "0x" + "ab" * 32, "https://points.example", now + 3 * DAY)
    programme.wait(DAY)
    programme.settle(EntryWord(BOB, 1, 2, 1_000), EntryWord(BOB, 1, 2, 1))
    programme.wait(3 * DAY)
    programme.settle(EntryWord(BOB, 1, 2, 4_000), EntryWord(BOB, 2, 2, 3_000), ruleset="0x" + "ab" * 32)
    programme.admin("setCeiling", 2, 10, 0)
    programme.settle(EntryWord(BOB, 1, 2, 5), EntryWord(BOB, 7, 1, 7))
    programme.admin("publishAddendum", "0x" + "ab" * 32, "0x" + "ac" * 32, "")
    programme.settle(EntryWord(BOB, 3, 0, 7), ruleset="0x" + "ac" * 32)
    report = audit(programme)
    assert report.exit_code == 0, explain(report)
    assert report.counts["skipped"] == 2


def test_self_custody_redemption_pause_and_sunset_are_replayed(programme: Programme) -> None:
    programme.settle(EntryWord(MEMBER, 1, 1, 100), EntryWord(ALICE, 1, 1, 50))
    programme.bind(MEMBER, MEMBER_KEY, expires_at=programme.now() + 10 * DAY)
    programme.redeem(MEMBER, MEMBER_KEY, 30, nonce=1)
    programme.settle(EntryWord(MEMBER, 2, 2, 5), EntryWord(ALICE, 5, 2, 30))
    programme.admin("pause")
    programme.admin("unpause")
    programme.admin("setFrozen", ALICE, True)
    programme.settle(EntryWord(ALICE, 2, 2, 5))
    programme.admin("setFrozen", ALICE, False)
    programme.wait(11 * DAY)
    programme.settle(EntryWord(MEMBER, 3, 0, 20))
    programme.admin("announceSunset", programme.now() + 40 * DAY)
    programme.settle(EntryWord(ALICE, 3, 0, 5), EntryWord(ALICE, 2, 2, 5))
    programme.wait(41 * DAY)
    programme.settle(EntryWord(ALICE, 1, 1, 5), EntryWord(ALICE, 3, 0, 5))
    report = audit(programme, receipts=str(programme.folder))
    assert report.exit_code == 0, explain(report)
    assert report.counts["skipped"] == 4
    assert report.totals["redeemed_by_signature"] == 30


def test_ruleset_documents_hash_to_what_was_published(settled: Programme, tmp_path: Path) -> None:
    folder = tmp_path / "rulesets"
    folder.mkdir()
    (folder / "first.json").write_text(json.dumps(json.loads(RULES), indent=2))
    report = audit(settled, rulesets=str(folder))
    assert report.exit_code == 0, explain(report)
    assert statuses(report)["ruleset_documents"] is Status.HELD


def test_a_missing_document_could_not_be_checked(settled: Programme, tmp_path: Path) -> None:
    report = audit(settled, rulesets=str(tmp_path))
    assert report.exit_code == 2
    (check,) = [check for check in report.checks if check.name == "ruleset_documents"]
    assert RULESET in check.reasons[0]


def test_receipts_that_are_not_there_could_not_be_checked(settled: Programme, tmp_path: Path) -> None:
    report = audit(settled, receipts=str(tmp_path / "nowhere"))
    assert report.exit_code == 2
    assert statuses(report)["receipts"] is Status.NOT_CHECKED


def test_an_audit_goes_on_from_its_checkpoint(settled: Programme, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    first = audit(settled, receipts=str(settled.folder), checkpoint=path)
    settled.settle(EntryWord(ALICE, 1, 1, 70))
    second = audit(settled, receipts=str(settled.folder), since=(path,), checkpoint=path)
    whole = audit(settled, receipts=str(settled.folder))
    assert second.exit_code == 0, explain(second)
    assert second.from_block == first.block.number + 1
    assert second.witnessed_by == "1 checkpoint"
    assert (second.counts, second.totals, second.sequences) == (whole.counts, whole.totals, whole.sequences)
    kept = checkpoints.read(path)
    assert kept.is_complete
    assert (kept.block.hash, kept.sequences) == (whole.block.hash, {OPERATOR: 4})


def test_an_audit_that_went_on_without_receipts_says_so(settled: Programme, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    audit(settled, checkpoint=path)
    report = audit(settled, receipts=str(settled.folder), since=(path,))
    assert report.exit_code == 2


@pytest.mark.parametrize("block", ["finalized", "safe", "2"])
def test_the_block_is_named_in_the_report(settled: Programme, block: str) -> None:
    settled.rpc("anvil_mine", "0x80")
    report = run_audit(Options(settled.url, settled.contract, block=block))
    assert report.block.tag in (block, f"number {block}")
    assert report.block.hash == settled.rpc("eth_getBlockByNumber", hex(report.block.number), False)["hash"]
