"""`mereau init`, `deploy`, `migrate`: from an empty folder to a programme on a chain."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from token_service.cli.output import as_json, print_json


class Duration(click.ParamType[timedelta]):
    """An ISO 8601 duration in weeks, days, hours, minutes and seconds (P14D, PT30M)."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        from pydantic import TypeAdapter, ValidationError

        if isinstance(value, timedelta):
            return value
        try:
            found = TypeAdapter(timedelta).validate_python(value)
        except ValidationError:
            self.fail("takes an ISO 8601 duration such as P14D or PT30M", param, ctx)
        if found < timedelta(0) or not str(value).startswith("P"):
            self.fail("takes an ISO 8601 duration such as P14D or PT30M", param, ctx)
        return found


NOTICE = click.option(
    "--notice", type=Duration(), default="PT0S", help="Notice before new rules and higher ceilings act. Default: none."
)
SUNSET_NOTICE = click.option(
    "--sunset-notice", type=Duration(), default="P90D", show_default=True, help="Notice before the programme may end."
)


@click.command()
@click.option(
    "--ruleset",
    "ruleset_path",
    type=click.Path(path_type=Path),
    help="The programme's rules (YAML or JSON). Default: 1 point per whole euro.",
)
@NOTICE
@SUNSET_NOTICE
@as_json
def init(ruleset_path: Path | None, notice: timedelta, sunset_notice: timedelta, json_: bool) -> None:
    """Make a programme in MEREAU_DATA_DIR: tables, keys, chain, contract, rules.

    May be run again: what is there stays. On the embedded chain (the default) the contract is deployed and the rules are
    published at once; with MEREAU_RPC_URL, fund the operator and the admin and run `mereau deploy`.
    """
    from token_service.app import open_application
    from token_service.app.setup import Founding, initialise, read_ruleset
    from token_service.config import load_settings

    settings = load_settings()
    founding = Founding(read_ruleset(ruleset_path), int(notice.total_seconds()), int(sunset_notice.total_seconds()))
    initialise(settings, founding)
    with open_application(settings) as application:
        program, keys = application.program(), application.keys
    if json_:
        print_json({"program": program, "operator": keys.operator_address, "admin": keys.admin_address})
        return
    click.echo(f"{program.name} is set up in {settings.data_dir}")
    if program.contract is not None:
        click.echo(f"contract {program.contract} on chain {program.chain_id}")
        click.echo("Next: mereau serve, and mereau api-key create --merchant NAME")
    else:
        click.echo(f"operator {keys.operator_address} and admin {keys.admin_address} need funds; then: mereau deploy")


@click.command()
@SUNSET_NOTICE
@as_json
def deploy(sunset_notice: timedelta, json_: bool) -> None:
    """Deploy the contract to the node of MEREAU_RPC_URL, or check the one that is there.

    Checks that the deployed bytecode is the published build. May be run again.
    """
    from token_service.app import open_application
    from token_service.app.setup import Founding, deploy_contract

    with open_application() as application:
        founding = Founding("", sunset_notice_seconds=int(sunset_notice.total_seconds()))
        deployment = deploy_contract(application, founding)
    if json_:
        print_json(deployment)
    else:
        word = "deployed" if deployment.created else "is there already, and its code is the published build"
        click.echo(f"contract {deployment.address} on chain {deployment.chain_id}: {word}")


@click.command()
def migrate() -> None:
    """Bring the database's tables up to this version."""
    from token_service.app.application import assemble
    from token_service.config import load_settings
    from token_service.custody.key_ring import open_keys
    from token_service.migrations import upgrade_store

    settings = load_settings()
    with assemble(settings, open_keys(settings.data_dir / "keys", settings.passphrase)) as application:
        upgrade_store(application.store)
    click.echo("The tables are current")
