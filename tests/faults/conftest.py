"""One town for all: the faults follow each other as they would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import PostgreSQL
from fault_invariants import Auditor
from town import Town, town


@pytest.fixture(scope="module")
def running(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, Auditor]]:
    with town(postgresql, tmp_path_factory.mktemp("town")) as made:
        yield made, Auditor(made)
