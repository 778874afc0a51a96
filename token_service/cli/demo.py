"""`mereau demo`: a whole programme on real baskets, settled, audited and served, from nothing to a signed-in wallet.

Everything is the real thing: the programme is set up as `init` does, `serve` runs as its own process, baskets go through the
use cases of the API, and the auditor reads the chain through `POST /rpc` like any stranger.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from token_service.cli.output import number
from token_service.errors import BadSettings, NodeUnreachable

if TYPE_CHECKING:
    from token_service.app import Application
    from token_service.cli.loading import Loaded
    from token_service.config import Settings

MERCHANT: Final = "Épicerie des Halles"
CEILING_POINTS: Final = 250_000
"""Points that the demo's merchant may issue a day: about three times what eight weeks of baskets earn, and no more."""
START_TIMEOUT_SECONDS: Final = 60
SETTLE_TIMEOUT_SECONDS: Final = 900


@click.command()
@click.option("--households", default=150, show_default=True, help="How many households, 1 to 2469.")
@click.option("--weeks", default=8, show_default=True, help="How many weeks of baskets, 1 to 53.")
@click.option("--port", default=8000, show_default=True, help="Where the pages and the API are served (loopback).")
@click.option("--once", is_flag=True, help="Stop after the audit instead of serving on.")
def demo(households: int, weeks: int, port: int, once: bool) -> None:
    """Show Méreau on real baskets: set up, load, settle, audit, serve.

    Keeps its data in MEREAU_DATA_DIR (default ./var/demo) and goes on there when it is run again.
    """
    from token_service.app import open_application
    from token_service.app.resources import resource_dir
    from token_service.app.setup import Founding, initialise, read_ruleset

    _check_free(port)
    started = time.monotonic()
    settings, url = _demo_settings(port), f"http://127.0.0.1:{port}"
    click.echo("◉ Méreau: loyalty points that anyone can check\n")
    initialise(settings, Founding(read_ruleset(resource_dir("examples") / "les-halles.yaml")))
    with open_application(settings) as application, _serving(settings, port) as server:
        loaded = load(application, households, weeks)
        use_points(application)
        settle(application)
        passed = audit(application, url, f"{url}/rpc")
        tell(application, loaded, f"{url}/rpc", time.monotonic() - started)
        if once:
            raise SystemExit(0 if passed else 1)
        click.echo("\nServing until you press Ctrl-C.")
        raise SystemExit(_wait(server))


