"""Keys that are no files: AWS KMS (moto's, in this process) and web3signer (a server here that speaks its documented API)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner
from coincurve import PrivateKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from eth_account import Account
from moto import mock_aws
from moto.kms.utils import ECDSAPrivateKey
from signing_programme import Custody, settle

from token_service.cli import group
from token_service.custody import curve
from token_service.custody.aws_kms import AwsKmsKey, numbers_of_der
from token_service.custody.backends import open_backend, read_attached
from token_service.custody.inventory import inventory
from token_service.custody.key_ring import create_keys
from token_service.custody.web3signer import Web3SignerKey
from token_service.errors import BadSettings, SignatureRejected, SignerUnavailable
from token_service.protocol.hashing import keccak256

REGION = "eu-west-3"
SECRET = keccak256(b"the key that web3signer has")
ADDRESS = curve.address_of(SECRET)
IDENTIFIER = "0x" + PrivateKey(SECRET).public_key.format(compressed=False)[1:].hex()


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(ECDSAPrivateKey, "sign", sign_digest)
    with mock_aws():
        yield boto3.client("kms", region_name=REGION)


def sign_digest(key: Any, message: bytes, signing_algorithm: str) -> bytes:
    """What KMS documents for MessageType DIGEST. moto says that it lacks this, and would hash the digest once more."""
    assert signing_algorithm == "ECDSA_SHA_256"
    signature: bytes = key.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))
    return signature


def new_key(kms: Any, spec: str = "ECC_SECG_P256K1") -> str:
    return "aws-kms:" + str(kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])


@contextmanager
def web3signer(answer: Callable[[bytes], tuple[int, str]]) -> Iterator[str]:
    """The `key` of a backends.json; `answer` gets the unsigned bytes, as `POST /api/v1/eth1/sign/IDENTIFIER` carries them."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == f"/api/v1/eth1/sign/{IDENTIFIER}"
            status, text = answer(bytes.fromhex(body["data"].removeprefix("0x")))
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"web3signer:http://127.0.0.1:{server.server_port}#{IDENTIFIER}"
        server.shutdown()
        thread.join()


def as_web3signer(payload: bytes, secret: bytes = SECRET) -> tuple[int, str]:
    """It hashes by itself and answers r ‖ s ‖ v with v 27 or 28."""
    signature = curve.sign(secret, keccak256(payload))
    return 200, "0x" + signature[:64].hex() + f"{27 + signature[64]:02x}"


def test_a_kms_key_signs_and_its_signatures_are_low_and_recoverable(kms: Any) -> None:
    key = open_backend(new_key(kms))
    address = key.address()
    for number in range(12):  # KMS draws each signature: half of them come with a high s
        payload = b"message %d" % number
        assert curve.signer_of(key.sign(payload), keccak256(payload)) == address


