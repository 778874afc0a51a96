"""Runs the measurements and prints one table. Takes a few minutes; nothing is kept but the page that is asked for.

`make bench`, or `python -m scripts.bench --only gas,embedded --markdown figures.md --check`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from scripts.bench.auditing import measure_audit
from scripts.bench.baskets import measure_baskets
from scripts.bench.deciding import measure_deciding
from scripts.bench.due import measure_due
from scripts.bench.flat import measure_flat
from scripts.bench.gas import measure_gas
from scripts.bench.lanes import measure_lanes
from scripts.bench.lone import measure_lone
from scripts.bench.rival import compile_rival
from scripts.bench.service import measure_default, measure_large
from scripts.bench.table import Report, markdown, show
from scripts.bench.throughput import measure_anvil, measure_embedded
from scripts.bench.year import measure_year

WIDTH_OF_FILES = 200


def _gas(report: Report) -> None:
    report.figures += measure_gas(compile_rival())


def _embedded(report: Report) -> None:
    figures, breakdown = measure_embedded(compile_rival())
    report.figures += figures
    report.breakdowns.append(breakdown)


def _anvil(report: Report) -> None:
    figures, breakdown = measure_anvil(compile_rival())
    report.figures += figures
    report.breakdowns.append(breakdown)


def _service(report: Report) -> None:
    report.figures += measure_default()
    report.figures += measure_large()


def _lanes(report: Report) -> None:
    figures, breakdown = measure_lanes(compile_rival())
    report.figures += figures
    report.breakdowns.append(breakdown)


def _lone(report: Report) -> None:
    report.figures += measure_lone()


def _flat(report: Report) -> None:
    report.figures += measure_flat()


def _baskets(report: Report) -> None:
    report.figures += measure_baskets()


def _due(report: Report) -> None:
    report.figures += measure_due()


def _deciding(report: Report) -> None:
    report.figures += measure_deciding()


def _year(report: Report) -> None:
    report.figures += measure_year()


def _audit(report: Report) -> None:
    report.figures += measure_audit()


PARTS: dict[str, Callable[[Report], None]] = {
    "gas": _gas,
    "embedded": _embedded,
    "anvil": _anvil,
    "lanes": _lanes,
    "lone": _lone,
    "flat": _flat,
    "service": _service,
    "baskets": _baskets,
    "due": _due,
    "deciding": _deciding,
    "year": _year,
    "audit": _audit,
}


def _chosen(_: click.Context, __: click.Parameter, value: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    unknown = set(names) - set(PARTS)
    if unknown or not names:
        raise click.BadParameter(f"there is {', '.join(PARTS)}")
    return [name for name in PARTS if name in names]


@click.command(help="Measure this machine's figures, each beside a floor or a rival of the same run.")
@click.option("--only", "parts", default=",".join(PARTS), callback=_chosen, help="Parts to run, with commas between.")
@click.option("--markdown", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write the tables here too.")
@click.option("--check", is_flag=True, help="Exit with 1 unless every target that was measured is met.")
def main(parts: list[str], page: Path | None, check: bool) -> None:
    report, progress = Report(), Console(stderr=True)
    for name in parts:
        began = time.perf_counter()
        PARTS[name](report)
        progress.print(f"{name}: measured in {time.perf_counter() - began:.0f} s", style="dim")
    show(Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES), report)
    if page is not None:
        page.write_text(markdown(report), encoding="utf-8")
    if check and report.missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
