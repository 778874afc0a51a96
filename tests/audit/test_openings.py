"""Openings that are withheld, erased, missing or shown to the wrong one; checkpoints and memory; what is skipped and undone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from token_service.audit.accounts import storage
from token_service.audit.checkpoints import VERSION
from token_service.audit.report import REPLAYED, AuditReport, Status
from token_service.audit.run import Options, run_audit
from token_service.errors import InvalidInput
from token_service.ledger import tables
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewIssuance, NewMerchant
from token_service.ledger.issuances import issue
from token_service.ledger.members import freeze, unfreeze
from token_service.ledger.merchants import create_merchant
from token_service.ledger.posting import fact
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.transaction import write
from token_service.ledger.voids import void_skipped
from token_service.protocol import receipt_files

from .lying_node import serving
from .opened_programme import OpenedProgramme, findings, make_opened
from .test_honest_chain import explain, statuses
from .test_replayed_lies import DAY, RULES, bending, saying

UNKNOWN_PARTY = 5


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def close(made: OpenedProgramme, account: str, how: str) -> None:
    """Writes every batch again without the openings of an account."""
    for batch in made.chain.batches:
        shut = [
            replace(filed, id=None, opening=None, closed=how) if filed.leaf.account == account else filed  # type: ignore[arg-type]
            for filed in batch.leaves
        ]
        made.write(replace(batch, leaves=tuple(shut)))


def address(made: OpenedProgramme, member_id: str) -> str:
    with made.town.context.store.read() as connection:
        query = select(tables.members.c.address).where(tables.members.c.id == member_id)
        return str(connection.execute(query).scalar_one())


def two_members(made: OpenedProgramme) -> tuple[str, str]:
    first, second = made.town.member(), made.town.member()
    made.town.buy(first, 3_000)
    made.town.buy(second, 1_000)
    made.settle()
    return first, second


def reasons(report: AuditReport, check: str) -> str:
    return " ".join(reason for result in report.checks if result.name == check for reason in result.reasons)


def test_withheld_openings_leave_the_replay_unchecked(made: OpenedProgramme) -> None:
    first, _ = two_members(made)
    close(made, address(made, first), "withheld")
    report = made.audit()
    assert report.exit_code == 2
    assert {statuses(report)[name] for name in ("openings", *REPLAYED)} == {Status.NOT_CHECKED}
    assert report.openings is not None
    assert (report.openings.withheld_points, report.openings.opened_points) == (30, 10)
    assert "withheld" in reasons(report, "awards")


def test_an_erased_member_is_counted_and_the_others_are_replayed(made: OpenedProgramme) -> None:
    first, second = two_members(made)
    close(made, address(made, first), "erased")
    made.town.redeem(second, 5)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert report.openings is not None
    assert (report.openings.erased_points, report.openings.opened_points) == (30, 15)


def test_a_batch_without_its_file_is_not_checked(made: OpenedProgramme) -> None:
    two_members(made)
    (batch,) = made.chain.batches
    (made.folder / receipt_files.relative_path(batch.operator, batch.seq)).unlink()
    report = made.audit()
    assert report.exit_code == 2
    assert "not proved" in reasons(report, "awards")


def test_openings_beside_receipts_of_another_source(made: OpenedProgramme, tmp_path: Path) -> None:
    """The leaves come from the receipts; an opening that is not there is withheld, whatever its file says."""
    two_members(made)
    public = tmp_path / "public"
    for batch in made.chain.batches:
        path = public / receipt_files.relative_path(batch.operator, batch.seq)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(receipt_files.document(batch)))
    assert made.audit(receipts=str(public)).exit_code == 0
    (batch,) = made.chain.batches
    made.write(replace(batch, leaves=batch.leaves[1:]))
    report = made.audit(receipts=str(public))
    assert report.exit_code == 2
    assert statuses(report)["receipts"] is Status.HELD


def test_a_service_shows_openings_to_a_key(made: OpenedProgramme) -> None:
    two_members(made)
    with serving(_documents(made)) as url:
        report = made.audit(openings=url, key="mk_of_the_auditor")
        assert report.exit_code == 0, explain(report)
        with pytest.raises(InvalidInput):
            made.audit(openings=url)
    with pytest.raises(InvalidInput):
        made.audit(openings="http://points.example", key="mk_of_the_auditor")


def test_a_key_is_never_shown() -> None:
    assert "mk_secret" not in repr(Options("http://127.0.0.1", "0x", key="mk_secret"))


def _documents(made: OpenedProgramme) -> dict[str, object]:
    found: dict[str, object] = {}
    for batch in made.chain.batches:
        header = receipt_files.header(batch)
        opened = [receipt_files.opened_line(filed) for filed in batch.leaves]
        found[f"/v1/batches/{batch.operator}/{batch.seq}/openings"] = header | {"leaves": opened}
    for path in (made.folder / "rulesets").iterdir():
        found[f"/v1/rulesets/{path.stem}"] = {"document": json.loads(path.read_text())}
    return found


# --- Checkpoints and memory ------------------------------------------------------------------------------------------


def test_an_audit_goes_on_with_the_accounts_of_its_checkpoint(made: OpenedProgramme, tmp_path: Path) -> None:
    """Lots, redemptions, references and levels of the first part decide what is right in the second."""
    june, july = tmp_path / "june.json", tmp_path / "july.json"
    first, _ = two_members(made)
    redeemed = made.town.redeem(first, 20)
    made.settle()
    assert made.audit(checkpoint=june).exit_code == 0
    made.town.restore(redeemed.value.id, 5)
    made.town.pass_time(31 * DAY)
    made.settle()
    report = made.audit(since=(june,), checkpoint=july)
    assert report.exit_code == 0, explain(report)
    assert report.openings is not None
    assert report.openings.opened == report.counts["leaves"]
    made.town.buy(first, 500)
    made.bend = bending("issuance", lambda leaf: saying(leaf, reference="ref-2"))
    made.settle()
    found = findings(made.audit(since=(july,)), "references")
    assert len(found) == 1
    assert "recorded twice" in found[0].detail


def test_a_newer_checkpoint_of_the_same_name_leaves_one_file_of_accounts(made: OpenedProgramme, tmp_path: Path) -> None:
    june = tmp_path / "june.json"
    two_members(made)
    made.audit(checkpoint=june)
    made.chain.wait(60)
    made.town.buy(made.town.member(), 700)
    made.settle()
    assert made.audit(since=(june,), checkpoint=june).exit_code == 0
    assert len(list(tmp_path.glob("june.json.*"))) == 1


@pytest.mark.parametrize("harm", ["missing", "changed", "without", "older"])
def test_without_the_accounts_of_its_checkpoint_nothing_is_replayed(
    made: OpenedProgramme, tmp_path: Path, harm: str
) -> None:
    june = tmp_path / "june.json"
    two_members(made)
    made.audit(checkpoint=june, **({"openings": None} if harm == "without" else {}))
    june.write_text(june.read_text().replace(f'"v": {VERSION}', '"v": 1') if harm == "older" else june.read_text())
    for accounts in () if harm == "older" else tmp_path.glob("june.json.*"):
        if harm == "missing":
            accounts.unlink()
        else:
            accounts.write_bytes(accounts.read_bytes() + b" ")
    report = made.audit(since=(june,))
    assert report.exit_code == 2
    assert {statuses(report)[name] for name in REPLAYED} == {Status.NOT_CHECKED}
    assert "june.json" in reasons(report, "lots") or "without openings" in reasons(report, "lots")


def test_accounts_on_disk_replay_as_those_in_memory(made: OpenedProgramme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every account is written away behind each batch, and read again."""
    monkeypatch.setattr(storage, "SIZE_MAX", 1)
    members = [made.town.member() for _ in range(4)]
    for day in range(6):
        for number, member in enumerate(members):
            bought = made.town.buy(member, 1_000 * (1 + number), items=())
            if day % 2:
                made.town.refund(bought.value.id, 400)
                made.town.redeem(member, 3)
        made.settle()
        made.town.pass_time(8 * DAY)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


