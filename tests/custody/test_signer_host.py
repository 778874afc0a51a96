"""A programme whose keys are with a signer in another folder: what the serving host holds, and docs/drills.md step by step."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from coincurve import PrivateKey
from deployments import COMMAND, Deployment, founded, free_port, purchase, stop
from documents import Reader, block_with, blocks, commands
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey as SealingKey
from nacl.public import SealedBox

from token_service.cli import group
from token_service.custody import curve
from token_service.custody.accounts import MemberBox
from token_service.errors import BadSettings

CUSTODY, DRILLS = "docs/custody.md", "docs/drills.md"


@dataclass
class Hosts:
    """One that serves and settles, one that signs, and the safe; each is a folder."""

    folder: Path
    serving: Deployment
    key: str = ""
    signer: subprocess.Popen[bytes] | None = None

    @property
    def vault(self) -> Path:
        return self.folder / "signer-host"

    @property
    def safe(self) -> Path:
        return self.folder / "safe"

    def paste(self, script: str) -> str:
        """Runs a page's commands with these folders."""
        own = {"/var/lib/mereau-signer": str(self.vault), "/media/safe": str(self.safe)}
        reader = Reader(self.folder, free_port(), own)
        return reader.run(reader.paste(script), MEREAU_DATA_DIR=str(self.serving.folder))

    def start_signer(self) -> None:
        settings = {**self.serving.environment, "MEREAU_DATA_DIR": str(self.vault)}
        path = Path(self.serving.settings["MEREAU_SIGNER_SOCKET"])
        with (self.folder / "log").open("ab") as log:
            self.signer = subprocess.Popen([*COMMAND, "signer"], env=settings, stderr=log)
        until = time.monotonic() + 20
        while not path.is_socket() and time.monotonic() < until:
            assert self.signer.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)

    def kill_signer(self) -> None:
        assert self.signer is not None
        self.signer.kill()
        self.signer.wait()
        Path(self.serving.settings["MEREAU_SIGNER_SOCKET"]).unlink()

    def restart_signer(self) -> None:
        self.kill_signer()
        self.start_signer()

    def buy(self, reference: str) -> None:
        """A purchase, which is answered whatever else is the matter."""
        answer = self.serving.post("/v1/purchases", purchase(reference), self.key)
        assert answer.status_code == 201, answer.text

    def settle(self) -> None:
        """Returns when everything is final."""
        until = time.monotonic() + 40
        while self.waiting():
            assert time.monotonic() < until, self.serving.log()[-2000:]
            time.sleep(0.05)

    def waiting(self) -> int:
        with sqlite3.connect(self.serving.folder / "ledger.db") as ledger:
            return int(ledger.execute("select count(*) from leaves where state != 'final'").fetchone()[0])

    def until_log_says(self, words: str) -> None:
        until = time.monotonic() + 20
        while words not in self.serving.log():
            assert time.monotonic() < until, self.serving.log()[-2000:]
            time.sleep(0.05)

    def forget_log(self) -> None:
        os.truncate(self.serving.folder / "serve.log", 0)

    def on_signers_host(self, *words: str) -> subprocess.CompletedProcess[str]:
        return Deployment(self.vault).run(*words)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("h")
    (folder / "safe").mkdir()
    made = Hosts(folder, founded(folder / "var"))
    made.paste(block_with(CUSTODY, "The signer as a process", "rm "))
    made.serving.settings["MEREAU_SIGNER_SOCKET"] = str(folder / "s.sock")
    made.start_signer()
    made.key = made.serving.key()
    server = made.serving.start()
    assert made.serving.post("/v1/members", {"external_id": "card-1"}, made.key).status_code == 201
    yield made
    stop(server)
    made.kill_signer()


def test_the_serving_host_settles_without_a_key_of_its_own(hosts: Hosts) -> None:
    hosts.buy("first")
    hosts.settle()
    assert {path.name for path in (hosts.serving.folder / "keys").iterdir()} == {
        "addresses.json",
        "policy.json",
        "promise.key",
        "salts.key",
        "sealing.pub",
    }
    (record,) = (hosts.vault / "signer").iterdir()
    rows = [json.loads(line) for line in record.read_text().splitlines()]
    assert {row["verdict"] for row in rows} == {"signed"}
    assert [row["points"] for row in rows if row["function"] == "settle"][-1] > 0
    doctor = hosts.serving.run("doctor")
    assert "✓ signer: answers; today" in doctor.stdout
    assert "✓ keys: all there" in doctor.stdout


