"""Kills processes that write the embedded chain, reopens what they left, and prints what it found as JSON.

`python crash_driver.py (block|genesis|load) FOLDER`. It forks instead of starting Python again for each kill; it runs in a
process of its own because pytest's has threads. Statements are counted by SQLite's own trace, from the opening of the file
on, so the product has no hook for this.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedded_programme import CHAIN_ID, Clock, Programme, member, new_chain, read

from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded.store import BlockStore, new_cache
from token_service.errors import NotInitialised

MEMBERS = range(10, 18)
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 10


def kill_before_statement(number: int) -> Callable[..., sqlite3.Connection]:
    """A `sqlite3.connect` whose connections kill this process before their `number`-th statement, counted together."""
    connect, seen = sqlite3.connect, 0

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)

        def before(statement: str) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

        connection.set_trace_callback(before)
        return connection

    return traced


def run_until_killed(statement: int, work: Callable[[], None]) -> bool:
    """Whether the child was killed; False: it had fewer statements and finished."""
    child = os.fork()
    if child == 0:
        sqlite3.connect = kill_before_statement(statement)  # type: ignore[assignment]
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def look(path: Path) -> dict[str, Any]:
    """What a reopened chain says of itself, and whether its next block goes on."""
    with sqlite3.connect(path) as file:
        integrity = file.execute("pragma integrity_check").fetchone()[0]
    chain = EmbeddedChain(path, clock=Clock())
    programme = Programme.resume(chain)
    with chain.view() as view:
        head = view.head().block_number
        supply = read(view, programme.contract, "totalSupply")
        balances = sum(read(view, programme.contract, "balanceOf", member(n)) for n in (1, *MEMBERS))
        transactions = [view.transaction(t.hash) is not None for t in view.block(view.head()).transactions]
        rows = view.store.connection.execute("select coalesce(max(block), 0) from transactions").fetchone()[0]
        logs = len(view.store.connection.execute("select 1 from logs where block = ?", (head,)).fetchall())
        receipts = sum(len(receipt.logs) for receipt in view.receipts(view.head()))
    next_block = programme.mine(programme.issue(1, 1)).number
    chain.close()
    return {
        "integrity": integrity,
        "head": head,
        "supply": supply,
        "balances": balances,
        "transactions_found": all(transactions),
        "newest_row": rows,
        "log_rows": logs,
        "receipt_logs": receipts,
        "next": next_block,
    }


def kill_in_a_block(folder: Path) -> list[dict[str, Any]]:
    chain = new_chain(folder / "base.db")
    programme = Programme.start(chain)
    programme.mine(programme.issue(5, 1))
    before = {"head": programme.chain.mine().number, "supply": 5}
    chain.close()
    found: list[dict[str, Any]] = []
    while True:
        path = folder / f"{len(found)}.db"
        shutil.copy(folder / "base.db", path)

        def work(path: Path = path) -> None:
            again = Programme.resume(EmbeddedChain(path, clock=Clock()))
            again.mine(again.issue(3, *MEMBERS), again.issue(2, 1, 10))

        if not run_until_killed(len(found) + 1, work):
            return [*found, {"before": before}]
        found.append(look(path))
        path.unlink()


def kill_in_the_genesis(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        path = folder / f"{len(found)}.db"
        if not run_until_killed(len(found) + 1, lambda path=path: new_chain(path).close()):
            return found
        try:
            store = BlockStore.for_reader(path, new_cache())
            tables = [row[0] for row in store.connection.execute("select name from sqlite_master where type = 'table'")]
            count = store.connection.execute("select count(*) from kv").fetchone()[0] if tables else 0
            store.close()
        except NotInitialised:
            count = 0
        chain = new_chain(path)
        found.append({"values_left": count, "chain_id": chain.chain_id, "is_ours": chain.chain_id == CHAIN_ID})
        found[-1]["next"] = chain.mine().number
        chain.close()


def kill_under_load(folder: Path) -> list[dict[str, Any]]:
    chance = random.Random(20261122)
    path = folder / "chain.db"
    chain = new_chain(path)
    Programme.start(chain)
    chain.close()
    found = []
    for _ in range(ROUNDS):
        acknowledged = _mine_until_killed(path, chance.uniform(0.05, 0.25))
        found.append({"acknowledged": acknowledged, **look(path)})
    return found


def _mine_until_killed(path: Path, seconds: float) -> int:
    """The newest block number that the child had acknowledged when it was killed."""
    end_in, end_out = os.pipe()
    child = os.fork()
    if child == 0:
        programme = Programme.resume(EmbeddedChain(path, clock=Clock()))
        while True:
            number = programme.mine(programme.issue(1, *MEMBERS), programme.issue(1, 1)).number
            os.write(end_out, number.to_bytes(8, "big"))
    os.close(end_out)
    newest = os.read(end_in, 8)  # the load has begun
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(end_in, 8):
        newest = more
    os.close(end_in)
    return int.from_bytes(newest, "big")


if __name__ == "__main__":
    mode = {"block": kill_in_a_block, "genesis": kill_in_the_genesis, "load": kill_under_load}[sys.argv[1]]
    json.dump(mode(Path(sys.argv[2])), sys.stdout)
