"""`mereau member`: enrol, look up, statement, freeze."""

from __future__ import annotations

import click

from token_service.cli.output import as_json, number, print_json


@click.group()
def member() -> None:
    """Members and their points."""


@member.command()
@click.argument("merchant_name")
@click.argument("external_id")
@click.option("--email", help="Where sign-in codes go.")
@click.option("--name", help="How the wallet greets them.")
@click.option("--locale", help="fr or en.")
@as_json
def enrol(
    merchant_name: str, external_id: str, email: str | None, name: str | None, locale: str | None, json_: bool
) -> None:
    """Enrol a member with a merchant, under the merchant's own id for them."""
    from token_service.app import open_application
    from token_service.errors import NotFound
    from token_service.ledger.context import Actor
    from token_service.ledger.inputs import NewMember
    from token_service.ledger.members import enrol as enrol_member
    from token_service.ledger.merchants import find_merchant

    with open_application() as application:
        admin = Actor.admin("cli")
        found = find_merchant(application.context, admin, merchant_name)
        if found is None:
            raise NotFound("No merchant has this name: `mereau merchant list` shows them")
        new = NewMember(external_id, email=email, name=name, locale=locale, merchant_id=found.id)
        outcome = enrol_member(application.context, admin, new)
    if json_:
        print_json(outcome.member)
    else:
        click.echo(f"{outcome.member.id} {'is enrolled' if outcome.created else 'was enrolled already'}")


@member.command()
@click.argument("member_id")
@as_json
def show(member_id: str, json_: bool) -> None:
    """Show a member's balance and the last entries."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.members import get_member
    from token_service.ledger.statements import list_entries

    with open_application() as application:
        admin = Actor.admin("cli")
        found = get_member(application.context, admin, member_id)
        page = list_entries(application.context, admin, member_id, limit=20, cursor=None)
    if json_:
        print_json({"member": found, "entries": page.data})
        return
    balance = found.balance
    click.echo(f"{found.id}  tier {found.tier or '-'}{'  FROZEN' if found.frozen else ''}")
    click.echo(f"available {number(balance.available)}  pending {number(balance.pending)}  owed {number(balance.debt)}")
    for entry in page.data:
        when = f"{entry.occurred_at:%Y-%m-%d %H:%M}"
        click.echo(
            f"  {when}  {entry.kind:12} {entry.points:+12,}  {entry.settlement.state:8}  {entry.merchant_name or ''}"
        )


def _freeze(member_id: str, reason: str, *, frozen: bool) -> None:
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.members import freeze as freeze_member
    from token_service.ledger.members import unfreeze as unfreeze_member

    with open_application() as application:
        change = freeze_member if frozen else unfreeze_member
        change(application.context, Actor.admin("cli"), member_id, reason)
        application.settle_administration()
    click.echo(f"{member_id} is {'frozen' if frozen else 'free again'}")


@member.command()
@click.argument("member_id")
@click.option("--reason", required=True, help="Why; it is recorded.")
def freeze(member_id: str, reason: str) -> None:
    """Stop a member's points until a person decides."""
    _freeze(member_id, reason, frozen=True)


@member.command()
@click.argument("member_id")
@click.option("--reason", required=True, help="Why; it is recorded.")
def unfreeze(member_id: str, reason: str) -> None:
    """Let a frozen member's points move again."""
    _freeze(member_id, reason, frozen=False)
