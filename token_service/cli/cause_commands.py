"""`mereau cause`: to whom members may give points."""

from __future__ import annotations

import click

from token_service.cli.output import as_json, number, print_json


@click.group()
def cause() -> None:
    """Causes to which members give points."""


@cause.command()
@click.argument("name")
@as_json
def create(name: str, json_: bool) -> None:
    """Make a cause and have it registered on the chain."""
    from token_service.app import open_application
    from token_service.ledger.causes import create_cause
    from token_service.ledger.context import Actor

    with open_application() as application:
        made = create_cause(application.context, Actor.admin("cli"), name)
        application.settle_administration()
    print_json(made) if json_ else click.echo(f"Cause {made.name} is {made.id}, party {made.party}")


@cause.command("list")
@as_json
def list_(json_: bool) -> None:
    """List causes with what they were given."""
    from token_service.app import open_application
    from token_service.ledger.causes import list_causes

    with open_application() as application:
        found = list_causes(application.context)
    if json_:
        print_json(found)
        return
    for one in found:
        state = "" if one.is_open else "  closed"
        click.echo(f"{one.id}  party {one.party:>3}  {number(one.donated)} points  {one.name}{state}")


@cause.command()
@click.argument("cause_id")
@as_json
def close(cause_id: str, json_: bool) -> None:
    """End a cause: nobody gives to it any more; its total stays public."""
    from token_service.app import open_application
    from token_service.ledger.causes import close_cause
    from token_service.ledger.context import Actor

    with open_application() as application:
        closed = close_cause(application.context, Actor.admin("cli"), cause_id)
    print_json(closed) if json_ else click.echo(
        f"Cause {closed.name} is closed; it was given {number(closed.donated)} points"
    )