# --- Facts, skips, voids ---------------------------------------------------------------------------------------------


def test_a_fact_of_an_unknown_kind_is_counted(made: OpenedProgramme) -> None:
    member, _ = two_members(made)
    write(
        made.town.context,
        lambda tx: fact(tx, tx.account(member), "raffle_won", operation=None, more={"prize": "free-coffee"}),
    )
    made.town.buy(member, 1_000)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert report.openings is not None
    assert report.openings.not_interpreted == {"raffle_won": 1}


def test_leaves_that_wait_behind_a_freeze_are_not_hidden(made: OpenedProgramme) -> None:
    """The facts of a frozen member overtake the entries, which wait."""
    member, _ = two_members(made)
    made.town.redeem(member, 5)
    freeze(made.town.context, Actor.admin(), member, "a stolen phone")
    made.chain.admin("setFrozen", address(made, member), True)
    made.bend = lambda found: [leaf for leaf in found if leaf.kind == 0]
    with made.town.context.store.read() as connection:
        entry = connection.execute(select(leaves.c.id).where(leaves.c.state == "accepted")).scalars().first()
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert report.openings is not None
    assert len(report.openings.waiting) == 1
    unfreeze(made.town.context, Actor.admin(), member, "found again")
    made.chain.admin("setFrozen", address(made, member), False)
    _accept_again(made, entry)
    made.bend = list
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert report.openings is not None
    assert not report.openings.waiting


