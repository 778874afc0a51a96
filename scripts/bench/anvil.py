"""Foundry's anvil from npm: a real node, silent, on a free port, mining every transaction at once."""

from __future__ import annotations

import platform
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.bench.rival import REPOSITORY
from token_service.chain.node import HttpNode
from token_service.errors import NodeUnreachable

START_SECONDS = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_anvil(block_seconds: int | None = None) -> Iterator[str]:
    """The node's URL; it mines at once, or every `block_seconds`. Raises RuntimeError if it does not start."""
    machine = "arm64" if platform.machine() in {"arm64", "aarch64"} else "amd64"
    folder = f"@foundry-rs/anvil-{platform.system().lower()}-{machine}"
    binary, port = REPOSITORY / "node_modules" / folder / "bin" / "anvil", free_port()
    command = [str(binary), "--silent", "--port", str(port), "--accounts", "1", "--prune-history", "64"]
    command += [] if block_seconds is None else ["--block-time", str(block_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def fund(url: str, *addresses: str) -> None:
    node = HttpNode([url])
    for address in addresses:
        node.request("anvil_setBalance", [address, hex(10**24)])
    node.close()


def _wait(url: str) -> None:
    node, until = HttpNode([url]), time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                node.request("eth_chainId", [])
                return
            except NodeUnreachable:
                if time.monotonic() > until:
                    raise RuntimeError("anvil does not answer") from None
    finally:
        node.close()
