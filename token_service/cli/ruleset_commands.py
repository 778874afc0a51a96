"""`mereau ruleset check | show | hash`, which work on files alone, as those of ruleset_diff.py and ruleset_simulation.py do.

What works on a programme (`draft | publish | list`) is in ruleset_publishing.py.
"""

from __future__ import annotations

from pathlib import Path

import click

from token_service.cli.output import as_json, print_json
from token_service.cli.ruleset_diff import diff
from token_service.cli.ruleset_publishing import draft, list_, publish
from token_service.cli.ruleset_reading import FILE, read_ruleset_file
from token_service.cli.ruleset_simulation import simulate
from token_service.errors import InvalidInput, Place
from token_service.program.conditions_apart import condition_check
from token_service.program.ruleset import canonical_json, check_ruleset, ruleset_hash


@click.group()
def ruleset() -> None:
    """The rules: check a document, see it as it is hashed, publish it.

    docs/rulesets.md explains every key; examples/ has two documents to start from.
    """


@ruleset.command()
@click.argument("path", type=FILE)
@as_json
def check(path: Path, json_: bool) -> None:
    """Check a document: every mistake with its place. Exit code 0 when it is fit to publish, else 1."""
    places: list[Place]
    try:
        document = read_ruleset_file(path)
        places = check_ruleset(document, check=condition_check(document))
        verdict = ruleset_hash(canonical_json(document))
    except InvalidInput as error:
        places, verdict = list(error.places) or [Place("", error.detail)], None
    if json_:
        print_json({"valid": not places, "hash": verdict, "errors": places})
    else:
        for place in places:
            click.echo(f"{path}: {place.pointer or '/'}: {place.detail}", err=True)
        click.echo(f"{path}: {'fit to publish' if not places else f'{len(places)} to mend'}")
    if places:
        raise click.exceptions.Exit(1)


@ruleset.command()
@click.argument("path", type=FILE)
def show(path: Path) -> None:
    """Print a document in its canonical form: exactly the bytes that are hashed, without a line end."""
    click.echo(canonical_json(read_ruleset_file(path)), nl=False)


@ruleset.command("hash")
@click.argument("path", type=FILE)
def hash_(path: Path) -> None:
    """Print a document's hash: its name on the chain."""
    click.echo(ruleset_hash(canonical_json(read_ruleset_file(path))))


ruleset.add_command(diff)
ruleset.add_command(simulate)
ruleset.add_command(draft)
ruleset.add_command(publish)
ruleset.add_command(list_)