def test_a_dump_of_the_serving_host_yields_no_usable_key(hosts: Hosts) -> None:
    """Its database and all of its files: no key lies in them in any spelling, and nothing in them opens or is one."""
    hosts.buy("for the dump")
    hosts.settle()
    keys = hosts.vault / "keys"
    box = MemberBox((keys / "sealing.key").read_bytes())
    with sqlite3.connect(hosts.serving.folder / "ledger.db") as ledger:
        sealed = ledger.execute("select address, sealed_key from member_keys").fetchall()
        rows = dump_of(ledger)
    assert sealed
    secrets = {f"member {address}": box.open(bytes(key), address=address) for address, key in sealed}
    secrets |= {path.name: path.read_bytes() for path in keys.glob("*.key") if path.stem not in ("promise", "salts")}
    assert len(secrets) >= 4
    files = {path: path.read_bytes() for path in hosts.serving.folder.rglob("*") if path.is_file()}
    assert hosts.serving.folder / "chain.db" in files
    for name, secret in secrets.items():
        found = [path.name for path, content in files.items() if any(form in content for form in spellings(secret))]
        assert found == [], name
    addresses = {curve.address_of(secret) for secret in secrets.values()}
    promise = curve.address_of((hosts.serving.folder / "keys" / "promise.key").read_bytes())
    candidates = windows([*rows, *(content for path, content in files.items() if path.parent.name == "keys")])
    assert len(candidates) > 1000
    derived = {curve.address_of(each) for each in candidates if is_key(each)}
    assert promise in derived, "the search finds a key that is there"
    assert derived & addresses == set()
    assert not any(opens(each, bytes(key)) for each in candidates for _, key in sealed[:1])


def dump_of(ledger: sqlite3.Connection) -> list[bytes]:
    """Every value in the database that is long enough to be a key, once."""
    tables = [name for (name,) in ledger.execute("select name from sqlite_master where type = 'table'")]
    cells = {cell for table in tables for row in ledger.execute(f'select * from "{table}"') for cell in row}
    values = {cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells}
    return [value for value in values if len(value) >= 32]


def windows(values: list[bytes]) -> set[bytes]:
    """Every 32 bytes of short values, as they lie there and as what hex or base64 stands for; of long ones the start."""
    found = set()
    for value in values:
        for form in readings(value[:300]):
            found |= {form[at : at + 32] for at in range(len(form) - 31)}
    return found


def readings(value: bytes) -> Iterator[bytes]:
    yield value
    text = value.removeprefix(b"0x")
    for decode in (bytes.fromhex, lambda each: base64.b64decode(each, validate=True)):
        try:
            yield decode(text.decode("ascii"))
        except ValueError:
            continue


def spellings(secret: bytes) -> list[bytes]:
    """As bytes, as hex, and as base64 wherever it begins in a longer text."""
    shifted = [base64.b64encode(b"\0" * shift + secret)[4 if shift else 0 : -4] for shift in (0, 1, 2)]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), *shifted]


def is_key(secret: bytes) -> bool:
    return 0 < int.from_bytes(secret) < curve.ORDER


def opens(secret: bytes, sealed: bytes) -> bool:
    try:
        SealedBox(SealingKey(secret)).decrypt(sealed)
    except CryptoError:
        return False
    return True


def test_drill_the_signers_host_is_lost(hosts: Hosts) -> None:
    hosts.settle()
    hosts.forget_log()
    hosts.kill_signer()
    shutil.rmtree(hosts.vault)
    hosts.buy("while there is no signer")
    hosts.until_log_says("signer_away")
    assert hosts.waiting() > 0
    assert "every key is there" in hosts.paste(commands(DRILLS, "Signer's host"))
    hosts.start_signer()
    hosts.settle()


def test_drill_the_operators_key_is_lost(hosts: Hosts) -> None:
    hosts.settle()
    hosts.forget_log()
    (hosts.vault / "keys" / "operator.key").unlink()
    hosts.restart_signer()
    hosts.buy("while there is no operator")
    hosts.until_log_says("operator.key is missing")
    assert "operator.key is missing" in hosts.on_signers_host("keys", "check").stderr
    assert hosts.waiting() > 0
    assert "every key is there" in hosts.paste(commands(DRILLS, "Operator's key"))
    hosts.settle()