def test_an_entry_that_was_deferred_is_replayed_once(made: OpenedProgramme) -> None:
    """Skipped at its merchant's ceiling, it comes again under a higher one; later leaves were settled meanwhile."""
    member = made.town.member()
    made.chain.admin("setCeiling", 2, 10, 86_400)
    issued = made.town.issue(member, 100)
    made.town.adjust(member, 5)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert report.counts["skipped"] == 1
    made.chain.admin("setCeiling", 2, 1_000, 86_400)
    made.chain.wait(60)
    _accept_again(made, issued.entries[0].id)
    made.settle()
    made.town.redeem(member, 105)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    _accept_again(made, issued.entries[0].id)
    made.settle()
    assert "is there twice" in findings(made.audit(), "references")[0].detail


def test_what_the_contract_refused_for_good_is_undone_in_the_replay(made: OpenedProgramme) -> None:
    """A credit of a merchant that the chain does not know, half of it spent: taken back, the rest owed, then paid."""
    stranger = create_merchant(made.town.context, Actor.admin(), NewMerchant("Stranger"))
    member = made.town.member(Actor.merchant(stranger.id))
    refused = issue(made.town.context, Actor.merchant(stranger.id), NewIssuance("gift/1", member, 100, "a gift"))
    made.town.adjust(member, 20)
    made.town.adjust(member, -60)
    made.settle()
    void(made, refused.entries[0].id)
    unfreeze(made.town.context, Actor.admin(), member, "looked at")
    assert made.town.balance(member).debt > 0
    made.town.adjust(member, 200)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_void_of_an_applied_entry_is_named(made: OpenedProgramme) -> None:
    member, _ = two_members(made)
    with made.town.context.store.read() as connection:
        entry = connection.execute(select(tables.entries.c.id).where(tables.entries.c.member_id == member)).scalar_one()
    void(made, entry)
    made.settle()
    assert "did not refuse" in findings(made.audit(), "history")[0].detail


def test_an_award_that_nobody_issued_is_told(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    made = make_opened(node_url, tmp_path, keys_folder, RULES + "return_window: P2D\n")
    made.town.buy(made.town.member(), 2_390)
    made.settle()
    made.chain.wait(int(timedelta(days=5).total_seconds()))
    made.chain.admin("setCeiling", 1, 5, 0)
    report = made.audit()
    assert report.openings is not None
    assert (report.openings.overdue_awards, report.openings.overdue_points) == (1, 23)


def _accept_again(made: OpenedProgramme, leaf_id: Any) -> None:
    with made.town.context.store.write() as connection:
        connection.execute(update(leaves).where(leaves.c.id == leaf_id).values(state="accepted"))


def void(made: OpenedProgramme, entry_id: str) -> None:
    with made.town.context.store.write() as connection:
        void_skipped(connection, made.town.context, entry_id, UNKNOWN_PARTY)


def test_an_audit_without_openings_says_so(made: OpenedProgramme) -> None:
    two_members(made)
    report = run_audit(Options(made.chain.url, made.chain.contract, block="latest"))
    assert report.exit_code == 0
    assert report.openings is None
    assert {statuses(report)[name] for name in REPLAYED} == {Status.NOT_CHECKED}


# --- What the service learns late ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "is_right"), [(0.5, True), (3, False)])
def test_a_service_may_take_an_hour_to_learn_of_new_rules(made: OpenedProgramme, hours: float, is_right: bool) -> None:
    """The chain knows an addendum at once; what is decided by its base soon after is no lie, and hours later it is one."""
    base = made.rulesets[0]
    addendum = made.publish(RULES.replace("points: 40}]", "points: 40}, {id: tea, kind: gift, points: 30}]"), base=base)
    made.town.clock.at += timedelta(hours=hours)
    made.town.buy(made.town.member(), 2_390)
    made.bend = bending("issuance", lambda leaf: saying(leaf, ruleset=base))
    made.settle()
    report = made.audit()
    found = findings(report, "decisions")
    assert report.exit_code == (0 if is_right else 1), explain(report)
    assert [(one.expected, one.found) for one in found] == ([] if is_right else [(addendum, base)])
