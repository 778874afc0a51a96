"""The signer behind its socket: the same answers, for known users of this machine only, and nothing from a liar."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from signing_programme import CHAIN_ID, CONTRACT, MEMBER, Custody, pause, settle

from token_service.custody import signer_messages, signer_server
from token_service.custody.accounts import new_account
from token_service.custody.signer import RESEAL_MAX
from token_service.custody.signer_server import SignerServer, uid_of
from token_service.custody.signer_socket import SocketSigner
from token_service.custody.signing_record import Limits
from token_service.errors import (
    BadSettings,
    InvalidInput,
    InvariantBroken,
    MereauError,
    PolicyRefused,
    SignatureRejected,
    SignerLimitReached,
    SignerUnavailable,
)
from token_service.protocol.binds import Bind, SealedMember

NOBODY = 65534
PASSPHRASE = "correct horse battery"
ASK = """
import os, sys
from pathlib import Path
from token_service.custody.signer_socket import SocketSigner
from token_service.errors import SignerUnavailable
try:
    print(SocketSigner(Path(sys.argv[1])).counts())
except SignerUnavailable:
    print("refused")
"""


@contextmanager
def serving(server: socket.socket | SignerServer) -> Iterator[None]:
    assert isinstance(server, SignerServer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def custody(tmp_path: Path) -> Custody:
    return Custody(tmp_path, Limits(points_per_day=1000))


@pytest.fixture
def asked(custody: Custody) -> Iterator[SocketSigner]:
    """The signer as a worker sees it."""
    path = custody.folder / "signer.sock"
    with serving(SignerServer(path, custody.signer())):
        yield SocketSigner(path, CHAIN_ID, CONTRACT)


@contextmanager
def answering(path: Path, answer: Callable[[dict[str, object]], dict[str, object]]) -> Iterator[SocketSigner]:
    """Somebody else at the socket, who answers what they like."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                signer_messages.send(connection, answer(signer_messages.receive(connection)))

        thread = threading.Thread(target=once)
        thread.start()
        try:
            yield SocketSigner(path, CHAIN_ID, CONTRACT)
        finally:
            thread.join()


def member_of(custody: Custody) -> SealedMember:
    account = new_account(custody.ring.sealing_public())
    return SealedMember(account.address, account.sealed_key)


def test_a_transaction_comes_back_signed_as_it_was_asked(custody: Custody, asked: SocketSigner) -> None:
    transaction = settle(1, 100)
    raw = asked.sign_transaction(custody.ring.operator_address, transaction)
    assert raw == custody.signer().sign_transaction(custody.ring.operator_address, transaction)
    legacy = replace(transaction, max_priority_fee_per_gas=transaction.max_fee_per_gas, is_legacy=True)
    assert Account.recover_transaction(asked.sign_transaction(custody.ring.operator_address, legacy)) == (
        custody.ring.operator_address
    )


def test_refusals_are_the_same_through_the_socket(custody: Custody, asked: SocketSigner) -> None:
    operator = custody.ring.operator_address
    for error, transaction in ((PolicyRefused, pause()), (SignerLimitReached, settle(1, 1001))):
        with pytest.raises(error) as here:
            custody.signer().sign_transaction(operator, transaction)
        with pytest.raises(error) as there:
            asked.sign_transaction(operator, transaction)
        assert (there.value.code, there.value.detail) == (here.value.code, here.value.detail)
    assert asked.counts() == {"signed": 0, "refused": 2, "denied": 2}


def test_a_members_key_stays_behind_the_socket(custody: Custody, asked: SocketSigner) -> None:
    member, bind = member_of(custody), Bind(MEMBER, 0, 1, 2_000_000_000)
    assert asked.sign_bind(member, bind) == custody.signer().sign_bind(member, bind)
    keystore = asked.export_keystore(member, PASSPHRASE)
    assert Account.from_key(Account.decrypt(keystore, PASSPHRASE)).address == member.address
    assert asked.reseal([member]) == [member.sealed_key]
    stolen = SealedMember(member_of(custody).address, member.sealed_key)
    for ask in (lambda: asked.sign_bind(stolen, bind), lambda: asked.reseal([replace(stolen, sealed_key=b"no box")])):
        with pytest.raises(InvariantBroken):
            ask()
    with pytest.raises(InvalidInput):
        asked.export_keystore(member, "short")


def test_the_longest_request_fits(custody: Custody, asked: SocketSigner) -> None:
    member = member_of(custody)
    assert len(asked.reseal([member] * RESEAL_MAX)) == RESEAL_MAX
    with pytest.raises(InvalidInput, match="at most"):
        asked.reseal([member] * (RESEAL_MAX + 1))


def test_a_signer_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SignerUnavailable, match="is `mereau signer` running"):
        SocketSigner(tmp_path / "signer.sock").sign_transaction(MEMBER, settle(1, 1))


def test_a_signer_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "signer.sock"))
        deaf.listen()
        with pytest.raises(SignerUnavailable):
            SocketSigner(tmp_path / "signer.sock", seconds=0.05).counts()


def test_a_signature_by_another_key_is_not_taken(custody: Custody) -> None:
    other = custody.ring.add_operator()
    forged = custody.signer().signature(other, settle(1, 10)).hex()
    with (
        answering(custody.folder / "liar.sock", lambda _: {"signature": forged}) as liar,
        pytest.raises(SignatureRejected),
    ):
        liar.sign_transaction(custody.ring.operator_address, settle(1, 10))


