"""`mereau rebuild`: every cached figure again from the append-only sources."""

from __future__ import annotations

import click


@click.command()
@click.option("--check", is_flag=True, help="Only compare; exit 1 if a cached figure differs.")
def rebuild(check: bool) -> None:
    """Recompute balances, lots, pending points and tiers from entries, facts, lot uses and debts."""
    from token_service.app import open_application
    from token_service.ledger.rebuild import check_rebuild
    from token_service.ledger.rebuild import rebuild as rebuild_ledger

    with open_application() as application:
        differences = check_rebuild(application.context)
        for difference in differences:
            click.echo(difference)
        if check:
            click.echo("equal" if not differences else f"{len(differences)} differ")
            raise SystemExit(1 if differences else 0)
        rebuild_ledger(application.context)
    click.echo(f"Rebuilt; {len(differences)} figures were mended" if differences else "Rebuilt; nothing differed")
