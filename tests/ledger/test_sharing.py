"""Calls that arrive while others work are done together: nobody waits longer, nobody answers for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from token_service.ledger.sharing import GROUP_MAX, Sharing

CALLERS = 60
PATIENCE_SECONDS = 20


class Kitchen:
    """Does what it is asked, a group at a time; the first order waits until the door opens."""

    def __init__(self, fails: str = "") -> None:
        self.groups: list[list[str]] = []
        self._door, self._is_busy = threading.Event(), threading.Event()
        self._sharing, self._fails = Sharing(), fails
        self._lock = threading.Lock()

    def work(self, asked: Sequence[str]) -> list[str]:
        with self._lock:
            self.groups.append(list(asked))
        if "first" in asked:
            self._is_busy.set()
            assert self._door.wait(PATIENCE_SECONDS)
        if self._fails and self._fails in asked:
            raise ValueError(self._fails)
        return [name.upper() for name in asked]

    def order(self, name: str, key: str | None = None) -> str:
        return self._sharing.do(name, name if key is None else key, self.work)

    def orders(self, pool: ThreadPoolExecutor, names: Sequence[str], key: str | None = None) -> list[Future[str]]:
        """Given while the first order is at work, in their order."""
        futures = [pool.submit(self.order, "first")]
        assert self._is_busy.wait(PATIENCE_SECONDS)
        for number, name in enumerate(names, 1):
            futures.append(pool.submit(self.order, name, key))
            wait_until(lambda number=number: len(self._sharing._waiting) == number)  # type: ignore[misc]
        self._door.set()
        return futures


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.001)


@pytest.fixture
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CALLERS)


def answers(futures: Sequence[Future[str]]) -> list[str]:
    return [future.result(PATIENCE_SECONDS) for future in futures]


def test_whoever_finds_nobody_at_work_is_done_at_once_alone() -> None:
    kitchen = Kitchen()
    assert [kitchen.order("bread"), kitchen.order("wine")] == ["BREAD", "WINE"]
    assert kitchen.groups == [["bread"], ["wine"]]


def test_those_that_arrive_meanwhile_are_one_group(pool: ThreadPoolExecutor) -> None:
    kitchen = Kitchen()
    futures = kitchen.orders(pool, ["bread", "wine", "salt"])
    assert answers(futures) == ["FIRST", "BREAD", "WINE", "SALT"]
    assert kitchen.groups == [["first"], ["bread", "wine", "salt"]]


def test_two_of_one_key_are_never_in_one_group(pool: ThreadPoolExecutor) -> None:
    kitchen = Kitchen()
    assert answers(kitchen.orders(pool, ["bread", "wine"], key="the same card")) == ["FIRST", "BREAD", "WINE"]
    assert kitchen.groups == [["first"], ["bread"], ["wine"]]


def test_a_group_that_fails_is_done_again_each_alone(pool: ThreadPoolExecutor) -> None:
    kitchen = Kitchen(fails="stone")
    first, bread, stone, wine = kitchen.orders(pool, ["bread", "stone", "wine"])
    assert answers([first, bread, wine]) == ["FIRST", "BREAD", "WINE"]
    with pytest.raises(ValueError, match="stone"):
        stone.result(PATIENCE_SECONDS)
    assert kitchen.groups[:2] == [["first"], ["bread", "stone", "wine"]]
    assert sorted(kitchen.groups[2:]) == [["bread"], ["stone"], ["wine"]]


def test_what_breaks_only_in_a_group_is_in_the_log(pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture) -> None:
    kitchen = Kitchen(fails="bread")
    first, bread, wine = kitchen.orders(pool, ["bread", "wine"])
    assert answers([first, wine]) == ["FIRST", "WINE"]
    with pytest.raises(ValueError, match="bread"):
        bread.result(PATIENCE_SECONDS)
    assert [record.getMessage() for record in caplog.records] == ["sharing_failed calls=2 error=ValueError"]


def test_a_group_has_a_largest_size(pool: ThreadPoolExecutor) -> None:
    kitchen = Kitchen()
    names = [f"plate {number}" for number in range(GROUP_MAX + 3)]
    assert answers(kitchen.orders(pool, names))[1:] == [name.upper() for name in names]
    assert kitchen.groups == [["first"], names[:GROUP_MAX], names[GROUP_MAX:]]


def test_after_a_failure_alone_the_next_one_is_served() -> None:
    kitchen = Kitchen(fails="stone")
    with pytest.raises(ValueError, match="stone"):
        kitchen.order("stone")
    assert kitchen.order("bread") == "BREAD"


def test_nobody_is_forgotten_or_served_twice(pool: ThreadPoolExecutor) -> None:
    kitchen = Kitchen()
    names = [f"order {number}" for number in range(CALLERS * 20)]
    assert sorted(pool.map(kitchen.order, names)) == sorted(name.upper() for name in names)
    assert sorted(name for group in kitchen.groups for name in group) == sorted(names)
