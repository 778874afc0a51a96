"""`mereau worker`, `run-due`, `settle`: the work behind the web server, as a process of its own or once by hand."""

from __future__ import annotations

import click

from token_service.cli.output import as_json, number, print_json

WAIT = click.option(
    "--timeout", default=600.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds to wait at the most."
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def serve(host: str, port: int) -> None:
    """Serve the API and the pages, and settle: one command, two processes.

    Stops cleanly on SIGTERM or Ctrl-C. Put a reverse proxy with TLS in front and set MEREAU_PUBLIC_URL.
    """
    from token_service.app import open_application
    from token_service.cli.serve import Serving
    from token_service.cli.serve import serve as serve_until_stopped

    with open_application() as application:
        application.check_chain_file()
        lock_path = application.chain_lock().path
    raise SystemExit(serve_until_stopped(Serving(lock_path, host, port)))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that answer.")
def web(host: str, port: int, processes: int) -> None:
    """Serve the API and the pages without settling: `mereau worker` does that beside it.

    Stops cleanly on SIGTERM or Ctrl-C: requests in flight are answered. On a socket of systemd's (then without --host and
    --port) it is replaced under load without a failed request.
    """
    from token_service.app import open_application
    from token_service.cli.counting import count_together
    from token_service.cli.serve import serve_web

    with open_application() as application:
        application.check_chain_file()
        count_together(application.settings.data_dir)
    raise SystemExit(serve_web(host, port, processes))


@click.command()
def worker() -> None:
    """Settle and do due work until stopped, without a web server.

    `mereau serve` has a worker of its own; this is for running them apart. With PostgreSQL and a chain node any number of workers
    share the work.
    """
    import signal
    import threading

    from token_service.app import open_application
    from token_service.cli.systemd import tell_ready
    from token_service.errors import TryAgain
    from token_service.worker import run_worker

    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with open_application() as application:
        try:
            with application.working(waits=stop) as services:
                click.echo("worker started", err=True)
                tell_ready()
                run_worker(services, stop)
        except TryAgain:  # the node or the database was still away when the order to stop came
            if not stop.is_set():
                raise
    click.echo("worker stopped cleanly", err=True)


@click.command("run-due")
@WAIT
@as_json
def run_due(timeout: float, json_: bool) -> None:
    """Do everything that is due (return windows, expiry, tiers …) and return when it is settled."""
    from token_service.app import open_application
    from token_service.cli.doctor import stuck_in_words
    from token_service.ledger.due import run_due as do_due_work

    with open_application() as application:
        report = do_due_work(application.context)
        application.settle(timeout)
    if json_:
        print_json(report)
    else:
        click.echo(
            f"{number(report.awards_matured)} awards became points, {number(report.lots_expired)} lots expired "
            f"({number(report.points_expired)} points), {number(report.tiers_changed)} tiers changed, "
            f"{number(report.birthdays)} birthdays, {number(report.anniversaries)} anniversaries, "
            f"{number(report.scheduled)} scheduled bonuses, {number(report.holds_released)} holds released, "
            f"{number(report.referrals_paid)} invitations paid, {number(report.vouchers_expired)} vouchers ended, "
            f"{number(report.notices_told)} notices ahead of time; all settled"
        )
        for stuck in report.stuck:
            click.echo(stuck_in_words(stuck), err=True)


@click.command()
@click.option("--wait", is_flag=True, help="Return when nothing is unsettled.")
@WAIT
@as_json
def settle(wait: bool, timeout: float, json_: bool) -> None:
    """Say what waits for settlement; with --wait, return when nothing does."""
    from token_service.app import open_application
    from token_service.worker import read_backlog

    with open_application() as application:
        if wait:
            application.settle(timeout)
        left = read_backlog(application.store, application.context.now)
    if json_:
        print_json(left)
    elif left.is_settled and not left.held:
        click.echo("Everything is settled")
    else:
        moving = left.waiting + left.in_flight + left.deferred
        click.echo(f"{number(moving)} entries and {left.admin_operations} administrative orders are on their way")
        if left.held:
            click.echo(f"{number(left.held)} entries wait for a person: `mereau doctor` says why")
