"""One owner of the embedded chain; the size of its file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from token_service.chain.embedded import ChainLock, chain_file_report, chain_file_size
from token_service.chain.embedded.size import MOVE_NOW_BYTES, MOVE_SOON_BYTES
from token_service.errors import ChainOwned

HOLD = "import sys, pathlib; from token_service.chain.embedded import ChainLock; ChainLock(pathlib.Path(sys.argv[1])).acquire()"
ROOT = Path(__file__).parents[2]


def test_a_second_owner_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    with ChainLock(tmp_path / "chain.lock"), pytest.raises(ChainOwned, match=f"Process {os.getpid()} owns") as refusal:
        ChainLock(tmp_path / "chain.lock").acquire()
    assert refusal.value.facts == {"pid": os.getpid()}


def test_another_process_is_refused(tmp_path: Path) -> None:
    with ChainLock(tmp_path / "chain.lock"):
        done = subprocess.run(
            [sys.executable, "-c", HOLD, str(tmp_path / "chain.lock")], cwd=ROOT, capture_output=True, check=False
        )
    assert b"ChainOwned" in done.stderr


def test_the_lock_is_free_again_after_its_owner(tmp_path: Path) -> None:
    with ChainLock(tmp_path / "chain.lock") as first:
        assert first.is_held
        assert first.acquire() is first
    with ChainLock(tmp_path / "chain.lock") as second:
        assert second.is_held


def test_a_lock_left_by_kill_9_is_free(tmp_path: Path) -> None:
    hold = HOLD + "; print('held', flush=True); import time; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "chain.lock")], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(ChainOwned):
            ChainLock(tmp_path / "chain.lock").acquire()
        process.kill()
    ChainLock(tmp_path / "chain.lock").acquire().release()


def test_the_chain_stays_owned_while_a_child_shares_the_ownership(tmp_path: Path) -> None:
    lock = ChainLock(tmp_path / "chain.lock").acquire()
    with subprocess.Popen(["/bin/sleep", "60"], pass_fds=(lock.fileno(),)) as child:
        lock.release()
        with pytest.raises(ChainOwned):
            ChainLock(tmp_path / "chain.lock").acquire()
        child.kill()
    ChainLock(tmp_path / "chain.lock").acquire().release()


def test_the_size_counts_the_write_ahead_log(tmp_path: Path) -> None:
    assert chain_file_size(tmp_path / "chain.db") == 0
    (tmp_path / "chain.db").write_bytes(bytes(1000))
    (tmp_path / "chain.db-wal").write_bytes(bytes(500))
    assert chain_file_size(tmp_path / "chain.db") == 1500
    assert not chain_file_report(tmp_path / "chain.db").is_advised_to_move


@pytest.mark.parametrize(("size_bytes", "words"), [(MOVE_SOON_BYTES, "Plan the move"), (MOVE_NOW_BYTES, "Move to")])
def test_a_large_file_comes_with_advice(tmp_path: Path, size_bytes: int, words: str) -> None:
    with (tmp_path / "chain.db").open("wb") as file:
        file.truncate(size_bytes)  # sparse
    report = chain_file_report(tmp_path / "chain.db")
    assert report.is_advised_to_move
    assert report.advice.startswith(words)
