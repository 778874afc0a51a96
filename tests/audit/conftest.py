"""One node for this room, turned back after each test, and a programme on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anvil_node import Anvil, running_anvil

from token_service.protocol.words import EntryWord

from .programme import ALICE, BOB, START, Programme


@pytest.fixture(scope="session")
def own_anvil() -> Iterator[Anvil]:
    """A node whose clock this room moves."""
    with running_anvil("--timestamp", str(START), "--hardfork", "prague") as node:
        yield node


@pytest.fixture
def node_url(own_anvil: Anvil) -> Iterator[str]:
    """The node as it was before the test, and again after it."""
    snapshot = own_anvil.request("evm_snapshot")
    yield own_anvil.url
    own_anvil.request("evm_revert", snapshot)


@pytest.fixture
def programme(node_url: str, tmp_path: Path) -> Programme:
    """A deployed programme without notice and without batches."""
    made = Programme(node_url, tmp_path / "receipts")
    made.deploy()
    return made


@pytest.fixture
def settled(programme: Programme) -> Programme:
    """Three honest batches: issuances and facts, a redemption and a restoration, an entry that is skipped."""
    programme.settle(EntryWord(ALICE, 1, 1, 500), EntryWord(BOB, 1, 2, 300), EntryWord(BOB, 7, 1, 20), facts=2)
    programme.settle(EntryWord(ALICE, 2, 2, 200), EntryWord(ALICE, 5, 2, 50), EntryWord(BOB, 3, 0, 10))
    programme.settle(EntryWord(BOB, 2, 2, 10_000), EntryWord(BOB, 4, 2, 5), facts=1)
    return programme


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of the ledgers of this room, made once."""
    return tmp_path_factory.mktemp("keys") / "keys"
