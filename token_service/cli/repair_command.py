"""`mereau repair`: after an older ledger was restored, learn from chain and receipt files what came after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from token_service.cli.output import as_json, number, print_json

if TYPE_CHECKING:
    from token_service.app.repairing import Report
    from token_service.ledger.repairing.gap import GapBatch
    from token_service.ledger.repairing.writing import Written

SHOWN_MAX = 50


@click.command()
@click.option("--plan", "is_plan", is_flag=True, help="Only tell what would be written and what does not open.")
@click.option("--accept-gap", is_flag=True, help="Let references be used again whose gap could not be opened whole.")
@click.option("--because", help="Why that may be; kept with the repair.")
@as_json
def repair(*, is_plan: bool, accept_gap: bool, because: str | None, json_: bool) -> None:
    """Write into a restored, older ledger what the chain and the receipt files say of the time after it.

    Run it before anything serves. May be stopped and run again. If the ledger knows everything, it says so.
    """
    from token_service.app import open_application, repairing

    if accept_gap != (because is not None):
        raise click.UsageError("--accept-gap needs --because, and --because needs --accept-gap")
    with open_application() as application, application.working() as services:
        if accept_gap and because is not None:
            count = repairing.accept(services.chain, because)
            click.echo("References may be used again" if count else "No references were refused")
            return
        report = repairing.plan(services.chain) if is_plan else repairing.repair(services.chain, _told)
    if json_:
        print_json(report)
        return
    _say(report, "would be" if is_plan else "is")


def _told(batch: GapBatch, written: Written) -> None:
    click.echo(
        f"batch {batch.seq}: {number(written.opened)} opened, {number(written.known)} known, {number(written.closed)} closed",
        err=True,
    )


def _say(report: Report, verb: str) -> None:
    from token_service.app.repairing import in_words

    if not report.batches:
        click.echo("The ledger knows every batch of the chain")
        return
    click.echo(f"{number(report.batches)} batches: {number(report.opened)} entries and facts {verb} written again")
    for one in report.unopened[:SHOWN_MAX]:
        what = f"{number(one.points)} points" if one.kind else "a fact"
        click.echo(f"  batch {one.seq}, {one.position}: {what} of {one.account}: {in_words(one.reason)}")
    if len(report.unopened) > SHOWN_MAX:
        click.echo(f"  and {number(len(report.unopened) - SHOWN_MAX)} more (--json shows all)")
    if report.unknown_merchants:
        click.echo(
            "Their references are unknown: new purchases and other operations are refused, because they may have been counted "
            "already. Compare the list with the tills, then: mereau repair --accept-gap --because …"
        )
