"""Whether settling costs an entry the same in a small ledger and in a large one: PostgreSQL, anvil, the worker's own steps.

The large one holds a past: final entries with their members, lots, operations and batches, written set-wise as a history would
have left them (past.sql). Both settle the same number of fresh entries, one after the other, round after round.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from sqlalchemy import text

from scripts.bench.anvil import running_anvil
from scripts.bench.programme import Programme, instant_node, programme, settle
from scripts.bench.service import running_postgresql
from scripts.bench.table import Figure, Target
from token_service.chain.node import Node

PAST: Final = Path(__file__).with_name("past.sql")
ROUNDS: Final = 7
ENTRIES: Final = 1_000
BATCH: Final = 500
MOST: Final = 1.2
"""What an entry may cost in the large ledger, of what it costs in the small one."""


@dataclass(frozen=True)
class Size:
    """How much of a past a ledger has."""

    entries: int
    members: int

    def __str__(self) -> str:
        return f"{self.entries:,} entries of {self.members:,} members"


SMALL: Final = Size(10_000, 1_000)
LARGE: Final = Size(1_000_000, 1_000_000)


@dataclass
class Ledger:
    """A programme with a past, and its node."""

    programme: Programme
    node: Node

    def seconds(self) -> float:
        """How long it takes to settle ENTRIES fresh entries."""
        self.programme.buy(ENTRIES)
        began = time.perf_counter()
        settle(self.programme.application, self.node)
        return time.perf_counter() - began


def measure_flat(small: Size = SMALL, large: Size = LARGE, rounds: int = ROUNDS) -> list[Figure]:
    """One line: what an entry costs in the large ledger, of what it costs in the small one."""
    with _ledger(small) as one, _ledger(large) as other:
        for each in (one, other):  # members get their first points, caches fill
            each.seconds()
        pairs = [(one.seconds(), other.seconds()) for _ in range(rounds)]
    ratios = [slow / fast for fast, slow in pairs]
    ratio = median(ratios)
    rates = [ENTRIES / median(column) for column in zip(*pairs, strict=True)]
    beside = f"{small}: {rates[0]:,.0f}/s; {min(ratios):.2f} … {max(ratios):.2f} × in {rounds} rounds"
    met = Target(f"≤ {MOST:g} ×", ratio <= MOST)
    return [
        Figure("settling an entry, of its cost in a small ledger", ratio, f"{large}: {rates[1]:,.0f}/s", beside, met)
    ]


@contextmanager
def _ledger(size: Size) -> Iterator[Ledger]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil() as url,
        running_postgresql(Path(folder)) as database,
        programme(Path(folder) / "var", rpc_url=url, database_url=database) as made,
        instant_node(made.application) as node,
    ):
        fill(made, size)
        yield Ledger(made, node)


def fill(made: Programme, size: Size) -> None:
    """Gives the ledger its past, and lets PostgreSQL look at it as its own cleaner would have."""
    engine = made.application.store.engine
    with engine.begin() as connection:
        party, ruleset, at = connection.execute(
            text("select m.party, r.hash, m.created_at from merchants m, rulesets r where m.id = :id"),
            {"id": made.merchant.merchant_id},
        ).one()
        first = connection.execute(text("select coalesce(max(id), 0) + 1 from batches")).scalar_one()
        given = {
            "merchant": made.merchant.merchant_id, "party": party, "ruleset": ruleset, "at": at, "first": first,
            "members": size.members, "entries": size.entries, "each": -(-size.entries // size.members), "batch": BATCH,
            "batches": -(-size.entries // BATCH),
        }  # fmt: skip
        for statement in PAST.read_text(encoding="utf-8").split(";")[:-1]:
            connection.execute(text(statement), given)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