def test_a_signature_over_other_fields_is_not_taken(custody: Custody) -> None:
    operator = custody.ring.operator_address
    forged = custody.signer().signature(operator, settle(1, 999)).hex()
    with (
        answering(custody.folder / "liar.sock", lambda _: {"signature": forged}) as liar,
        pytest.raises(SignatureRejected),
    ):
        liar.sign_transaction(operator, settle(1, 10))


def test_a_bind_to_somebody_else_is_not_taken(custody: Custody) -> None:
    member = member_of(custody)
    forged = custody.signer().sign_bind(member, Bind("0x" + "66" * 20, 0, 1, 2_000_000_000)).hex()
    with (
        answering(custody.folder / "liar.sock", lambda _: {"signature": forged}) as liar,
        pytest.raises(SignatureRejected),
    ):
        liar.sign_bind(member, Bind(MEMBER, 0, 1, 2_000_000_000))


@pytest.mark.parametrize("answer", [{}, {"signature": "zz"}, {"signature": 7}, {"error": "news", "detail": "to us"}])
def test_nonsense_means_try_again(tmp_path: Path, answer: dict[str, object]) -> None:
    with answering(tmp_path / "liar.sock", lambda _: answer) as liar, pytest.raises(SignerUnavailable):
        liar.sign_transaction(MEMBER, settle(1, 1))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", 2**31),
        struct.pack(">I", 4) + b"{}",
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 3) + b"\xff\xfe\xfd",
    ],
    ids=["nothing", "http", "too_long", "cut_off", "no_object", "no_text"],
)
def test_what_is_no_request_gets_no_answer_and_harms_nobody(asked: SocketSigner, custody: Custody, sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(custody.folder / "signer.sock"))
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):  # it hung up before it had read everything
            assert client.recv(10) == b""
    assert asked.counts()["signed"] == 0


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"do": "dump_keys"},
        {"do": "sign_transaction", "address": MEMBER},
        {"do": "sign_transaction", "address": MEMBER, "transaction": {"chain_id": True}},
        {"do": "reseal", "members": 5},
        {"do": "sign_bind", "member": {"address": MEMBER, "sealed_key": "00"}, "bind": {"to_address": MEMBER}},
    ],
    ids=json.dumps,
)
def test_a_request_that_cannot_be_read_is_refused(asked: SocketSigner, request_: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="does not understand"):
        asked._ask(request_)


def test_the_socket_is_its_owners_alone(custody: Custody, asked: SocketSigner) -> None:
    assert (custody.folder / "signer.sock").stat().st_mode & 0o777 == 0o600


def test_the_kernel_says_who_asks() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert uid_of(ours) == os.getuid()


def test_a_stranger_is_turned_away_though_the_file_is_open(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As another user where this test may become one; else as ourselves, at a signer that was told another's id only."""
    custody = Custody(tmp_path_factory.mktemp("stranger"))
    path = Path(f"/tmp/mereau-signer-{os.getpid()}.sock")
    server = SignerServer(path, custody.signer())
    user = NOBODY if os.getuid() == 0 else os.getuid()
    if user != NOBODY:
        server.peers = frozenset({NOBODY})
    path.chmod(0o666)
    with serving(server):
        turned_away = ask_as(user, path)
        server.peers |= {user}
        let_in = ask_as(user, path)
    path.unlink()
    assert turned_away == "refused"
    assert "'signed': 0" in let_in


def ask_as(user: int, path: Path) -> str:
    """What a process of this user hears. It starts as ours, so that it may read the code, and then becomes the user."""
    become = f"import os\nimport token_service.custody.signer_socket\nif os.getuid() != {user}: os.setuid({user})\n"
    done = subprocess.run(
        [sys.executable, "-c", become + ASK, str(path)], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()


def test_what_a_killed_signer_left_is_replaced_and_a_living_ones_socket_is_not(custody: Custody) -> None:
    path = custody.folder / "signer.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    with serving(SignerServer(path, custody.signer())), pytest.raises(BadSettings, match=r"answers at .* already"):
        SignerServer(path, custody.signer())
    path.unlink()
    path.write_text("a file")
    with pytest.raises(BadSettings, match="is no socket"):
        SignerServer(path, custody.signer())
    with pytest.raises(BadSettings, match="cannot be made"):
        SignerServer(custody.folder / "nowhere" / "signer.sock", custody.signer())


def test_every_error_of_the_signer_has_a_name_on_the_wire() -> None:
    for kind in signer_messages.ERRORS.values():
        message = signer_messages.error_message(kind("because"))
        with pytest.raises(kind, match="because"):
            signer_messages.raise_error(message)
    with pytest.raises(MereauError):
        signer_messages.raise_error({"error": "unheard_of"})


def test_a_peer_that_sends_byte_after_byte_is_cut_off_when_its_time_is_over(
    custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer_server, "SECONDS", 0.3)
    path = custody.folder / "signer.sock"
    with serving(SignerServer(path, custody.signer())), socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(path))
        slow.settimeout(5)
        slow.sendall((1_000).to_bytes(4, "big"))
        with suppress(OSError):  # the other end may be gone while we send
            for _ in range(50):
                slow.sendall(b" ")
                time.sleep(0.02)
        assert _is_over(slow)


def _is_over(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except OSError:
        return True
