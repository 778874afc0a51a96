"""A deployment on its embedded chain whose ledger is set back to an earlier copy, as after a lost disk."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from deployments import Deployment, purchase


def copy_ledger(deployment: Deployment, copy: Path) -> None:
    """A consistent copy of the ledger alone."""
    with sqlite3.connect(deployment.folder / "ledger.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)


def restore_ledger(deployment: Deployment, copy: Path) -> None:
    """The copy in the place of the ledger; chain, keys and receipt files stay as they are."""
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (deployment.folder / name).unlink(missing_ok=True)
    copy_of = deployment.folder / "ledger.db"
    copy_of.write_bytes(copy.read_bytes())


class Shop:
    """What a till does over HTTP."""

    def __init__(self, deployment: Deployment, key: str) -> None:
        self.deployment, self.key = deployment, key

    def post(self, path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
        answer = self.deployment.post(path, body, self.key)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def member(self, card: str) -> str:
        return str(self.post("/v1/members", {"external_id": card})["id"])

    def buy(self, reference: str, card: str, cents: int = 2390) -> dict[str, Any]:
        return self.post("/v1/purchases", purchase(reference, card, cents))

    def get(self, path: str) -> Any:
        return self.deployment.get(path, self.key).json()

    def balance(self, member: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/members/{member}/balance")
        return found

    def settle(self) -> None:
        """Returns when everything is final."""
        until = time.monotonic() + 60
        while self._waiting():
            assert time.monotonic() < until, self.deployment.log()[-2000:]
            time.sleep(0.05)

    def _waiting(self) -> int:
        with sqlite3.connect(self.deployment.folder / "ledger.db") as ledger:
            return int(ledger.execute("select count(*) from leaves where state <> 'final'").fetchone()[0])
