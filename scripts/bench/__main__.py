"""Runs every measurement and prints one table. Takes a few minutes; nothing is kept."""

from __future__ import annotations

from rich.console import Console

from scripts.bench.auditing import measure_audit
from scripts.bench.gas import measure_gas
from scripts.bench.rival import compile_rival
from scripts.bench.service import measure_default, measure_large
from scripts.bench.table import show, show_parts
from scripts.bench.throughput import measure_anvil, measure_embedded


def main() -> None:
    console = Console(width=130)
    rival = compile_rival()
    figures = measure_gas(rival)
    figures += measure_embedded(rival)
    on_anvil, parts = measure_anvil(rival)
    figures += on_anvil
    figures += measure_audit()
    figures += measure_default()
    figures += measure_large()
    show(console, "Méreau's figures on this machine", figures)
    show_parts(console, "Where the time of settling on anvil goes", parts)


if __name__ == "__main__":
    main()
