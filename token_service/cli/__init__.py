"""The command `mereau`. Each command lives in a file of its own and is imported only when it is called.

Exit codes: 0 done · 1 refused, or something differs (audit, verify, check) · 2 wrong usage, or something could not be
checked (audit) · 69 a node or database does not answer · 70 our fault · 75 the chain has an owner already · 78 set-up is
missing or wrong.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from token_service.errors import (
    CallerError,
    ChainOwned,
    MereauError,
    OperatorError,
    TryAgain,
)

COMMANDS: Final = {
    "demo": "demo:demo",
    "init": "setup_commands:init",
    "serve": "run_commands:serve",
    "web": "run_commands:web",
    "worker": "run_commands:worker",
    "signer": "custody_commands:signer",
    "keys": "custody_commands:keys",
    "deploy": "setup_commands:deploy",
    "migrate": "setup_commands:migrate",
    "lanes": "lane_commands:lanes",
    "operators": "lane_commands:operators",
    "reconcile": "reconcile_command:reconcile",
    "run-due": "run_commands:run_due",
    "settle": "run_commands:settle",
    "audit": "audit_commands:audit",
    "verify": "audit_commands:verify",
    "doctor": "doctor:doctor",
    "ruleset": "ruleset_commands:ruleset",
    "member": "member_commands:member",
    "members": "members_commands:members",
    "reward": "reward_commands:reward",
    "cause": "cause_commands:cause",
    "merchant": "merchant_commands:merchant",
    "api-key": "key_commands:api_key",
    "openings": "opening_commands:openings",
    "staff": "staff_commands:staff",
    "import": "import_commands:import_",
    "rebuild": "rebuild_command:rebuild",
    "repair": "repair_command:repair",
}


class Commands(click.Group):
    """Imports a command when it is called: `mereau audit` needs nothing of the server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(importlib.import_module(f"token_service.cli.{module}"), name)
        assert isinstance(found, click.Command)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mereau", prog_name="mereau")
def group() -> None:
    """Loyalty points that anyone can check.

    \b
    Try it:           mereau demo
    Start your own:   mereau init && mereau serve
    Check another's:  mereau audit --rpc URL --contract 0x…

    Everything lives in the folder MEREAU_DATA_DIR (default ./var). docs/operators.md explains each setting.
    """


def exit_code(error: MereauError) -> int:
    """The process's exit code for an error (sysexits.h where it has a word for it)."""
    if isinstance(error, CallerError):
        return 1
    if isinstance(error, ChainOwned):
        return 75
    if isinstance(error, TryAgain):
        return 69
    return 78 if isinstance(error, OperatorError) else 70


def main() -> None:
    """Runs `mereau`; an error of ours is said in one sentence, without a traceback."""
    try:
        code = group.main(standalone_mode=False)
        if isinstance(code, int) and code:  # click answers the code of ctx.exit() instead of raising it
            sys.exit(code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("token_service"):
            raise
        click.echo(f"This command needs the server ({error.name} is missing): pip install 'mereau[server]'", err=True)
        sys.exit(78)
    except MereauError as error:
        click.echo(f"{error.title}: {error.detail}", err=True)
        for place in error.places:
            click.echo(f"  {place.pointer or '/'}: {place.detail}", err=True)
        sys.exit(exit_code(error))
