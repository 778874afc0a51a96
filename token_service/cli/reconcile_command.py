"""`mereau reconcile`: the ledger against the chain, member by member, at the ledger's final block."""

from __future__ import annotations

import click

from token_service.cli.output import as_json, number, print_json


@click.command()
@as_json
def reconcile(json_: bool) -> None:
    """Compare ledger, events and contract at the newest final block, every member's balance included.

    What differs is frozen (a member) or halted (a lane) and said. Exit 0: all agree · 1: something differs · 69: the node
    cannot say.
    """
    from token_service.app import open_application
    from token_service.chain.reconciling import reconcile_all
    from token_service.errors import NotInitialised
    from token_service.ledger.reconciling import Mismatch

    found: list[Mismatch] = []
    members = 0
    with open_application() as application, application.reading_node() as node:
        contract = application.program().contract
        if contract is None:
            raise NotInitialised("the contract is not deployed yet: run `mereau deploy`")
        for count, some in reconcile_all(application.context, node, contract):
            members, found = members + count, [*found, *(one for one in some if one not in found)]
    if json_:
        print_json({"members": members, "mismatches": found})
    else:
        for one in found:
            click.echo(
                f"✗ {one.check} of {one.subject}: {number(one.ledger)} in the ledger, {number(one.chain)} on the chain"
            )
        if not found:
            click.echo(f"Ledger and chain agree: totals, sequences, nonces, events, and {number(members)} members")
    raise SystemExit(1 if found else 0)
