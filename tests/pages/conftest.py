"""The town of the pages' tests: a programme migrated and founded once, its database copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pages_browsing import cookies, open_page, site  # noqa: F401 (fixtures)
from pages_settled import Settled, settled_town
from pages_town import RULES, WAITING_RULES, Browser, Clock, Town, found, make_context, open_shop

from token_service.custody.key_ring import KeyRing, create_keys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return create_keys(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory, keys: KeyRing) -> Callable[[str], Path]:
    """The folder of a programme with these rules; made when first asked for."""
    made: dict[str, Path] = {}

    def folder_of(rules: str) -> Path:
        if rules not in made:
            folder = tmp_path_factory.mktemp("founded")
            found(folder, keys, rules)
            made[rules] = folder
        return made[rules]

    return folder_of


@pytest.fixture
def make_town(founded: Callable[[str], Path], tmp_path: Path, keys: KeyRing) -> Iterator[Callable[[str], Town]]:
    """Opens a town of its own under these rules; at most one a test."""
    opened: list[Town] = []

    def make(rules: str) -> Town:
        shutil.copytree(founded(rules), tmp_path, dirs_exist_ok=True)
        clock = Clock()
        opened.append(open_shop(make_context(tmp_path, keys, clock), clock))
        return opened[-1]

    yield make
    for town in opened:
        town.context.store.dispose()


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(RULES)


@pytest.fixture
def waiting_town(make_town: Callable[[str], Town]) -> Town:
    """A programme whose points wait for 14 days."""
    return make_town(WAITING_RULES)


@pytest.fixture
def alice(town: Town) -> Browser:
    """A browser that nobody signed in with yet."""
    return Browser(town.app().test_client())


@pytest.fixture
def bob(town: Town) -> Browser:
    """Another one."""
    return Browser(town.app().test_client())


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    """A whole deployment on its embedded chain, where Alice's first lines are written and the newest is on its way."""
    with settled_town(tmp_path_factory.mktemp("settled")) as made:
        yield made


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Debian's Chromium, told not to ask anything of anybody."""
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    return {
        "executable_path": shutil.which("chromium-headless-shell") or shutil.which("chromium"),
        "args": ["--no-sandbox", "--disable-gpu", "--disable-quic", *quiet],
    }
