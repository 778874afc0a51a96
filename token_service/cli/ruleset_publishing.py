"""`mereau ruleset draft | publish | list`: from a checked document to rules that act, with notice."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from token_service.cli.output import as_json, print_json


@click.command("list")
@as_json
def list_(json_: bool) -> None:
    """List every version, newest first, with the one that acts now."""
    from token_service.app import open_application
    from token_service.ledger.rulesets import list_rulesets, ruleset_in_force

    with open_application() as application:
        page = list_rulesets(application.context, limit=100, cursor=None)
        now = ruleset_in_force(application.context, application.context.now()).hash
    if json_:
        print_json(page)
        return
    for one in page.data:
        since = f"from {one.effective_at:%Y-%m-%d %H:%M} UTC" if one.effective_at else ""
        click.echo(f"{one.hash}  {one.state:10} {since}{'  ← in force' if one.hash == now else ''}")


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--base", metavar="HASH", help="Make it an addendum to this ruleset: it may only add, and acts at once.")
@as_json
def draft(path: Path, base: str | None, json_: bool) -> None:
    """Store a document as a draft and print its hash. Nothing acts yet."""
    from token_service.app import open_application
    from token_service.app.setup import read_ruleset
    from token_service.ledger.context import Actor
    from token_service.ledger.rulesets import draft as store_draft

    with open_application() as application:
        made = store_draft(application.context, Actor.admin("cli"), read_ruleset(path), base)
    if json_:
        print_json(made)
    else:
        click.echo(made.hash)
        click.echo(f"Draft stored. Next: mereau ruleset publish {made.hash}", err=True)


@click.command()
@click.argument("hash_")
@click.option(
    "--at",
    "at",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]),
    help="When it takes effect (RFC 3339). Default: as soon as the notice period allows.",
)
@as_json
def publish(hash_: str, at: datetime | None, json_: bool) -> None:
    """Publish a draft on the chain. It acts when the programme's notice period has passed, not before."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.rulesets import publish as publish_ruleset

    with open_application() as application:
        published = publish_ruleset(application.context, Actor.admin("cli"), hash_, at)
        application.settle_administration()
    if json_:
        print_json(published)
    else:
        click.echo(f"{published.hash} acts from {published.effective_at:%Y-%m-%d %H:%M:%S} UTC on")
