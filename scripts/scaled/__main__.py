"""`make scaled`: the product as it is run for many shops, on this one machine: PostgreSQL, an Ethereum node, a signer with the
keys, two workers on two lanes, two web services on one socket.

Everything is new at each start and gone at the end; `make demo` is the one to keep. With `--roll` all five are replaced, one
after the other, while tills ring up purchases; a request that fails makes it end with 1.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from socket import socket

import click

from scripts.scaled.processes import Processes
from scripts.scaled.rolling import roll_all
from scripts.scaled.servers import running_anvil, running_postgresql
from token_service.app import open_application
from token_service.app.resources import resource_dir
from token_service.cli import demo
from token_service.cli.listening import listening_socket
from token_service.config import load_settings

WEB_SERVICES = 2
WORKERS = 2
SIGNERS_ALONE = ("operator*.key", "admin.key", "sealing.key")
"""What the hosts that serve and settle need not have (docs/custody.md)."""


@click.command()
@click.option("--households", default=60, show_default=True, help="How many households' baskets, 1 to 2469.")
@click.option("--weeks", default=4, show_default=True, help="How many weeks of them, 1 to 53.")
@click.option("--port", default=8000, show_default=True, help="Where the pages and the API are served (loopback).")
@click.option("--roll", is_flag=True, help="Replace every process under load, and count the requests that fail.")
@click.option("--once", is_flag=True, help="Stop after the audit instead of serving on.")
def scaled(households: int, weeks: int, port: int, roll: bool, once: bool) -> None:
    """Run every part as a process of its own, load real baskets, settle, audit, serve."""
    started = time.monotonic()
    click.echo("◉ Méreau, as many processes\n")
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="mereau-scaled-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database_url = stack.enter_context(running_postgresql(folder / "postgresql"))
        node = stack.enter_context(running_anvil(folder))
        processes = stack.enter_context(Processes(folder, _settings(folder, database_url, node.url, port)))
        _found(processes, node.fund)
        _move_keys(folder)
        _start(processes, stack.enter_context(listening_socket("127.0.0.1", port)))
        environment = {**os.environ, **processes.settings}
        with open_application(load_settings(environment, log_level="warning")) as application:
            loaded = demo.load(application, households, weeks)
            demo.use_points(application)
            rolled = not roll or roll_all(application, processes, f"http://127.0.0.1:{port}")
            demo.settle(application)
            passed = rolled and demo.audit(application, f"http://127.0.0.1:{port}", node.url)
            demo.tell(application, loaded, node.url, time.monotonic() - started)
        processes.tell()
        if once:
            sys.exit(0 if passed else 1)
        click.echo("\nServing until you press Ctrl-C.")
        processes.wait()


def _settings(folder: Path, database_url: str, rpc_url: str, port: int) -> dict[str, str]:
    return {
        "MEREAU_DATA_DIR": str(folder / "var"),
        "MEREAU_DATABASE_URL": database_url,
        "MEREAU_RPC_URL": rpc_url,
        "MEREAU_PUBLIC_RPC_URL": rpc_url,
        "MEREAU_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MEREAU_DEMO": "true",
    }


def _found(processes: Processes, fund: object) -> None:
    """Programme, contract, and one lane for each worker; the accounts that send get gas money, as an operator would give it."""
    assert callable(fund)
    processes.settings["MEREAU_CONFIRMATIONS"] = "0"  # nobody else has this node: its blocks stay
    ruleset = resource_dir("examples") / "les-halles.yaml"
    founded = processes.json("init", "--ruleset", str(ruleset))
    fund(founded["operator"], founded["admin"])
    processes.run("deploy")
    for _ in range(WORKERS - 1):
        fund(processes.json("operators", "add")["operator"])
    del processes.settings["MEREAU_CONFIRMATIONS"]


def _move_keys(folder: Path) -> None:
    """To the signer's own folder, as docs/custody.md says."""
    keys = folder / "var" / "keys"
    shutil.copytree(keys, folder / "signer" / "keys")
    for pattern in SIGNERS_ALONE:
        for path in keys.glob(pattern):
            path.unlink()


def _start(processes: Processes, listening: socket) -> None:
    path = processes.folder / "signer.sock"
    processes.settings["MEREAU_SIGNER_SOCKET"] = str(path)
    processes.start("signer", "signer", settings={"MEREAU_DATA_DIR": str(processes.folder / "signer")})
    for number in range(WORKERS):
        processes.start(f"worker {number + 1}", "worker")
    for number in range(WEB_SERVICES):
        processes.start(f"web {number + 1}", "web", listening=listening)


if __name__ == "__main__":
    scaled()
