"""The whole way: a copy, a day's work, a lost disk, the copy restored, `mereau repair`, and business goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from deployments import Deployment, founded, purchase
from restored import Shop, copy_ledger, restore_ledger

from token_service.app import open_application, repairing
from token_service.config import load_settings


def test_what_came_after_the_copy_is_there_again(tmp_path: Path) -> None:
    deployment = founded(tmp_path / "var")
    shop = Shop(deployment, deployment.key())
    with deployment.serving():
        alice, bob = shop.member("card-1"), shop.member("card-2")
        shop.buy("before-1", "card-1")
        shop.settle()
        copy_ledger(deployment, tmp_path / "copy.db")
        bought = shop.buy("after-1", "card-1", 10_000)
        shop.settle()
        shop.post(
            f"/v1/purchases/{bought['id']}/refunds",
            {"reference": "back-1", "amount": {"amount": 2500, "currency": "EUR"}},
        )
        redeemed = shop.post("/v1/redemptions", {"reference": "spent-1", "member_id": alice, "points": 40})
        shop.buy("after-2", "card-2")
        shop.settle()
        shop.post(f"/v1/redemptions/{redeemed['id']}/reversals", {"reference": "unspent-1", "points": 15})
        given = shop.post(
            "/v1/issuances", {"reference": "gift-1", "member_id": bob, "points": 50, "reason": "late parcel"}
        )
        shop.post(
            f"/v1/issuances/{given['id']}/reversals",
            {"reference": "gift-1-less", "points": 20, "reason": "30 were meant"},
        )
        shop.settle()
        was = [shop.balance(member) for member in (alice, bob)]
        said = [shop.get(f"/v1/members/{member}/entries") for member in (alice, bob)]
    restore_ledger(deployment, tmp_path / "copy.db")
    planned = deployment.json("repair", "--plan")
    cut_off(deployment)
    repaired = deployment.json("repair")
    assert planned["batches"] == repaired["batches"] >= 3
    assert planned["opened"] == repaired["opened"] == 7
    assert repaired["unopened"] == repaired["unknown_merchants"] == []
    assert deployment.json("repair")["batches"] == 0
    assert deployment.run("rebuild", "--check").returncode == 0
    with deployment.serving():
        shop.settle()
        for member, before in zip((alice, bob), was, strict=True):
            now = shop.balance(member)
            assert now["on_chain"]["points"] == before["on_chain"]["points"]
            assert {**now, "on_chain": None} == {**before, "on_chain": None}
        again = [shop.get(f"/v1/members/{member}/entries") for member in (alice, bob)]
        for entries, before in zip(again, said, strict=True):
            assert [(entry["id"], entry["points"], entry["kind"]) for entry in entries["data"]] == [
                (entry["id"], entry["points"], entry["kind"]) for entry in before["data"]
            ]
        repeated = deployment.post("/v1/purchases", purchase("after-2", "card-2"), shop.key)
        assert repeated.status_code == 200, repeated.text
        assert repeated.headers["Idempotent-Replayed"] == "true"
        shop.buy("next-day", "card-1")
        shop.settle()
        assert deployment.json("reconcile")["mismatches"] == []
        contract = shop.get("/v1/program")["contract"]
        words = ["--rpc", f"{deployment.url}/rpc", "--contract", contract, "--receipts", deployment.url]
        audit = deployment.run("audit", *words)
        assert audit.returncode == 0, audit.stdout + audit.stderr


class Stopped(Exception):
    """As Ctrl-C, between two batches."""


def cut_off(deployment: Deployment) -> None:
    """A repair that is stopped after its first batch."""

    def stop(batch: object, written: object) -> None:
        raise Stopped

    with open_application(load_settings(deployment.environment)) as application, application.working() as services:
        with pytest.raises(Stopped):
            repairing.repair(services.chain, stop)
        assert repairing.plan(services.chain).batches >= 1


@pytest.mark.soak  # each of its steps has a quick test in tests/repair and tests/ledger
def test_what_does_not_open_keeps_its_points_and_holds_references_until_somebody_decides(tmp_path: Path) -> None:
    """A member enrolled after the copy, and a batch whose receipt file is gone."""
    deployment = founded(tmp_path / "var")
    shop = Shop(deployment, deployment.key())
    with deployment.serving():
        alice = shop.member("card-1")
        shop.buy("before-1", "card-1")
        shop.settle()
        copy_ledger(deployment, tmp_path / "copy.db")
        shop.member("card-2")
        shop.buy("after-1", "card-2", 5000)
        shop.settle()
        shop.buy("after-2", "card-1", 7000)
        shop.settle()
        supply = shop.get("/v1/program")
        was = shop.balance(alice)
    newest = max(
        (deployment.folder / "receipts").rglob("[0-9]*"), key=lambda path: int(path.name) if path.name.isdigit() else 0
    )
    shutil.move(newest, tmp_path / "lost")
    restore_ledger(deployment, tmp_path / "copy.db")
    refused = deployment.run("repair", "--accept-gap")
    assert refused.returncode == 2
    told = deployment.run("repair")
    assert told.returncode == 0, told.stderr
    assert "50 points of" in told.stdout
    assert "enrolled after the backup" in told.stdout
    assert "receipt file is missing" in told.stdout
    assert deployment.run("rebuild", "--check").returncode == 0
    with deployment.serving():
        assert shop.balance(alice)["available"] == was["available"]
        held = deployment.post("/v1/purchases", purchase("after-2", "card-1", 7000), shop.key)
        assert (held.status_code, held.json()["code"]) == (503, "references_unknown")
    accepted = deployment.run("repair", "--accept-gap", "--because", "compared with the tills")
    assert accepted.returncode == 0, accepted.stderr
    with deployment.serving():
        shop.buy("next-day", "card-1")
        shop.settle()
        assert deployment.json("reconcile")["mismatches"] == []
        assert supply["contract"] == shop.get("/v1/program")["contract"]
    assert json.loads((tmp_path / "lost").read_text().splitlines()[0])["leaf_count"] >= 1


def test_a_ledger_that_knows_everything_is_left_alone(tmp_path: Path) -> None:
    deployment: Deployment = founded(tmp_path / "var")
    done = deployment.run("repair")
    assert (done.returncode, done.stdout.strip()) == (0, "The ledger knows every batch of the chain")