def _check_free(port: int) -> None:
    """Raises BadSettings when something listens there already: another Méreau would answer in our server's place."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BadSettings(f"Port {port} is taken: stop what listens there, or choose another --port") from error


def _demo_settings(port: int) -> Settings:
    from token_service.config import load_settings

    given = load_settings()
    folder = given.data_dir if "MEREAU_DATA_DIR" in os.environ else Path("var/demo")
    return load_settings(
        data_dir=folder.absolute(), demo=True, public_url=f"http://127.0.0.1:{port}", log_level="warning"
    )


@contextmanager
def _serving(settings: Settings, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`mereau serve` as a process of its own, answering when this yields, gone when it ends."""
    environment = {
        **os.environ,
        "MEREAU_DATA_DIR": str(settings.data_dir),
        "MEREAU_DEMO": "true",
        "MEREAU_PUBLIC_URL": str(settings.public_url),
        "MEREAU_LOG_LEVEL": settings.log_level,
    }
    log = (settings.data_dir / "serve.log").open("ab")
    command = [sys.executable, "-m", "token_service", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _await_answer(server, settings)
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


def _await_answer(server: subprocess.Popen[bytes], settings: Settings) -> None:
    import requests

    until = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise BadSettings(f"The server did not start; {settings.data_dir / 'serve.log'} says why")
        try:
            if requests.get(f"{settings.public_url}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise NodeUnreachable(f"The server did not answer; {settings.data_dir / 'serve.log'} says why")


def load(application: Application, households: int, weeks: int) -> Loaded:
    """Real baskets, through the use cases of the API, with a progress bar."""
    from token_service.cli.completejourney import read_baskets
    from token_service.cli.loading import load_baskets
    from token_service.cli.progress import progress_bar
    from token_service.ledger.context import Actor
    from token_service.ledger.inputs import NewMerchant
    from token_service.ledger.merchants import create_merchant, find_merchant

    context, admin = application.context, Actor.admin("demo")
    found = find_merchant(context, admin, MERCHANT) or create_merchant(
        context, admin, NewMerchant(MERCHANT, CEILING_POINTS)
    )
    baskets = read_baskets(households=households, weeks=weeks, now=context.now(), zone=application.time_zone())
    with progress_bar() as bar:
        task = bar.add_task("Loading baskets", total=len(baskets))
        return load_baskets(context, found.id, baskets, lambda count: bar.advance(task, count))


def use_points(application: Application) -> None:
    """Does what is due (awards whose return window has ended), then lets some members redeem a coffee."""
    from token_service.cli.spending import redeem_some
    from token_service.ledger.due import run_due

    while run_due(application.context).remaining:
        pass
    redeem_some(application.context, MERCHANT)


def settle(application: Application) -> None:
    """Waits, with a progress bar, until whoever settles has settled all of it. Raises NodeUnreachable after 15 minutes."""
    from token_service.cli.progress import progress_bar
    from token_service.worker import read_backlog

    def unsettled() -> int:
        left = read_backlog(application.store, application.context.now)
        return left.waiting + left.in_flight + left.deferred + left.admin_operations

    until = time.monotonic() + SETTLE_TIMEOUT_SECONDS
    first = left = unsettled()
    with progress_bar() as bar:
        task = bar.add_task("Settling on the chain", total=max(first, 1))
        while left:
            bar.update(task, completed=max(0, first - left))
            if time.monotonic() > until:
                raise NodeUnreachable("The baskets are not settled yet: `mereau doctor` says what they wait for")
            time.sleep(0.3)
            left = unsettled()
        bar.update(task, completed=max(first, 1))


def audit(application: Application, url: str, rpc_url: str) -> bool:
    """Runs `mereau audit` as an admitted auditor would; its report goes to the terminal. The key lives as long as the audit."""
    from token_service.cli.audit_commands import KEY_VARIABLE
    from token_service.ledger.api_keys import create_api_key, revoke_api_key
    from token_service.ledger.context import Actor
    from token_service.ledger.inputs import NewApiKey

    context, admin = application.context, Actor.admin("demo")
    key = create_api_key(context, admin, NewApiKey("auditor of the demo", None, ("openings:read",)))
    command = [
        *(sys.executable, "-m", "token_service", "audit"),
        *("--rpc", rpc_url),
        *("--contract", str(application.program().contract)),
        *("--openings", url),
    ]
    click.echo("\nAuditing, as whoever was admitted may:")
    environment = {**os.environ, KEY_VARIABLE: key.secret}
    try:
        done = subprocess.run(command, check=False, cwd=application.settings.data_dir, env=environment)
    finally:
        revoke_api_key(context, admin, key.api_key.id)
    return done.returncode == 0


def tell(application: Application, loaded: Loaded, rpc_url: str, seconds: float) -> None:
    """Says what is there and where to look."""
    from token_service.cli.demo_staff import CASHIER, cashier_password, owner_sign_in
    from token_service.cli.loading import household_email
    from token_service.cli.spending import shown_household
    from token_service.ledger.api_keys import create_api_key
    from token_service.ledger.context import Actor
    from token_service.ledger.inputs import NewApiKey
    from token_service.ledger.merchants import find_merchant
    from token_service.ledger.program_setup import get_books
    from token_service.ledger.settlement_figures import settled

    context, admin = application.context, Actor.admin("demo")
    merchant = find_merchant(context, admin, MERCHANT)
    assert merchant is not None
    key = create_api_key(context, admin, NewApiKey("demo", merchant.id)).secret
    done, totals = settled(application.store), get_books(application.context).totals
    per_entry = f" ({number(done.gas // done.entries)} an entry)" if done.entries else ""
    base = application.settings.public_url
    click.echo(
        f"""
{number(loaded.purchases)} purchases of {number(loaded.members)} members in {loaded.stores} stores; \
{number(totals.issued)} points issued, {number(totals.redeemed)} redeemed, {number(totals.pending)} inside the return window
{number(done.entries)} entries and {number(done.facts)} facts settled in {number(done.batches)} batches, \
{number(done.gas)} gas{per_entry}
ready after {seconds:.0f} s

  Wallet     {base}/          sign in as {household_email(shown_household(context, merchant.id))}
  Mailbox    {base}/mailbox   the sign-in codes arrive here (demo only)
  Till       {base}/till      sign in as {CASHIER} with {cashier_password(context, merchant.id)}
  Console    {base}/staff     {owner_sign_in(context)}
  API        {base}/docs
  API key    {key}   ({MERCHANT}; shown once)
  Contract   {application.program().contract} on chain {application.program().chain_id}, JSON-RPC at {rpc_url}
  Data       {application.settings.data_dir}"""
    )


def _wait(server: subprocess.Popen[bytes]) -> int:
    try:
        return server.wait()
    except KeyboardInterrupt:
        return 0
