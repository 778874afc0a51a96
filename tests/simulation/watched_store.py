"""The ledger's database under watch: every commit must lie between two failpoints, and may fail before or after it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection

from token_service.errors import DatabaseBusy
from token_service.ledger.store import Store

Result = TypeVar("Result")


class Unlisted(AssertionError):
    """A commit or a call of the node lies outside of every failpoint."""


class WatchedStore(Store):
    """`check` is asked before each commit of a worker. `mishap` says whether it fails: "before", "after" (the answer is lost) or
    not. Outside of workers, `watching` is off and it is a store as any other.
    """

    watching: bool = False
    check: Callable[[], None]
    mishap: Callable[[], str | None]

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        if not self.watching:
            return super().transact(work)
        self.check()
        mishap = self.mishap()
        if mishap == "before":
            raise DatabaseBusy("the simulation's database does not answer")
        done = super().transact(work)
        if mishap == "after":
            raise DatabaseBusy("the simulation's database is gone, perhaps after the commit")
        return done

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self.watching:
            self.check()
        with super().write() as connection:
            yield connection