def test_an_operator_in_a_kms_settles(kms: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEREAU_DATA_DIR", str(tmp_path))
    key = new_key(kms)
    attached = CliRunner().invoke(group, ["keys", "attach", key])
    assert attached.exit_code == 0, attached.exception
    custody = Custody(tmp_path)
    assert not (tmp_path / "keys" / "operator.key").exists()
    custody.ring.check()
    raw = custody.signer().sign_transaction(custody.ring.operator_address, settle(1, 10))
    assert Account.recover_transaction(raw) == custody.ring.operator_address == open_backend(key).address()
    assert {row.state for row in inventory(tmp_path / "keys") if row.name == "operator"} == {"attached"}
    checked = CliRunner().invoke(group, ["keys", "check"])
    assert "every key is there" in checked.output, checked.exception


def test_an_operator_that_is_attached_later_gets_a_name_of_its_own(
    kms: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEREAU_DATA_DIR", str(tmp_path))
    custody = Custody(tmp_path)
    key = new_key(kms)
    address = open_backend(key).address()
    assert f"operator-{address} signs with {address}" in CliRunner().invoke(group, ["keys", "attach", key]).output
    assert custody.ring.operator_addresses() == (custody.ring.operator_address, address)
    raw = custody.signer().sign_transaction(address, settle(1, 10))
    assert Account.recover_transaction(raw) == address
    refused = CliRunner().invoke(group, ["keys", "attach", key, "--as", "admin"]).exception
    assert isinstance(refused, BadSettings)
    assert list(read_attached(tmp_path / "keys")) == [f"operator-{address}"]


def test_another_curve_is_refused_and_a_lost_key_is_waited_for(kms: Any) -> None:
    with pytest.raises(BadSettings, match="ECC_SECG_P256K1"):
        open_backend(new_key(kms, "ECC_NIST_P256")).address()
    lost = new_key(kms).rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000"
    with pytest.raises(SignerUnavailable, match="NotFoundException"):
        open_backend(lost).address()


def test_a_disabled_key_is_waited_for(kms: Any) -> None:
    """KMS's own answer, played by botocore: moto signs with disabled keys."""
    with Stubber(kms) as stub:
        stub.add_client_error("sign", "DisabledException")
        with pytest.raises(SignerUnavailable, match="AWS KMS refused: DisabledException"):
            AwsKmsKey("arn:aws:kms:eu-west-3:111122223333:key/disabled", kms, ADDRESS).sign(b"message")


def test_a_signature_by_another_kms_key_is_not_taken(kms: Any) -> None:
    one, other = open_backend(new_key(kms)), open_backend(new_key(kms))
    assert isinstance(one, AwsKmsKey)
    one._address = other.address()
    with pytest.raises(SignatureRejected):
        one.sign(b"message")


@pytest.mark.parametrize(
    "der", ["", "30", "3006020101020101ff", "300602010102", "3106020101020101", "30060201010301ff"]
)
def test_what_is_no_signature_is_not_taken(der: str) -> None:
    with pytest.raises(SignatureRejected):
        numbers_of_der(bytes.fromhex(der))
    assert numbers_of_der(bytes.fromhex("3007020200ff020105")) == (255, 5)


def test_an_operator_in_a_web3signer_settles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEREAU_DATA_DIR", str(tmp_path))
    with web3signer(as_web3signer) as key:
        assert f"operator signs with {ADDRESS}" in CliRunner().invoke(group, ["keys", "attach", key]).output
        custody = Custody(tmp_path)
        assert custody.ring.operator_address == ADDRESS
        raw = custody.signer().sign_transaction(ADDRESS, settle(1, 10))
    assert Account.recover_transaction(raw) == ADDRESS


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda payload: as_web3signer(payload + b"more"), SignatureRejected),
        (lambda payload: as_web3signer(payload, keccak256(b"another key")), SignatureRejected),
        (lambda payload: (200, "0x"), SignatureRejected),
        (lambda payload: (200, "<html>"), SignatureRejected),
        (lambda payload: (404, "Public Key not found"), SignerUnavailable),
        (lambda payload: (500, ""), SignerUnavailable),
    ],
    ids=["other_payload", "other_key", "nothing", "html", "unknown_key", "broken"],
)
def test_what_web3signer_answers_is_checked(answer: Callable[[bytes], tuple[int, str]], error: type[Exception]) -> None:
    with web3signer(answer) as key, pytest.raises(error):
        open_backend(key).sign(settle(1, 10).payload())


def test_a_web3signer_that_is_away_is_waited_for_and_its_password_is_not_told() -> None:
    key = open_backend(f"web3signer:http://user:secret-word@127.0.0.1:9#{IDENTIFIER}")
    assert isinstance(key, Web3SignerKey)
    with pytest.raises(SignerUnavailable) as away:
        key.sign(b"payload")
    assert "secret-word" not in repr(key) + away.value.detail


@pytest.mark.parametrize(
    "name",
    [
        "file:operator.key",
        "aws-kms:alias/operator",
        "web3signer:ftp://host#" + IDENTIFIER,
        "web3signer:http://host#0x12",
        "web3signer:http://host",
    ],
)
def test_a_key_that_is_named_wrongly_is_told_so(name: str) -> None:
    with pytest.raises(BadSettings):
        open_backend(name)


def test_a_password_in_a_web3signers_address_is_not_listed(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys")
    row = {"address": ADDRESS, "key": f"web3signer:https://user:secret-word@host:9000#{IDENTIFIER}"}
    (tmp_path / "keys" / "backends.json").write_text(json.dumps({"operator": row}))
    (listed,) = (row for row in inventory(tmp_path / "keys") if row.name == "operator")
    assert listed.key == f"web3signer:https://…@host:9000#{IDENTIFIER}"
