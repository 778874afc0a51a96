"""`mereau api-key`: keys for the HTTP API, shown once and stored as hashes."""

from __future__ import annotations

import click

from token_service.cli.output import as_json, print_json


@click.group()
def api_key() -> None:
    """Keys for the HTTP API."""


@api_key.command()
@click.option("--admin", is_flag=True, help="A key that acts for the whole programme.")
@click.option("--merchant", metavar="NAME", help="A key for this merchant; the merchant is made if it is new.")
@click.option(
    "--ceiling", default=1_000_000_000, show_default=True, help="Points a day, for a merchant that is made now."
)
@click.option(
    "--name", default="command line", show_default=True, help="What the key is for, to tell keys apart later."
)
@click.option("--scope", "scopes", multiple=True, help="A scope; may be given several times. Default: all it can have.")
@as_json
def create(admin: bool, merchant: str | None, ceiling: int, name: str, scopes: tuple[str, ...], json_: bool) -> None:
    """Make a key and print it. It is not stored and cannot be shown again."""
    if admin == (merchant is not None):
        raise click.UsageError("Give either --admin or --merchant NAME")
    from token_service.app import open_application
    from token_service.ledger.api_keys import create_api_key
    from token_service.ledger.context import Actor
    from token_service.ledger.inputs import NewApiKey, NewMerchant
    from token_service.ledger.merchants import create_merchant, find_merchant

    with open_application() as application:
        actor = Actor.admin("cli")
        merchant_id = None
        if merchant is not None:
            found = find_merchant(application.context, actor, merchant) or create_merchant(
                application.context, actor, NewMerchant(merchant, ceiling)
            )
            merchant_id = found.id
            application.settle_administration()
        made = create_api_key(application.context, actor, NewApiKey(name, merchant_id, scopes))
    if json_:
        print_json(
            {"key": made.secret, "id": made.api_key.id, "merchant_id": merchant_id, "scopes": made.api_key.scopes}
        )
    else:
        click.echo(made.secret)
        click.echo(f"This is {made.api_key.id}; it is shown this once. Send it as `Authorization: Bearer …`.", err=True)


@api_key.command("list")
@as_json
def list_(json_: bool) -> None:
    """List keys, without their secrets."""
    from token_service.app import open_application
    from token_service.ledger.api_keys import list_api_keys
    from token_service.ledger.context import Actor

    with open_application() as application:
        page = list_api_keys(application.context, Actor.admin("cli"), limit=100, cursor=None)
    if json_:
        print_json(page)
        return
    for key in page.data:
        state = "revoked" if key.revoked_at else "valid"
        click.echo(f"{key.id}  {state:7}  {key.merchant_id or 'admin':30}  {key.name}")


@api_key.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Make a key useless from now on."""
    from token_service.app import open_application
    from token_service.ledger.api_keys import revoke_api_key
    from token_service.ledger.context import Actor

    with open_application() as application:
        revoked = revoke_api_key(application.context, Actor.admin("cli"), key_id)
    click.echo(f"{revoked.id} is revoked")
