"""`mereau staff`: the people who use the till and the console. The first owner is made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from token_service.cli.output import as_json, print_json

if TYPE_CHECKING:
    from token_service.ledger.context import Context

ROLES = ("owner", "manager", "support", "cashier", "auditor")


@click.group()
def staff() -> None:
    """People who work with the programme: till and console."""


@staff.command()
@click.argument("email")
@click.option("--name", required=True, help="Shown on the pages and in the trail.")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What they may do: docs/console.md.")
@click.option("--merchant", metavar="NAME", help="The merchant of a cashier.")
@click.option("--store", metavar="ID", help="The merchant's own name for the cashier's store.")
@click.option("--locale", metavar="TAG", help="The language of their pages (fr, en); default: their browser's.")
@as_json
def add(
    email: str, name: str, role: str, merchant: str | None, store: str | None, locale: str | None, json_: bool
) -> None:
    """Add somebody and print their first password. It is shown this once."""
    from token_service.app import open_application
    from token_service.errors import NotFound
    from token_service.ledger.context import Actor
    from token_service.ledger.merchants import find_merchant, find_store
    from token_service.ledger.staff import NewPerson, add_person

    with open_application() as application:
        actor, merchant_id, store_id = Actor.admin("cli"), None, None
        if merchant is not None:
            found = find_merchant(application.context, actor, merchant)
            if found is None:
                raise NotFound(f"There is no merchant {merchant!r}: `mereau merchant list` shows them")
            merchant_id = found.id
        if store is not None:
            if merchant_id is None:
                raise click.UsageError("--store needs --merchant")
            place = find_store(application.context, actor, merchant_id, store)
            if place is None:
                raise NotFound(f"{merchant} has no store {store!r}")
            store_id = place.id
        made = add_person(application.context, actor, NewPerson(email, name, role, merchant_id, store_id, locale))
    if json_:
        print_json({"id": made.person.id, "email": made.person.email, "role": role, "password": made.password})
        return
    click.echo(made.password)
    click.echo(
        f"{made.person.email} is {role} ({made.person.id}). They sign in at /staff and choose their own.", err=True
    )


@staff.command("list")
@as_json
def list_(json_: bool) -> None:
    """List everybody."""
    from token_service.app import open_application
    from token_service.ledger.staff import list_people

    with open_application() as application:
        people = list_people(application.context)
    if json_:
        print_json(people)
        return
    for one in people:
        state = "disabled" if one.disabled_at else "active"
        click.echo(f"{one.id}  {one.role:8}  {state:8}  {one.email}  {one.name}  {one.merchant_name or ''}".rstrip())


@staff.command("reset-password")
@click.argument("email")
def reset_password_(email: str) -> None:
    """Print a new first password and sign the person out everywhere."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.staff import reset_password

    with open_application() as application:
        made = reset_password(application.context, Actor.admin("cli"), _id_of(application.context, email))
    click.echo(made.password)


@staff.command()
@click.argument("email")
def disable(email: str) -> None:
    """Let somebody sign in no more."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.staff import disable_person

    with open_application() as application:
        disable_person(application.context, Actor.admin("cli"), _id_of(application.context, email))
    click.echo(f"{email} can no longer sign in")


@staff.command()
@click.argument("email")
def enable(email: str) -> None:
    """Let somebody sign in again."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.staff import enable_person

    with open_application() as application:
        enable_person(application.context, Actor.admin("cli"), _id_of(application.context, email))
    click.echo(f"{email} can sign in again")


def _id_of(context: Context, email: str) -> str:
    from token_service.errors import NotFound
    from token_service.ledger.staff import find_person

    found = find_person(context, email)
    if found is None:
        raise NotFound(f"nobody of the staff has the address {email}: `mereau staff list` shows them")
    return found.id
