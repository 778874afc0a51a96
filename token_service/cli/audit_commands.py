"""`mereau audit` and `mereau verify`: check a programme, or one receipt or promise, against the chain.

Imports the auditor only, so that both work where no server is installed. Exit codes: 0 all held · 1 something differs ·
2 something could not be checked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

import click
from rich.console import Console
from rich.table import Table

from token_service.audit import page, sentences
from token_service.audit.report import AuditReport, Status
from token_service.audit.run import Options, Progress, run_audit
from token_service.audit.verify import Verdict, read_proof, verify_receipt
from token_service.audit.verify_promise import verify_promise
from token_service.cli.output import as_json, number, print_json
from token_service.cli.progress import progress_bar
from token_service.errors import BadSettings, MereauError, RpcError, TryAgain
from token_service.protocol import json_text, promises, receipts

COULD_NOT_CHECK: Final = 2
PROOF_BYTES_MAX: Final = 4 * 1024 * 1024
SIGNS: Final = {
    Status.HELD: "[green]✓ held[/]",
    Status.FAILED: "[red bold]✗ FAILED[/]",
    Status.NOT_CHECKED: "[yellow]? not checked[/]",
}
KEY_VARIABLE: Final = "MEREAU_AUDIT_KEY"

rpc_option = click.option(
    "--rpc", "rpc_url", required=True, metavar="URL", help="A node of the chain, better your own."
)
block_option = click.option(
    "--block",
    default="finalized",
    show_default=True,
    help="Read as of this block: finalized, safe, latest or a number.",
)


@click.command()
@rpc_option
@click.option("--contract", required=True, metavar="0x…", help="The programme's contract.")
@click.option("--receipts", metavar="URL|DIR", help="Check every batch's leaves: the service's URL, or receipt files.")
@click.option("--rulesets", metavar="URL|DIR", help="Check the published rules: the service's URL, or JSON files.")
@click.option(
    "--openings",
    metavar="URL|DIR",
    help="Replay every account: the service's URL (with a key), or exported files. Brings receipts and rulesets along.",
)
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The API key for openings at a URL is in this file. Without it: in the variable MEREAU_AUDIT_KEY.",
)
@click.option(
    "--since",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Go on from this checkpoint, and refuse a chain that does not contain it. May be given several times.",
)
@click.option(
    "--checkpoint",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a checkpoint here, on the way and at the end. A stopped audit goes on with --since.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report as one page with plots here, too.",
)
@block_option
@as_json
def audit(
    rpc_url: str,
    contract: str,
    receipts: str | None,
    rulesets: str | None,
    openings: str | None,
    key_file: Path | None,
    since: tuple[Path, ...],
    checkpoint: Path | None,
    html: Path | None,
    block: str,
    json_: bool,
) -> None:
    """Check a whole programme from its chain, trusting nobody.

    \b
    mereau audit --rpc http://127.0.0.1:8000/rpc --contract 0x… --receipts http://127.0.0.1:8000
    mereau audit --rpc … --contract 0x… --checkpoint june.json         keep june.json: it witnesses
    mereau audit --rpc … --contract 0x… --since june.json              a month later
    mereau audit --rpc … --contract 0x… --openings DIR                 admitted: replay every account

    Exit code 0: all requested checks held. 1: something differs. 2: something could not be checked. docs/audit.md says
    what is proved, and what no auditor can see.
    """
    with _could_not_check(json_, any_error=True), _progress(json_) as show:
        report = run_audit(
            Options(
                rpc_url=rpc_url,
                contract=contract,
                receipts=receipts,
                rulesets=rulesets,
                openings=openings,
                key=_key(key_file),
                since=since,
                checkpoint=checkpoint,
                block=block,
                progress=show,
            )
        )
    if html is not None:
        with _could_not_check(json_, any_error=True):
            _write_page(html, page.page(report))
    if json_:
        print_json(report.to_json())
    else:
        _print_report(report)
    sys.exit(report.exit_code)


@click.command()
@click.argument("proof", type=click.File("rb"))
@rpc_option
@click.option("--contract", metavar="0x…", help="The contract you expect. Without it the file's word is taken.")
@click.option("--receipts", metavar="URL|DIR", help="For a promise: tells its entry from others that look the same.")
@click.option("--signer", metavar="0x…", help="For a promise: the programme's promise key (its address).")
@click.option("--block", help="Read as of this block. Default: finalized for a receipt, latest for a promise.")
@as_json
def verify(
    proof: BinaryIO,
    rpc_url: str,
    contract: str | None,
    receipts: str | None,
    signer: str | None,
    block: str | None,
    json_: bool,
) -> None:
    """Check one receipt or promise (a JSON file, - for standard input) against the chain.

    A receipt is the body of GET /v1/entries/ID/receipt. A promise is in the answer to every call that moved points, and
    that whole answer will do. A promise that was not kept in time is shown as broken.
    """
    with _could_not_check(json_):
        verdict = _verify(
            proof.read(PROOF_BYTES_MAX), rpc_url=rpc_url, contract=contract, place=receipts, signer=signer, block=block
        )
    if json_:
        print_json(verdict.to_json())
    else:
        _print_verdict(verdict)
    sys.exit(verdict.exit_code)


def _verify(
    raw: bytes, *, rpc_url: str, contract: str | None, place: str | None, signer: str | None, block: str | None
) -> Verdict:
    kind, document = read_proof(json_text.load(raw))
    if kind == "receipt":
        receipt = receipts.receipt_from_json(document)
        return verify_receipt(receipt, rpc_url=rpc_url, contract=contract, block=block or "finalized")
    now = int(datetime.now(UTC).timestamp())
    signed = promises.from_json(document)
    return verify_promise(
        signed, rpc_url=rpc_url, contract=contract, now=now, signer=signer, receipts=place, block=block or "latest"
    )


def _key(key_file: Path | None) -> str | None:
    """The API key, never from the command line, which every process of the machine can read."""
    if key_file is None:
        return os.environ.get(KEY_VARIABLE)
    try:
        key = key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key or not key.isprintable():
        raise BadSettings(f"{key_file.name} holds no API key")
    return key


def _write_page(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadSettings(f"the page cannot be written to {path.name}") from error


@contextmanager
def _could_not_check(json_: bool, *, any_error: bool = False) -> Iterator[None]:
    """Turns a node that does not answer, or any error, into exit code 2: of an audit, 1 says that something differs."""
    try:
        yield
    except MereauError as error:
        if not any_error and not isinstance(error, (TryAgain, RpcError)):
            raise
        _print_error(error, json_)
        sys.exit(COULD_NOT_CHECK)


def _print_error(error: MereauError, json_: bool) -> None:
    if json_:
        print_json({"object": "error", "code": error.code, "detail": error.detail, "exit_code": COULD_NOT_CHECK})
    else:
        click.echo(f"Could not be checked: {error.detail}", err=True)


@contextmanager
def _progress(json_: bool) -> Iterator[Callable[[Progress], None] | None]:
    """What run_audit calls while it reads; silent for scripts."""
    if json_:
        yield None
        return
    with progress_bar() as bar:
        task = bar.add_task("blocks", total=None)

        def show(progress: Progress) -> None:
            total = progress.last_block - progress.first_block + 1
            done = progress.block - progress.first_block + 1
            text = f"{number(progress.entries)} entries"
            bar.update(task, total=total, completed=done, description=text)

        yield show


def _print_report(report: AuditReport) -> None:
    console = Console(highlight=False)
    for line in (*sentences.read_lines(report), ""):
        console.print(line, markup=False, soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for check in report.checks:
        sign = SIGNS[check.status] if check.is_requested else "[dim]? not checked[/]"
        said = sentences.what(check)
        table.add_row(sign, check.name, said if check.is_requested else f"[dim]{said}[/]")
    console.print(table)
    for check in report.checks:
        for status, line in sentences.details(check):
            mark, style = ("✗", "red") if status is Status.FAILED else ("?", "yellow")
            console.print(f"  {mark} {check.name}: {line}", markup=False, style=style, soft_wrap=True)
    console.print(f"\n{sentences.VERDICTS[report.exit_code]}")


def _print_verdict(verdict: Verdict) -> None:
    console = Console(highlight=False)
    for line in verdict.lines:
        console.print(f"{SIGNS[line.status]}  {line.name}: ", end="")
        console.print(line.detail, markup=False, soft_wrap=True)
    held = {"receipt": "proved", "promise": "kept"}[verdict.kind]
    words = {0: held, 1: f"not {held}: something differs", 2: "undecided: something could not be checked"}
    console.print(f"\nThis {verdict.kind} is {words[verdict.exit_code]}.")
