"""Readers of the embedded chain in other processes and threads, beside the one that mines."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from embedded_programme import Programme, member, read

from token_service.chain.embedded import EmbeddedReader
from token_service.errors import NotInitialised, OperatorError

HERE = Path(__file__).parent


def test_another_process_sees_consistent_snapshots_while_this_one_mines(programme: Programme) -> None:
    programme.mine(programme.issue(1, *range(1, 9)))
    with subprocess.Popen(
        [sys.executable, str(HERE / "reading_process.py"), str(programme.chain.path), programme.contract, "20"],
        env={"PYTHONPATH": f"{HERE.parents[1]}:{HERE}", "PATH": "/usr/bin:/bin"},
        cwd=HERE.parents[1],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        while process.poll() is None:
            programme.mine(programme.issue(1, *range(1, 9)))
            if programme.nonce > 10_000 or _has_output(process):
                break
        seen = json.loads(process.stdout.read())
    assert len({head for head, *_ in seen}) == 20
    for head, again, supply, balances, newest_log in seen:
        assert head == again == newest_log
        assert supply == balances


def _has_output(process: subprocess.Popen[bytes]) -> bool:
    return bool(select.select([process.stdout], [], [], 0)[0])


def test_threads_of_one_reader_have_snapshots_of_their_own(programme: Programme) -> None:
    programme.mine(programme.issue(1, *range(1, 9)))
    reader, wrong, stop = EmbeddedReader(programme.chain.path), [], threading.Event()

    def look() -> None:
        while not stop.is_set():
            with reader.snapshot() as view:
                supply = read(view, programme.contract, "totalSupply")
                balances = sum(read(view, programme.contract, "balanceOf", member(n)) for n in range(1, 9))
                if supply != balances:
                    wrong.append((supply, balances))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        programme.mine(programme.issue(1, *range(1, 9)))
    stop.set()
    for thread in threads:
        thread.join()
    reader.close()
    assert wrong == []


def test_a_reader_of_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotInitialised), EmbeddedReader(tmp_path / "chain.db").snapshot():
        pass


def test_a_reader_cannot_write(programme: Programme) -> None:
    reader = EmbeddedReader(programme.chain.path)
    with pytest.raises(OperatorError, match="readonly"), reader.snapshot() as view:
        view.store.connection.execute("delete from kv")
    with reader.snapshot() as view:
        assert view.head().block_number > 0
    reader.close()


def test_a_reader_of_something_else_says_so(tmp_path: Path) -> None:
    (tmp_path / "chain.db").write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(OperatorError, match="chain's file"), EmbeddedReader(tmp_path / "chain.db").snapshot():
        pass
