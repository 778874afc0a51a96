"""How long one entry takes alone, from accepted to mined, on a chain that makes a block from time to time."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Final

from sqlalchemy import select

from scripts.bench.anvil import running_anvil
from scripts.bench.programme import Programme, instant_node, programme
from scripts.bench.table import Figure, Target
from token_service.chain.settlement import check_chain
from token_service.ledger.settlement_tables import leaves
from token_service.worker import WorkerServices, run_worker

BLOCK_SECONDS: Final = 2
MORE_SECONDS: Final = 1.5
ENTRIES: Final = 31
MINED_WITHIN_SECONDS: Final = 60.0


def measure_lone(entries: int = ENTRIES) -> list[Figure]:
    """One line: the median beside the block time, at phases of the block that chance decides."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil(BLOCK_SECONDS) as url,
        programme(Path(folder) / "var", rpc_url=url) as made,
        instant_node(made.application) as node,
    ):
        services = WorkerServices(check_chain(made.application.chain_services(node)))
        stop = threading.Event()
        worker = threading.Thread(target=run_worker, args=(services, stop))
        worker.start()
        try:
            _mined_after(made)  # the first one waits for the rest of the founding
            waited = sorted(_mined_after(made) for _ in range(entries))
        finally:
            stop.set()
            worker.join()
    allowed, half = BLOCK_SECONDS + MORE_SECONDS, median(waited)
    met = Target(f"≤ {allowed:g} s", half <= allowed)
    told = f"median {half:.2f} s, {waited[0]:.2f} … {waited[-1]:.2f} s of {entries}"
    beside = f"a block every {BLOCK_SECONDS} s and {MORE_SECONDS:g} s"
    return [
        Figure(
            "a lone entry, accepted to mined: how often it fits",
            allowed / half,
            told,
            beside,
            met,
        )
    ]


def _mined_after(made: Programme) -> float:
    """Seconds from the answer to a purchase until its entry is in a block."""
    time.sleep(random.uniform(0, BLOCK_SECONDS))
    made.buy(1)
    accepted = time.monotonic()
    query = select(leaves.c.state).order_by(leaves.c.seq.desc()).limit(1)
    while time.monotonic() < accepted + MINED_WITHIN_SECONDS:
        with made.application.store.read() as connection:
            if connection.execute(query).scalar_one() in ("mined", "final"):
                return time.monotonic() - accepted
        time.sleep(0.02)
    raise RuntimeError("a lone entry was not mined in a minute")
