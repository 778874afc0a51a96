"""`mereau web` under systemd: the socket it is given, what it says, how it sends callers elsewhere (sd_listen_fds(3))."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from token_service.cli import systemd
from token_service.cli.listening import address_of, listening_socket
from token_service.cli.systemd import tell_ready
from token_service.cli.web_server import GO_ELSEWHERE, Drainable
from token_service.errors import BadSettings


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A listening socket under a descriptor of its own, as systemd would hand it over under 3."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        monkeypatch.setattr(systemd, "FIRST_GIVEN", os.dup(made.fileno()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        yield made


def test_it_listens_on_the_socket_that_it_is_given(given: socket.socket) -> None:
    with listening_socket("127.0.0.1", 1) as taken:  # nobody here may listen on port 1
        assert taken.getsockname() == given.getsockname()
        assert address_of(taken) == f"127.0.0.1:{given.getsockname()[1]}"
        assert not os.get_inheritable(taken.fileno())
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert "LISTEN_FDS" not in os.environ


def test_answers_do_not_wait_for_acknowledgements(given: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it accepts inherits this: else each answer on a kept connection took 40 ms."""
    monkeypatch.delenv("LISTEN_FDS")
    with listening_socket("127.0.0.1", 0) as own, socket.create_connection(own.getsockname()):
        accepted, _ = own.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_socket_for_another_process_is_left_alone(given: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getppid()))
    with listening_socket("127.0.0.1", 0) as own:
        assert own.getsockname() != given.getsockname()


def test_more_sockets_than_one_are_refused(given: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    with pytest.raises(BadSettings, match="gave 2 sockets"):
        listening_socket("127.0.0.1", 0)


@pytest.mark.parametrize("kind", ["a file", "a socket that does not listen", "a Unix socket", "nothing"])
def test_what_is_no_listening_tcp_socket_is_refused(
    given: socket.socket, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = socket.socket(socket.AF_UNIX)
    local.bind(str(tmp_path / "a.sock"))
    local.listen()
    with (tmp_path / "file").open("w") as file, socket.socket() as idle, local:
        number = {"a file": file, "a socket that does not listen": idle, "a Unix socket": local}.get(kind)
        monkeypatch.setattr(systemd, "FIRST_GIVEN", number.fileno() if number else 9999)
        with pytest.raises(BadSettings, match="ListenStream= takes host:port"):
            listening_socket("127.0.0.1", 0)


def test_a_taken_port_is_refused_and_names_the_option(given: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LISTEN_FDS")
    with pytest.raises(BadSettings, match="choose another --port"):
        listening_socket("127.0.0.1", given.getsockname()[1])


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_says_when_it_is_ready(is_abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@mereau-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears:
        hears.bind("\0" + name[1:] if is_abstract else name)
        hears.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        tell_ready()
        assert hears.recv(64) == b"READY=1"


def test_a_manager_that_is_gone_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    tell_ready()


def test_from_the_order_on_each_answer_closes_its_connection() -> None:
    said: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        said.append((status, headers))

    def application(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-type", "text/plain")])
        return [b"here"]

    before = signal.getsignal(GO_ELSEWHERE)
    try:
        drainable = Drainable(application)
        assert list(drainable({}, start)) == [b"here"]
        signal.raise_signal(GO_ELSEWHERE)
        assert list(drainable({}, start)) == [b"here"]
    finally:
        signal.signal(GO_ELSEWHERE, before)
    plain = ("content-type", "text/plain")
    assert said == [("200 OK", [plain]), ("200 OK", [plain, ("connection", "close")])]
