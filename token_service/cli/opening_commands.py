"""`mereau openings`: what lies behind the receipts, as files for an auditor whom the programme admits (docs/audit.md)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from token_service.cli.output import number
from token_service.cli.progress import progress_bar

if TYPE_CHECKING:
    from token_service.app import Application

PAGE: Final = 100


@click.group()
def openings() -> None:
    """What lies behind the receipts, for auditors."""


@openings.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export(folder: Path) -> None:
    """Write DIR/{operator}/{seq} for every final batch, and DIR/rulesets, for `mereau audit --openings DIR`.

    These files say who bought what: hand them over like the books. Batches that are there are not written again, so a
    stopped export goes on; delete a file to have it anew (after an erasure, say).
    """
    from token_service.app import open_application
    from token_service.ledger.opened_batches import batch_places
    from token_service.protocol.receipt_files import relative_path

    with open_application() as application:
        _export_rulesets(application, folder / "rulesets")
        places = batch_places(application.context)
        missing = [place for place in places if not (folder / relative_path(*place)).exists()]
        with progress_bar() as bar:
            task = bar.add_task("Writing openings", total=len(places), completed=len(places) - len(missing))
            for operator, seq in missing:
                _export_batch(application, folder / relative_path(operator, seq), operator, seq)
                bar.advance(task)
    click.echo(f"{number(len(missing))} batches written to {folder}, {number(len(places))} are there")


def _export_batch(application: Application, path: Path, operator: str, seq: int) -> None:
    from token_service.ledger.opened_batches import opened_batch
    from token_service.protocol.receipt_files import opened_file_lines

    _write(path, opened_file_lines(opened_batch(application.context, operator, seq)))


def _export_rulesets(application: Application, folder: Path) -> None:
    from token_service.ledger.rulesets import list_rulesets

    cursor: str | None = None
    while True:
        page = list_rulesets(application.context, limit=PAGE, cursor=cursor)
        for ruleset in page.data:
            if ruleset.state != "draft":
                _write(folder / f"{ruleset.hash}.json", [ruleset.document])
        cursor = page.next_cursor
        if cursor is None:
            return


def _write(path: Path, lines: Iterable[str]) -> None:
    """A file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)  # before there is anything in it
    with draft.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    draft.replace(path)