def test_drill_the_admins_key_is_lost(hosts: Hosts) -> None:
    hosts.settle()
    hosts.forget_log()
    (hosts.vault / "keys" / "admin.key").unlink()
    hosts.restart_signer()
    hosts.buy("while there is no admin")
    waiting = subprocess.Popen(
        [*COMMAND, "merchant", "create", "Boucherie Anne"],
        env=hosts.serving.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    hosts.until_log_says("admin.key is missing")
    hosts.settle()
    assert waiting.poll() is None, "the order waits"
    assert "every key is there" in hosts.paste(commands(DRILLS, "Admin's key"))
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, said


def test_drill_the_sealing_key_is_lost(hosts: Hosts) -> None:
    (hosts.vault / "keys" / "sealing.key").unlink()
    hosts.restart_signer()
    answer = hosts.serving.post("/v1/members", {"external_id": "card-2"}, hosts.key)
    assert answer.status_code == 201, answer.text
    assert "sealing.key is missing" in hosts.serving.run("keys", "rotate-sealing").stderr
    assert "every key is there" in hosts.paste(commands(DRILLS, "Sealing key"))


def test_a_stolen_sealing_key_is_worthless_after_a_rotation(hosts: Hosts) -> None:
    keys, stolen = hosts.vault / "keys", (hosts.vault / "keys" / "sealing.key").read_bytes()
    assert hosts.on_signers_host("keys", "rotate-sealing", "--draw-only").returncode == 0
    shutil.copy2(keys / "sealing.pub", hosts.serving.folder / "keys" / "sealing.pub")
    answer = hosts.serving.post("/v1/members", {"external_id": "card-3"}, hosts.key)
    assert answer.status_code == 201, answer.text
    rotated = hosts.serving.run("keys", "rotate-sealing")
    assert "every member's key opens with the new one" in rotated.stdout, rotated.stderr
    assert hosts.on_signers_host("keys", "forget-sealing", "--no-ledger").returncode == 0
    assert not (keys / "sealing.old").exists()
    box = MemberBox((keys / "sealing.key").read_bytes())
    with sqlite3.connect(hosts.serving.folder / "ledger.db") as ledger:
        sealed = ledger.execute("select address, sealed_key from member_keys").fetchall()
    assert len(sealed) >= 2
    for address, key in sealed:
        assert curve.address_of(box.open(bytes(key), address=address)) == address
        assert not opens(stolen, bytes(key))


def test_the_commands_for_one_host_encrypt_and_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment, secret = founded(tmp_path / "var"), tmp_path / "passphrase"
    secret.write_text("correct horse battery\n")
    export, *script = commands(CUSTODY, "Key files under a passphrase").splitlines()
    script += commands(CUSTODY, "A new key in place of an old one").splitlines()
    name, _, value = export.removeprefix("export ").partition("=")
    assert value == "/run/mereau/passphrase"
    monkeypatch.setenv("MEREAU_DATA_DIR", str(deployment.folder))
    monkeypatch.setenv(name, str(secret))
    said = [CliRunner().invoke(group, line.split()[1:]) for line in script]
    assert [done.exit_code for done in said] == [0] * 5, said
    assert "encrypted now: admin.key, operator.key, promise.key, salts.key, sealing.key" in said[0].output
    assert "plain" not in said[1].output
    assert "every member's key opens with the new one" in said[3].output
    assert "the old sealing key is deleted" in said[4].output
    monkeypatch.delenv(name)
    without = CliRunner().invoke(group, ["keys", "check"]).exception
    assert isinstance(without, BadSettings)
    assert "MEREAU_KEYS_PASSPHRASE" in without.detail


def test_the_unit_of_the_signer_is_one_that_systemd_takes(tmp_path: Path) -> None:
    (unit,) = blocks(CUSTODY, "The signer as a process", "systemd")
    assert "ExecStart=/opt/mereau/bin/mereau signer" in unit.text
    if shutil.which("systemd-analyze"):
        path = tmp_path / "mereau-signer.service"
        path.write_text(unit.text.replace("/opt/mereau/bin/mereau", "/bin/true"))
        done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
        assert "Unknown" not in done.stderr


def test_the_search_would_find_what_it_looks_for() -> None:
    secret = PrivateKey().secret
    for text in (
        secret.hex().encode(),
        b"0x" + secret.hex().encode(),
        base64.b64encode(secret),
        b"--" + secret + b"--",
    ):
        assert secret in windows([text])
        assert any(form in text for form in spellings(secret))
