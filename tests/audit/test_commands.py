"""`mereau audit` and `mereau verify` as people and scripts call them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from token_service.cli.audit_commands import audit, verify
from token_service.protocol import promises, receipt_files, receipts

from .lying_node import serving
from .programme import CHARLIE, PROMISE_KEY, Programme, address_of, save

BLOCKED = (
    "flask",
    "sqlalchemy",
    "web3",
    "eth",
    "eth_tester",
    "nacl",
    "pydantic_settings",
    "psycopg",
    "granian",
    "structlog",
)


def run_audit(programme: Programme, *more: str) -> Result:
    command = ["--rpc", programme.url, "--contract", programme.contract, "--block", "latest", *more]
    return CliRunner().invoke(audit, command)


def run_verify(programme: Programme, path: Path, *more: str) -> Result:
    return CliRunner().invoke(verify, [str(path), "--rpc", programme.url, *more])


def test_an_audit_that_holds_ends_with_0_and_says_who_witnesses(settled: Programme) -> None:
    result = run_audit(settled, "--receipts", str(settled.folder))
    assert result.exit_code == 0, result.output
    assert "witnessed by: nobody" in result.output
    assert "All requested checks held." in result.output
    assert "not checked" in result.output
    assert "3 batches · 7 entries · 1 skipped" in result.output


def test_an_audit_in_json_is_one_object(settled: Programme) -> None:
    report = json.loads(run_audit(settled, "--json").stdout)
    assert (report["object"], report["exit_code"], report["witnessed_by"]) == ("audit_report", 0, "nobody")
    assert {check["status"] for check in report["checks"]} == {"held", "not checked"}
    assert report["block"]["tag"] == "latest"


def test_a_lie_ends_with_1_and_is_printed_with_place_and_values(settled: Programme) -> None:
    batch = settled.batches[0]
    filed = list(batch.leaves)
    filed[1] = dataclasses.replace(filed[1], leaf=dataclasses.replace(filed[1].leaf, amount=301))
    settled.file(dataclasses.replace(batch, leaves=tuple(filed)))
    result = run_audit(settled, "--receipts", str(settled.folder))
    assert result.exit_code == 1
    assert "Something differs." in result.output
    assert "301 points" in result.output
    assert "index 1" in result.output


def test_what_cannot_be_read_ends_with_2(settled: Programme, tmp_path: Path) -> None:
    assert run_audit(settled, "--rulesets", str(tmp_path)).exit_code == 2
    nowhere = CliRunner().invoke(audit, ["--rpc", "http://127.0.0.1:9", "--contract", settled.contract, "--json"])
    assert nowhere.exit_code == 2
    assert json.loads(nowhere.stdout)["code"] == "node_unreachable"


def test_a_checkpoint_is_written_and_read(settled: Programme, tmp_path: Path) -> None:
    path = tmp_path / "june.json"
    assert run_audit(settled, "--checkpoint", str(path)).exit_code == 0
    result = run_audit(settled, "--since", str(path))
    assert result.exit_code == 0
    assert "witnessed by: 1 checkpoint" in result.output


def test_a_receipt_file_is_verified(settled: Programme, tmp_path: Path) -> None:
    path = save(tmp_path / "receipt.json", receipts.receipt_to_json(settled.receipt(1, 0)))
    result = run_verify(settled, path, "--block", "latest", "--contract", settled.contract)
    assert result.exit_code == 0, result.output
    assert "This receipt is proved." in result.output
    changed = receipts.receipt_to_json(settled.receipt(3, 0, "applied"))
    result = run_verify(settled, save(path, changed), "--block", "latest", "--json")
    assert (result.exit_code, json.loads(result.stdout)["kind"]) == (1, "receipt")


def test_a_broken_promise_is_shown_from_the_answer_that_held_it(settled: Programme, tmp_path: Path) -> None:
    leaf = dataclasses.replace(settled.batches[0].leaves[0].leaf, account=CHARLIE)
    signed = settled.promise(leaf, settle_by=1_700_000_000)
    path = save(tmp_path / "answer.json", {"object": "purchase", "promise": promises.to_json(signed)})
    result = run_verify(settled, path, "--signer", address_of(PROMISE_KEY))
    assert result.exit_code == 1
    assert "the promise is broken" in result.output


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, '{"object": "receipt"}', '{"object": "promise", "v": 1}'])
def test_a_file_that_is_no_proof_is_refused(settled: Programme, tmp_path: Path, text: str) -> None:
    path = tmp_path / "proof.json"
    path.write_text(text)
    result = run_verify(settled, path)
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "InvalidInput"


def test_the_auditor_runs_without_any_server_package(settled: Programme) -> None:
    """What `pip install mereau` brings is enough."""
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({BLOCKED!r}))\n"
        "from token_service.cli import main\n"
        "sys.argv = ['mereau', *sys.argv[1:]]\n"
        "main()\n"
    )
    command = ["audit", "--rpc", settled.url, "--contract", settled.contract, "--block", "latest", "--json"]
    done = subprocess.run([sys.executable, "-c", program, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["exit_code"] == 0


def test_receipts_are_read_from_the_services_url_too(settled: Programme) -> None:
    """The same documents, served where the API serves them."""
    documents = {
        f"/v1/batches/{batch.operator}/{batch.seq}/receipts": receipt_files.document(batch) for batch in settled.batches
    }
    with serving(documents) as url:
        assert run_audit(settled, "--receipts", url + "/").exit_code == 0
        del documents[next(iter(documents))]
        assert run_audit(settled, "--receipts", url).exit_code == 2
