"""The town: one programme for all tests of a file; each test makes its own members."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api_town import Town, make_town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = make_town(tmp_path_factory.mktemp("town"))
    yield made
    made.context.store.dispose()
