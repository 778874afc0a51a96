"""A real Ethereum node for tests: Foundry's anvil from npm, silent, on a free port."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from token_service.chain.node import HttpNode
from token_service.errors import NodeUnreachable

BINARY = Path(__file__).parent.parent / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
CHAIN_ID = 31_337
RICH = 10**24


class Anvil:
    """A running node. `request` speaks JSON-RPC; `node` is what settlement is given."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.node = HttpNode([url])

    def request(self, method: str, *params: Any) -> Any:
        return self.node.request(method, list(params))

    def fund(self, *addresses: str) -> None:
        for address in addresses:
            self.request("anvil_setBalance", address, hex(RICH))

    def mine(self, blocks: int = 1) -> None:
        self.request("anvil_mine", hex(blocks))

    def block_number(self) -> int:
        return int(self.request("eth_blockNumber"), 16)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_anvil(*options: str) -> Iterator[Anvil]:
    """A node of its own; `--no-mining`, `--block-time 1` and the like as options."""
    port = free_port()
    command = [str(BINARY), "--silent", "--port", str(port), "--chain-id", str(CHAIN_ID), "--accounts", "1", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    anvil = Anvil(f"http://127.0.0.1:{port}")
    try:
        _wait(anvil, process)
        yield anvil
    finally:
        anvil.node.close()
        process.terminate()
        process.wait(timeout=10)


def _wait(anvil: Anvil, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        assert process.poll() is None, "anvil ended at once"
        try:
            anvil.request("eth_chainId")
        except NodeUnreachable:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("anvil does not answer")
