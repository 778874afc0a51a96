"""`mereau lanes`, `mereau operators`: the accounts that settle, how each stands, and what a person decides about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from token_service.cli.output import as_json, number, print_json

if TYPE_CHECKING:
    from token_service.app import Application
    from token_service.chain.settlement.lanes import Lane


@dataclass(frozen=True)
class LaneReport:
    """A lane beside what the chain says of its account."""

    number: int
    operator: str
    state: str
    code: str | None
    reason: str | None
    is_retiring: bool
    waiting: int
    in_flight: int
    next_nonce: int
    next_seq: int
    chain_nonce: int
    chain_seq: int
    balance_wei: int


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def lanes(ctx: click.Context, json_: bool) -> None:
    """Show every lane: who settles, what it waits for, and what the chain says. Exit 1 if one stands still."""
    if ctx.invoked_subcommand is not None:
        return
    from token_service.app import open_application

    with open_application() as application:
        reports = _reports(application)
    if json_:
        print_json({"lanes": reports})
    else:
        for report in reports:
            _say(report)
    ctx.exit(1 if any(report.state in ("blocked", "halted") for report in reports) else 0)


@lanes.command()
@click.argument("lane", type=click.IntRange(0))
@click.option("--because", required=True, help="Why it may go on; kept with the lane.")
def clear(lane: int, because: str) -> None:
    """Let a halted lane go on, after you have looked. Refuses what would settle something twice."""
    from token_service.app import open_application
    from token_service.chain.settlement.clearing import clear as clear_lane

    with open_application() as application, application.asking() as services:
        cleared = clear_lane(services, lane, because)
    click.echo(f"Lane {cleared.number} goes on")


@click.group()
def operators() -> None:
    """Accounts that settle: add one, retire one, while the service runs."""


@operators.command()
@click.option("--address", help="Of a key that the signer elsewhere has: `mereau keys add-operator` there prints it.")
@as_json
def add(address: str | None, json_: bool) -> None:
    """Make an operator's key, order its role, and open its lane once the role is final and it has gas money."""
    from token_service.app import open_application
    from token_service.app.operators import add_operator
    from token_service.errors import BadSettings
    from token_service.protocol.hashing import address_from_bytes, address_to_bytes

    with open_application() as application:
        if (address is None) != (application.settings.signer_socket is None):
            raise BadSettings(
                "--address names the key of a signer elsewhere (MEREAU_SIGNER_SOCKET), and only of such a one"
            )
        checked = None if address is None else address_from_bytes(address_to_bytes(address))
        made = add_operator(application.context, application.keys, checked)
        application.settle_administration()
    if json_:
        print_json({"lane": made.number, "operator": made.operator})
    else:
        click.echo(f"Lane {made.number} is {made.operator}: send it gas money, then it takes its share of new members")


@operators.command()
@click.argument("lane", type=click.IntRange(0))
def retire(lane: int) -> None:
    """Let a lane end: its members go to other lanes, what is on its way lands, then its operator loses the role."""
    from token_service.app import open_application
    from token_service.app.operators import retire_operator

    with open_application() as application:
        retiring = retire_operator(application.context, lane)
    click.echo(f"Lane {retiring.number} takes no new members; `mereau lanes` shows when it is disabled")


def _reports(application: Application) -> list[LaneReport]:
    from token_service.chain.settlement.lanes import in_flight, read_lanes
    from token_service.chain.settlement.planning import waiting_count

    with application.store.read() as connection:
        found = read_lanes(connection)
        now = application.context.now()
        waiting = {lane.number: waiting_count(connection, now, 1_000_000, lane.number) for lane in found}
        flying = {lane.number: in_flight(connection, lane.operator) for lane in found}
    asked = _asked(application, found)
    return [
        LaneReport(
            lane.number,
            lane.operator,
            lane.state,
            lane.code,
            lane.reason,
            lane.is_retiring,
            waiting[lane.number],
            flying[lane.number],
            lane.next_nonce,
            lane.next_seq,
            *asked[lane.number],
        )
        for lane in found
    ]


def _asked(application: Application, found: list[Lane]) -> dict[int, tuple[int, int, int]]:
    from token_service.chain import contract_reads, reads

    contract = application.program().contract
    with application.reading_node() as node:
        return {
            lane.number: (
                reads.transaction_count(node, lane.operator),
                contract_reads.last_seq(node, contract, lane.operator) + 1 if contract else 1,
                reads.balance(node, lane.operator),
            )
            for lane in found
        }


def _say(report: LaneReport) -> None:
    retiring = ", retiring" if report.is_retiring and report.state != "disabled" else ""
    click.echo(f"lane {report.number}  {report.operator}  {report.state}{retiring}")
    if report.reason:
        click.echo(f"  {report.code or 'reason'}: {report.reason}")
    click.echo(
        f"  {number(report.waiting)} entries wait, {report.in_flight} transactions in flight, "
        f"next batch {report.next_seq} (chain: {report.chain_seq}), "
        f"next nonce {report.next_nonce} (chain: {report.chain_nonce}), "
        f"{report.balance_wei / 10**18:.4f} in gas money"
    )
