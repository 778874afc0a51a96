"""The signer as a process: a Unix socket that only known users of this machine may speak to."""

from __future__ import annotations

import os
import socket
import socketserver
import stat
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from token_service.custody import signer_messages
from token_service.custody.signer import LocalSigner
from token_service.errors import BadSettings, MereauError, PolicyRefused, SignerUnavailable

SECONDS: Final = 10.0
"""How long a peer may take over a whole request, and over taking the answer."""
CONNECTIONS_MAX: Final = 32
_CREDENTIALS: Final = struct.Struct("3i")

log = structlog.get_logger("signer")


class SignerServer(socketserver.ThreadingUnixStreamServer):
    """Answers until `shutdown`. Its file is the owner's alone (0600), or the group's (0660) when `peers` name other users."""

    daemon_threads = True
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, path: Path, signer: LocalSigner, peers: frozenset[int] = frozenset()) -> None:
        """Raises BadSettings when something else answers there already, or the path cannot be used."""
        self.signer = signer
        self.peers = peers | {os.getuid()}
        self.slots = threading.BoundedSemaphore(CONNECTIONS_MAX)
        _clear(path)
        umask = os.umask(0o117 if peers else 0o177)
        try:
            super().__init__(str(path), _Handler)
        except OSError as error:
            raise BadSettings(f"the signer's socket {path} cannot be made: {error.strerror or error}") from error
        finally:
            os.umask(umask)

    def verify_request(self, request: object, client_address: object) -> bool:
        """Refuses strangers, and more peers at once than there are threads for."""
        assert isinstance(request, socket.socket)
        if uid_of(request) not in self.peers:
            log.warning("signer_stranger", uid=uid_of(request))
            return False
        return self.slots.acquire(blocking=False)

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self.slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        log.exception("signer_failed")


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, SignerServer)
        self.request.settimeout(SECONDS)
        with suppress(OSError, ValueError):  # the peer went away, or speaks another language
            message = self._received()
            signer_messages.send(self.request, _answer(server.signer, message))

    def _received(self) -> signer_messages.Message:
        """A whole request within SECONDS: a peer that sends byte after byte holds no thread for longer."""
        timer = threading.Timer(SECONDS, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            return signer_messages.receive(self.request)
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        with suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)


def _answer(signer: LocalSigner, message: signer_messages.Message) -> signer_messages.Message:
    try:
        return signer_messages.answer(signer, message)
    except PolicyRefused as refused:
        log.warning("policy_denied", detail=refused.detail)
        return signer_messages.error_message(refused)
    except MereauError as error:
        log.warning("signer_refuses", reason=error.code, detail=error.detail)
        return signer_messages.error_message(error)
    except Exception:
        log.exception("signer_failed")
        return signer_messages.error_message(SignerUnavailable("the signer failed; its log says why"))


def uid_of(connection: socket.socket) -> int:
    """Whose process is at the other end, as the kernel says (SO_PEERCRED)."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, uid, _gid = _CREDENTIALS.unpack(credentials)
    return int(uid)


def _clear(path: Path) -> None:
    """Takes away what a signer that was killed left; never a file that is no socket, nor the socket of one that lives."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise BadSettings(f"{path} is there and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise BadSettings(f"a signer answers at {path} already")
