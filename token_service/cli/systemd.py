"""What systemd, or another service manager, tells a service (sd_listen_fds(3)) and hears from it (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from typing import Final

from token_service.errors import BadSettings

FIRST_GIVEN: Final = 3
"""The descriptor of the first socket that is handed over."""


def tell_ready() -> None:
    """Says that this service does its work now: whoever restarts several may go on to the next. Nothing without a manager."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out,
        suppress(OSError),
    ):  # its loss is no reason not to serve
        out.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)


def given_socket() -> socket.socket | None:
    """The one listening socket that was handed over; None without. Raises BadSettings with a sentence when it is of no use.

    The variables that say so are taken away, so that no child takes them for its own.
    """
    count, process = os.environ.pop("LISTEN_FDS", None), os.environ.pop("LISTEN_PID", None)
    if count is None or process != str(os.getpid()):
        return None
    if count != "1":
        raise BadSettings(
            f"systemd gave {count} sockets where one is needed: name one ListenStream= in the socket unit."
        )
    if not _is_listening(FIRST_GIVEN):
        raise BadSettings("systemd gave something else than a listening TCP socket: ListenStream= takes host:port.")
    os.set_inheritable(FIRST_GIVEN, False)
    return socket.socket(fileno=FIRST_GIVEN)


def _is_listening(descriptor: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        looked_at = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return False
    with looked_at:
        is_tcp = looked_at.family in (socket.AF_INET, socket.AF_INET6) and looked_at.type == socket.SOCK_STREAM
        return is_tcp and bool(looked_at.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
