"""`mereau merchant`: who awards and accepts points, their stores and their ceilings."""

from __future__ import annotations

import csv
import sys
from datetime import datetime

import click

from token_service.cli.output import as_json, number, print_json


@click.group()
def merchant() -> None:
    """Merchants, their stores and their ceilings."""


@merchant.command()
@click.argument("name")
@click.option(
    "--ceiling", default=1_000_000_000, show_default=True, help="Points it may issue in one period; on the chain."
)
@click.option("--period-seconds", default=86_400, show_default=True, help="Length of the period; 0 = for ever.")
@as_json
def create(name: str, ceiling: int, period_seconds: int, json_: bool) -> None:
    """Make a merchant and have its ceiling registered on the chain."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.inputs import NewMerchant
    from token_service.ledger.merchants import create_merchant

    with open_application() as application:
        made = create_merchant(application.context, Actor.admin("cli"), NewMerchant(name, ceiling, period_seconds))
        application.settle_administration()
    if json_:
        print_json(made)
    else:
        click.echo(
            f"Merchant {made.name} is {made.id}, party {made.party}; ceiling {number(made.ceiling.points)} points"
        )


@merchant.command("list")
@as_json
def list_(json_: bool) -> None:
    """List merchants with their ceilings."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.merchants import list_merchants

    with open_application() as application:
        page = list_merchants(application.context, Actor.admin("cli"), limit=100, cursor=None)
    if json_:
        print_json(page)
        return
    for one in page.data:
        click.echo(
            f"{one.id}  party {one.party:>3}  {number(one.ceiling.used)} of {number(one.ceiling.points)} points used  {one.name}"
        )


@merchant.command()
@click.argument("name")
@click.argument("points", type=click.IntRange(min=0))
@click.option("--period-seconds", default=86_400, show_default=True, type=click.IntRange(min=0), help="0 = for ever.")
@as_json
def ceiling(name: str, points: int, period_seconds: int, json_: bool) -> None:
    """Change a merchant's ceiling. Lower acts at once, higher after the notice period."""
    from token_service.app import open_application
    from token_service.errors import NotFound
    from token_service.ledger.context import Actor
    from token_service.ledger.merchants import find_merchant, set_ceiling

    with open_application() as application:
        admin = Actor.admin("cli")
        found = find_merchant(application.context, admin, name)
        if found is None:
            raise NotFound("No merchant has this name: `mereau merchant list` shows them")
        changed = set_ceiling(application.context, admin, found.id, points, period_seconds)
        application.settle_administration()
    if json_:
        print_json(changed)
    elif changed.ceiling.next_at is None:
        click.echo(f"{changed.name} may issue {number(changed.ceiling.points)} points")
    else:
        click.echo(
            f"{changed.name} may issue {number(points)} points from {changed.ceiling.next_at:%Y-%m-%d %H:%M} UTC on"
        )


@merchant.command()
@click.argument("merchant_name")
@click.argument("external_id")
@click.argument("name")
@as_json
def store(merchant_name: str, external_id: str, name: str, json_: bool) -> None:
    """Add a store to a merchant."""
    from token_service.app import open_application
    from token_service.errors import NotFound
    from token_service.ledger.context import Actor
    from token_service.ledger.inputs import NewStore
    from token_service.ledger.merchants import create_store, find_merchant

    with open_application() as application:
        found = find_merchant(application.context, Actor.admin("cli"), merchant_name)
        if found is None:
            raise NotFound("No merchant has this name: `mereau merchant list` shows them")
        made = create_store(application.context, Actor.admin("cli"), NewStore(external_id, name, found.id))
    if json_:
        print_json(made)
    else:
        click.echo(f"Store {made.name} is {made.id}")


@merchant.command()
@click.option("--since", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First day, on the programme's clock.")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day, included.")
@click.option("--csv", "csv_", is_flag=True, help="Print one row for each pair, as CSV.")
@as_json
def settlement(since: datetime, until: datetime, csv_: bool, json_: bool) -> None:
    """What merchants owe one another when one honoured points that another issued, and the causes to which theirs were given."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.net_settlement import net_settlement
    from token_service.program.money import money_text

    with open_application() as application:
        found = net_settlement(application.context, Actor.admin("cli"), since.date(), until.date())
    if json_:
        print_json(found)
    elif csv_:
        csv.writer(sys.stdout, lineterminator="\n").writerows(found.table())
    else:
        for one in found.positions:
            verb = "gets" if one.net_value >= 0 else "pays"
            value = money_text(abs(one.net_value), found.currency)
            honoured = f"honoured {number(one.accepted_points)} points of others, others {number(one.issued_points)} of its own"
            was_given = f"a cause, was given {number(one.accepted_points)} points"
            click.echo(
                f"{found.names[one.party]} {verb} {value}: {was_given if one.party in found.causes else honoured}"
            )
        if not found.positions:
            click.echo("Nobody owes anybody anything for these days")
