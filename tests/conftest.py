"""Fixtures that several rooms need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anvil_node import Anvil, running_anvil


@pytest.fixture(scope="session")
def anvil() -> Iterator[Anvil]:
    """A node that mines every transaction at once; shared, so tests must bring their own keys and contract."""
    with running_anvil() as node:
        yield node
