"""`mereau ruleset diff`: what one document changes of another, in the words of the console, and whether it may act at once."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from token_service.cli.output import as_json, print_json
from token_service.cli.ruleset_reading import FILE, read_ruleset_file
from token_service.program.addendum import addendum_problems
from token_service.program.document_changes import Change, document_changes
from token_service.program.ruleset import Ruleset


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--lang", type=click.Choice(["fr", "en"]), default="en", show_default=True, help="Language of the words.")
@as_json
def diff(old: Path, new: Path, lang: str, json_: bool) -> None:
    """Tell what NEW changes, in words, and whether it is an addendum to OLD, which may act at once. Exit code 1 when not."""
    before, after = read_ruleset_file(old), read_ruleset_file(new)
    changes = document_changes(before, after)
    problems = addendum_problems(before, after)
    words = _words(before, after, lang)
    if json_:
        told = {"changes": [asdict(change) for change in changes], "words": words}
        print_json(told | {"addendum": not problems, "errors": problems})
    else:
        for line in _places(changes) if words is None else _told(words, lang):
            click.echo(line)
        click.echo(_VERDICTS[lang][0 if not changes else 1 if not problems else 2])
    if problems:
        raise click.exceptions.Exit(1)


_VERDICTS = {
    "en": ("No change.", "An addendum.", "Not an addendum: it needs its notice."),
    "fr": (
        "Rien ne change.",
        "Un simple ajout.",
        "Pas un simple ajout\N{NO-BREAK SPACE}: il faut un préavis.",
    ),
}
_SIGNS = {"en": ("no longer", "new", "condition"), "fr": ("n’est plus", "nouveau", "condition")}


def _words(old: Ruleset, new: Ruleset, language: str) -> list[dict[str, Any]] | None:
    """The changes by chapter; None where the sentences are not installed (they come with the server's pages)."""
    if importlib.util.find_spec("flask_babel") is None:
        return None
    from token_service.pages.outside import speaking
    from token_service.pages.rule_changes import changes_in_words

    with speaking(language):
        return [asdict(chapter) for chapter in changes_in_words(old, new)]


def _told(chapters: Sequence[dict[str, Any]], language: str) -> Iterator[str]:
    no_longer, new, condition = _SIGNS[language]
    colon = "\N{NO-BREAK SPACE}: " if language == "fr" else ": "
    for chapter in chapters:
        yield chapter["title"]
        for sign, lines in ((no_longer, chapter["gone"]), (new, chapter["new"])):
            for line in lines:
                asked = f" [{condition}{colon}{line['condition']}]" if line["condition"] else ""
                yield f"  {sign}{colon}{line['text']}{asked}"
        yield from (f"  {sentence}" for sentence in chapter["said"])


def _places(changes: Sequence[Change]) -> Iterator[str]:
    """Without sentences: the places and their values, and what is missing."""
    for change in changes:
        yield f"{change.pointer}: {_word(change.old)} → {_word(change.new)}"
    yield "In words with: pip install 'mereau[server]'"


def _word(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
