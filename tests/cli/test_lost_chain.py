"""A data folder whose chain or keys were lost: said by every command, and nothing is made in their place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def mereau(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEREAU_")}
    return subprocess.run(
        [sys.executable, "-m", "token_service", *arguments],
        env=environment | {"MEREAU_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_lost_chain_is_named_and_no_other_is_made(tmp_path: Path) -> None:
    assert mereau(tmp_path, "init").returncode == 0
    chain = tmp_path / "chain.db"
    kept = tmp_path / "kept.db"
    chain.rename(kept)
    for command in (("init",), ("serve", "--port", "1"), ("settle", "--wait")):
        refused = mereau(tmp_path, *command)
        assert (refused.returncode, "chain.db is missing" in refused.stderr) == (78, True), command
        assert not chain.exists()
    examined = mereau(tmp_path, "doctor")
    assert (examined.returncode, "chain.db is missing" in examined.stdout) == (1, True)
    kept.rename(chain)
    assert mereau(tmp_path, "doctor").returncode == 0


def test_lost_keys_are_named_and_no_others_are_drawn(tmp_path: Path) -> None:
    assert mereau(tmp_path, "init").returncode == 0
    keys, kept = tmp_path / "keys", tmp_path / "kept"
    keys.rename(kept)
    refused = mereau(tmp_path, "init")
    assert (refused.returncode, "keys is missing: copy it back" in refused.stderr) == (78, True)
    assert not keys.exists()
    kept.rename(keys)
    (keys / "operator.key").rename(tmp_path / "operator.key")
    examined = mereau(tmp_path, "doctor")
    assert (examined.returncode, "operator.key is missing" in examined.stdout) == (1, True), examined.stdout
    (tmp_path / "operator.key").rename(keys / "operator.key")
    assert mereau(tmp_path, "doctor").returncode == 0
