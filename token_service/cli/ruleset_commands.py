"""`mereau ruleset check | show | hash | diff`, which work on files alone; `simulate` is in ruleset_simulation.py.

What works on a programme (`draft | publish | list`) is in ruleset_publishing.py.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from token_service.cli.output import as_json, print_json
from token_service.cli.ruleset_publishing import draft, list_, publish
from token_service.cli.ruleset_reading import FILE, read_ruleset_file
from token_service.cli.ruleset_simulation import simulate
from token_service.errors import InvalidInput, Place
from token_service.program.addendum import addendum_problems
from token_service.program.conditions_apart import condition_check
from token_service.program.document_changes import document_changes
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


@ruleset.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@as_json
def diff(old: Path, new: Path, json_: bool) -> None:
    """Tell what NEW changes, and whether it is an addendum to OLD, which may act at once. Exit code 1 when it is not."""
    before, after = read_ruleset_file(old), read_ruleset_file(new)
    changes = document_changes(before, after)
    problems = addendum_problems(before, after)
    if json_:
        print_json({"changes": [asdict(change) for change in changes], "addendum": not problems, "errors": problems})
    else:
        for change in changes:
            click.echo(f"{change.pointer}: {_word(change.old)} → {_word(change.new)}")
        click.echo(
            "No change." if not changes else "An addendum." if not problems else "Not an addendum: it needs its notice."
        )
    if problems:
        raise click.exceptions.Exit(1)


ruleset.add_command(simulate)
ruleset.add_command(draft)
ruleset.add_command(publish)
ruleset.add_command(list_)


def _word(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
