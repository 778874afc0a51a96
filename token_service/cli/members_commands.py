"""`mereau members`: many at once, brought in from an earlier programme (docs/importing.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from token_service.cli.output import as_json, number, print_json

if TYPE_CHECKING:
    from token_service.app import Application
    from token_service.cli.member_csv import BadRow, MemberFile
    from token_service.ledger.import_views import Brought
    from token_service.ledger.staff import Person


@click.group()
def members() -> None:
    """Many members at once."""


@members.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--merchant", required=True, metavar="NAME", help="Whose members they are, and who stands behind their points."
)
@click.option(
    "--from", "source", required=True, metavar="NAME", help="What the earlier programme was called; all may read it."
)
@click.option("--as", "email", required=True, metavar="EMAIL", help="Who of the staff vouches for the balances.")
@click.option("--welcome", is_flag=True, help="Give them what the rules give for joining, too.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen, and which rows are wrong.")
@as_json
@click.pass_context
def import_(
    ctx: click.Context,
    /,
    file: Path,
    *,
    merchant: str,
    source: str,
    email: str,
    welcome: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Bring members in with their balances, from a CSV file.

    The whole file is checked first, and nothing comes in while a row is wrong. The same file twice brings everything once;
    stopped halfway, it goes on where it stopped.
    """
    from token_service.app import open_application
    from token_service.cli.bringing_in import Importing, bring_all_in, check_all, foresee
    from token_service.cli.member_csv import read_members
    from token_service.ledger.import_inputs import NewImport

    with open_application() as application:
        person, merchant_id = _who(application, email), _merchant(application, merchant)
        told = read_members(file, application.time_zone().key, merchant_id)
        new = NewImport(told.hash, source, merchant_id, len(told.accounts), told.points, welcome)
        importing = Importing(application.context, person, new, told)
        found, bad, parts = check_all(importing)
        if bad:
            _say_bad(told, bad, json_=json_)
            ctx.exit(1)
        if dry_run:
            _say(told, found, json_=json_, would=True, hindrance=foresee(importing, found.points))
            return
        done = bring_all_in(importing, parts, points_to_come=found.points)
        done.members_before = len(told.accounts) - done.members
        done.points_before = told.points - done.points
        _say(told, done, json_=json_, would=False)


def _who(application: Application, email: str) -> Person:
    from token_service.errors import NotFound
    from token_service.ledger.staff import find_person
    from token_service.ledger.staff_imports import check_may

    found = find_person(application.context, email)
    if found is None:
        raise NotFound(
            "Nobody of the staff has this address: `mereau staff list` shows them, `mereau staff add` makes one"
        )
    check_may(found)
    return found


def _merchant(application: Application, name: str) -> str:
    from token_service.errors import NotFound
    from token_service.ledger.context import Actor
    from token_service.ledger.merchants import find_merchant

    found = find_merchant(application.context, Actor.admin("cli"), name)
    if found is None:
        raise NotFound(f"There is no merchant {name!r}: `mereau merchant list` shows them")
    return found.id


def _say_bad(told: MemberFile, bad: list[BadRow], *, json_: bool) -> None:
    if json_:
        print_json({"file": told.hash, "rows": told.rows, "bad": bad})
        return
    for row in bad:
        click.echo(f"line {row.line}: {row.said}", err=True)
    rows = "1 row is wrong" if len(bad) == 1 else f"{number(len(bad))} rows are wrong"
    click.echo(f"{rows} of {number(told.rows)}. Nothing was imported: mend the file and run this again.", err=True)


def _say(told: MemberFile, found: Brought, *, json_: bool, would: bool, hindrance: str | None = None) -> None:
    if json_:
        figures = {"members": found.members, "points": found.points}
        before = {"members_before": found.members_before, "points_before": found.points_before}
        print_json(
            {"file": told.hash, "rows": told.rows, "dry_run": would, **figures, **before, "hindrance": hindrance}
        )
        return
    verb = "would come in" if would else "came in"
    click.echo(f"{number(found.members)} members and {number(found.points)} points {verb}")
    if found.members_before or found.points_before:
        click.echo(
            f"{number(found.members_before)} members and {number(found.points_before)} points were there already"
        )
    if hindrance is not None:
        click.echo(hindrance)
    if would:
        click.echo(f"Nothing was written. The file's SHA-256: {told.hash}")
