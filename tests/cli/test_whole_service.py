"""The service as its users meet it: commands, HTTP, signals. Nothing here knows what is inside."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
import requests
from deployments import founded

from .conftest import Deployment, purchase, stop

ALICE = {"external_id": "card-1", "name": "Alice"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A running service for the tests that leave it running."""
    deployment = founded(tmp_path_factory.mktemp("served") / "var")
    with deployment.serving():
        yield deployment


def test_an_empty_folder_becomes_a_programme_once_with_a_chain_and_a_contract_of_its_own(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Deployment(tmp_path_factory.mktemp("other") / "var")
    first, again = other.json("init")["program"], other.json("init")["program"]
    assert (first["contract"], first["chain_id"]) == (again["contract"], again["chain_id"])
    assert first["chain_id"] < 2**52
    one = deployment.json("init")["program"]
    assert one["chain_id"] != first["chain_id"]
    assert one["contract"] != first["contract"]


def test_a_purchase_is_answered_settled_audited_and_verified(served: Deployment) -> None:
    key = served.key()
    assert served.post("/v1/members", ALICE, key).status_code == 201
    answer = served.post("/v1/purchases", purchase("ticket-1"), key)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["points"] == 23
    entry = body["entries"][0]["id"]
    assert served.run("settle", "--wait", "--timeout", "30").returncode == 0
    settled = served.get(f"/v1/entries/{entry}", key).json()["settlement"]
    assert settled["state"] == "final"
    contract = served.get("/v1/program").json()["contract"]
    audit = served.run("audit", "--rpc", f"{served.url}/rpc", "--contract", contract, "--receipts", served.url)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    receipt = served.folder / "receipt.json"
    receipt.write_text(json.dumps(served.get(f"/v1/entries/{entry}/receipt", key).json()))
    verified = served.run("verify", str(receipt), "--rpc", f"{served.url}/rpc", "--contract", contract)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_events_holds_and_donations_are_settled_and_audited(served: Deployment) -> None:
    key = served.key()
    member = served.post("/v1/members", {"external_id": "card-9"}, key).json()["id"]
    given = {"reference": "gift-9", "member_id": member, "points": 100, "reason": "a parcel came late"}
    assert served.post("/v1/issuances", given, key).status_code == 201
    event = {
        "reference": "review-9",
        "member_id": member,
        "type": "review.written",
        "occurred_at": "2026-01-01T00:00:00Z",
    }
    assert served.post("/v1/events", event, key).json()["points"] == 0
    held = served.post("/v1/holds", {"reference": "hold-9", "member_id": member, "points": 60}, key).json()
    assert served.post(f"/v1/holds/{held['id']}/capture", {"points": 50}, key).status_code == 201
    cause = served.json("cause", "create", "Refuge")
    donation = {"reference": "give-9", "member_id": member, "points": 20, "cause_id": cause["id"]}
    assert served.post("/v1/donations", donation, key).status_code == 201
    assert served.run("settle", "--wait", "--timeout", "30").returncode == 0
    assert served.get(f"/v1/members/{member}/balance", key).json()["on_chain"]["points"] == 30
    assert "20 points  Refuge" in served.run("cause", "list").stdout
    assert "is closed; it was given 20 points" in served.run("cause", "close", cause["id"]).stdout
    contract = served.get("/v1/program").json()["contract"]
    audit = served.run("audit", "--rpc", f"{served.url}/rpc", "--contract", contract, "--receipts", served.url)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_what_merchants_owe_one_another_is_printed_and_written_as_a_table(served: Deployment) -> None:
    days = ("--since", "2025-11-01", "--until", "2025-11-30")
    assert "Nobody owes anybody anything" in served.run("merchant", "settlement", *days).stdout
    table = served.run("merchant", "settlement", *days, "--csv").stdout
    assert table.splitlines()[0] == "since,until,issuer,acceptor,points,value_minor_units,currency,acceptor_kind"
    wrong = served.run("merchant", "settlement", "--since", "2026-11-30", "--until", "2026-11-01")
    assert wrong.returncode != 0
    assert "must lie on or after since" in wrong.stderr


def test_a_lone_entry_starts_settling_within_two_seconds(served: Deployment) -> None:
    key = served.key("Poissonnerie Jeanne")
    served.post("/v1/members", {"external_id": "card-2"}, key)
    waits = [seconds_until_batched(served, key, f"ticket-{n}") for n in range(3)]
    assert min(waits) < 2  # the best of three: other tests share the machine


def seconds_until_batched(deployment: Deployment, key: str, reference: str) -> float:
    """How long a lone entry waits after the worker has gone to sleep; 10 at the most."""
    time.sleep(2)
    entry = deployment.post("/v1/purchases", purchase(reference, "card-2"), key).json()["entries"][0]["id"]
    began = time.monotonic()
    while time.monotonic() < began + 10:
        if deployment.get(f"/v1/entries/{entry}", key).json()["settlement"]["state"] != "accepted":
            break
        time.sleep(0.05)
    return time.monotonic() - began


def test_a_second_server_on_the_same_folder_is_refused_in_words(served: Deployment) -> None:
    second = served.run("serve", "--port", str(served.port + 1))
    assert second.returncode == 75
    assert "owns the chain" in second.stderr
    assert "Traceback" not in second.stderr


def test_commands_work_beside_a_running_server(served: Deployment) -> None:
    key = served.key("Fromagerie Anne")
    assert served.post("/v1/members", {"external_id": "card-3"}, key).status_code == 201
    answer = served.post("/v1/purchases", purchase("ticket-1", "card-3"), key)
    assert answer.status_code == 201, answer.text
    assert served.run("doctor").returncode == 0
    assert served.run("run-due").returncode == 0
    compared = served.json("reconcile")
    assert compared["members"] >= 1
    assert compared["mismatches"] == []
    assert served.run("settle", "--wait", "--timeout", "30").returncode == 0
    (lane,) = served.json("lanes")["lanes"]
    assert (lane["state"], lane["next_seq"], lane["waiting"]) == ("active", lane["chain_seq"], 0)
    assert "one lane" in served.run("operators", "add").stderr


def test_it_stops_cleanly_when_asked_to(deployment: Deployment) -> None:
    server = deployment.start()
    assert stop(server) == 0
    with pytest.raises(requests.ConnectionError):
        deployment.get("/healthz")


def test_after_kill_9_nothing_answers_and_a_new_start_goes_on(deployment: Deployment) -> None:
    key = deployment.key()
    server = deployment.start()
    deployment.post("/v1/members", ALICE, key)
    accepted = [deployment.post("/v1/purchases", purchase(f"ticket-{n}"), key).json()["id"] for n in range(5)]
    server.send_signal(signal.SIGKILL)
    server.wait(10)
    wait_until_nothing_answers(deployment)
    with deployment.serving():
        assert deployment.run("settle", "--wait", "--timeout", "30").returncode == 0
        for purchase_id in accepted:
            assert deployment.get(f"/v1/purchases/{purchase_id}", key).status_code == 200
        page = deployment.get("/v1/members?external_id=card-1", key).json()
        balance = deployment.get(f"/v1/members/{page['data'][0]['id']}/balance", key).json()
        assert balance["available"] == 5 * 23
        assert balance["on_chain"]["points"] == 5 * 23
        assert deployment.run("rebuild", "--check").returncode == 0


def wait_until_nothing_answers(deployment: Deployment) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            deployment.get("/healthz")
        except requests.ConnectionError:
            return
        time.sleep(0.1)
    raise AssertionError("an orphan still answers")


def test_a_moved_clock_makes_points_expire(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("clock")
    rules = folder / "rules.yaml"
    rules.write_text(
        "ruleset: 1\n"
        "program: {name: Test, currency: EUR, time_zone: UTC, point_value: {points: 100, amount: 100}}\n"
        "earning:\n  - {id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}\n"
        "expiry: {kind: fixed, period: P1M}\n"
    )
    clock = folder / "clock"
    clock.write_text("2027-01-10T12:00:00Z")
    moved = Deployment(folder / "var", settings={"MEREAU_CLOCK": f"file:{clock}"})
    done = moved.run("init", "--ruleset", str(rules))
    assert done.returncode == 0, done.stderr
    key = moved.key()
    with moved.serving():
        moved.post("/v1/members", ALICE, key)
        body = {**purchase("ticket-1"), "occurred_at": "2027-01-10T12:00:00Z"}
        member = moved.post("/v1/purchases", body, key).json()["member_id"]
        assert moved.get(f"/v1/members/{member}/balance", key).json()["available"] == 23
        clock.write_text("2027-02-11T12:00:00Z")
        assert moved.run("run-due").returncode == 0
        balance = moved.get(f"/v1/members/{member}/balance", key).json()
        assert (balance["available"], balance["lifetime"]["expired"]) == (0, 23)
        assert balance["on_chain"]["points"] == 0


def test_a_command_without_a_programme_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = Deployment(tmp_path_factory.mktemp("nowhere") / "var")
    for words in (["serve"], ["api-key", "list"], ["settle"], ["doctor"]):
        done = nowhere.run(*words)
        assert done.returncode in {1, 78}
        assert "mereau init" in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


def test_a_wrong_ruleset_is_refused_with_its_places_and_nothing_is_made(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "rules.yaml").write_text("ruleset: 1\nprogram: {name: X}\nearnings: []\n")
    fresh = Deployment(folder / "var")
    done = fresh.run("init", "--ruleset", str(folder / "rules.yaml"))
    assert done.returncode == 1
    assert "/program/currency" in done.stderr
    assert not fresh.folder.exists()


def test_help_teaches_every_command() -> None:
    from token_service.cli import COMMANDS, group

    for name in COMMANDS:
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.help, name
        assert command.get_short_help_str(), name


def test_an_interrupted_command_leaves_no_traceback(deployment: Deployment) -> None:
    server = deployment.start()
    server.send_signal(signal.SIGINT)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        raise
    assert "Traceback" not in deployment.log()
