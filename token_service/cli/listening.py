"""The socket that a web server listens on: its own, or one that a service manager holds.

A socket that outlives the process loses no caller while the process is replaced: who connects meanwhile waits in the kernel's
queue, and of two services that share it the other one answers.
"""

from __future__ import annotations

import socket
from typing import Final

from token_service.cli.systemd import given_socket
from token_service.errors import BadSettings

BACKLOG: Final = 1024


def listening_socket(host: str, port: int) -> socket.socket:
    """A listening TCP socket: systemd's where it gave one, which `host` and `port` then don't touch, else one of our own.

    Raises BadSettings with a sentence: the port is taken, or what systemd gave is no such socket.
    """
    listening = given_socket() or _own(host, port)
    # what is accepted inherits it; without, an answer waits for the other side's delayed acknowledgement: 40 ms
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def address_of(listening: socket.socket) -> str:
    """As in a URL: 127.0.0.1:8000, [::1]:8000."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _own(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise BadSettings(f"Cannot serve on {host}:{port} ({error.strerror}): choose another --port.") from None
    return listening
