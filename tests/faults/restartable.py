"""A node that can be killed and comes back with the blocks it had written, and without the transactions it was holding."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anvil_node import BINARY, CHAIN_ID, Anvil, free_port

from token_service.errors import NodeUnreachable

BLOCK_SECONDS = 0.5


class RestartableAnvil(Anvil):
    """Mines each transaction at once until `keep_time`, from then on a block each half a second; writes its state each second."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        self.state = folder / "anvil.json"
        self.mining: list[str] = []
        self.process = self._started()

    def keep_time(self) -> None:
        self.mining = ["--block-time", str(BLOCK_SECONDS)]
        self.kill_9()
        self.start_again()

    def _started(self) -> subprocess.Popen[bytes]:
        options = [*self.mining, "--state", str(self.state), "--state-interval", "1"]
        process = subprocess.Popen(
            [
                str(BINARY),
                "--silent",
                "--port",
                str(self.port),
                "--chain-id",
                str(CHAIN_ID),
                "--accounts",
                "1",
                *options,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while time.monotonic() < until:
            assert process.poll() is None, "anvil ended at once"
            try:
                self.request("eth_chainId")
            except NodeUnreachable:
                time.sleep(0.02)
            else:
                return process
        raise AssertionError("anvil does not answer")

    def kill_9(self) -> None:
        """Just after it has written its state: at most a block or two are gone. What it wrote is freed of blocks that are not on
        its chain: else it may come back with the beginning of another, because anvil begins a new chain before it reads a file,
        and writes both."""
        written = self._written_at()
        while self._written_at() == written:
            time.sleep(0.02)
        state = self._canonical(self._whole_state())
        self.process.kill()
        self.process.wait(10)
        self.state.write_text(json.dumps(state))

    def _whole_state(self) -> dict[str, Any]:
        while True:
            try:
                found: dict[str, Any] = json.loads(self.state.read_bytes())
            except ValueError:  # it is writing
                time.sleep(0.02)
            else:
                return found

    def _canonical(self, state: dict[str, Any]) -> dict[str, Any]:
        times = Counter(block["header"]["number"] for block in state["blocks"])
        kept = [
            block for block in state["blocks"] if times[block["header"]["number"]] == 1 or self._has(block["header"])
        ]
        return {**state, "blocks": kept}

    def _has(self, header: dict[str, Any]) -> bool:
        block = self.request("eth_getBlockByNumber", header["number"], False)
        return all(block[name] == header[name] for name in ("parentHash", "stateRoot", "transactionsRoot", "timestamp"))

    def _written_at(self) -> int:
        return self.state.stat().st_mtime_ns if self.state.exists() else 0

    def start_again(self) -> None:
        self.process = self._started()


@contextmanager
def restartable_anvil(folder: Path) -> Iterator[RestartableAnvil]:
    anvil = RestartableAnvil(folder)
    try:
        yield anvil
    finally:
        anvil.node.close()
        anvil.process.kill()
        anvil.process.wait(10)
