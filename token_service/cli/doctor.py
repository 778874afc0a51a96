"""`mereau doctor`: is this deployment well? One line for each check, and what to do where it is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from token_service.cli.output import as_json, number, print_json
from token_service.errors import ChainOwned, MereauError

if TYPE_CHECKING:
    from token_service.app import Application
    from token_service.ledger.context import Context
    from token_service.ledger.views import StuckAwards

DISK_FREE_BYTES_MIN = 512 * 2**20
ENDPOINTS = {
    "wrong_chain": "serves another chain and is not used: check MEREAU_RPC_URL",
    "resting": "does not answer",
    "lagging": "lags behind the others and is not read from",
}
MARKS = {"well": "✓", "note": "·", "bad": "✗"}


@dataclass(frozen=True)
class Finding:
    """`state`: well, note (worth knowing) or bad (a person must act)."""

    check: str
    state: str
    says: str


@click.command()
@as_json
def doctor(json_: bool) -> None:
    """Check settings, keys, tables, chain, settlement and cached figures. Exit 1 if something is bad."""
    findings = list(_examine())
    if json_:
        print_json(findings)
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.state]} {finding.check}: {finding.says}")
    raise SystemExit(1 if any(finding.state == "bad" for finding in findings) else 0)


def _examine() -> Iterator[Finding]:
    from token_service.app import open_application

    try:
        application = open_application()
    except MereauError as error:
        yield Finding("set-up", "bad", error.detail)
        return
    with application:
        for check in (_set_up, _keys, _worker, _chain, _settlement, _gas, _reconciled, _awards, _figures):
            yield from _guarded(check, application)


def _guarded(check: Callable[[Application], Iterator[Finding]], application: Application) -> Iterator[Finding]:
    try:
        yield from check(application)
    except MereauError as error:
        yield Finding(check.__name__.strip("_").replace("_", "-"), "bad", error.detail)


def _set_up(application: Application) -> Iterator[Finding]:
    program = application.program()
    yield Finding("set-up", "well", f"{program.name} in {application.settings.data_dir}; tables are current")
    if program.contract is None:
        yield Finding("contract", "bad", "not deployed: fund the operator and the admin, then `mereau deploy`")
    else:
        yield Finding("contract", "well", f"{program.contract} on chain {program.chain_id}")
    if application.settings.smtp_url is None and not application.settings.demo:
        yield Finding("mail", "note", "no MEREAU_SMTP_URL: members cannot sign in to their wallet")
    free = shutil.disk_usage(application.settings.data_dir).free
    if free < DISK_FREE_BYTES_MIN:
        yield Finding("disk", "bad", f"only {number(free // 2**20)} MiB are free: make room before writes are refused")
    if application.settings.clock is not None:
        yield Finding(
            "clock", "note", f"moved by MEREAU_CLOCK; it shows {application.context.now():%Y-%m-%d %H:%M} UTC"
        )


def _keys(application: Application) -> Iterator[Finding]:
    is_elsewhere = application.settings.signer_socket is not None
    application.keys.check(is_signer_elsewhere=is_elsewhere)
    if is_elsewhere:
        counts = application.make_signer(None).counts()
        says = f"answers; today {number(counts['signed'])} signed, {number(counts['denied'])} denied by the policy"
        yield Finding("signer", "bad" if counts["denied"] else "well", says)
    if application.keys.promise_address != application.program().promise_address:
        yield Finding("keys", "bad", "they are another programme's: copy back those that were made with this ledger")
    else:
        yield Finding("keys", "well", "all there and closed to others")


def _worker(application: Application) -> Iterator[Finding]:
    """Who settles; when nobody does, whether a worker could start on this chain and contract."""
    if application.has_many_workers:
        from token_service.ledger.settlement_figures import live_workers

        count = live_workers(application.store, application.context.now())
        if count:
            yield Finding("workers", "well", "1 settles" if count == 1 else f"{count} settle")
            return
    try:
        with application.working():
            yield Finding("worker", "note", "nothing serves now: entries wait until `mereau serve` runs")
    except ChainOwned as owned:
        yield Finding("worker", "well", f"process {owned.facts.get('pid')} settles")


def _chain(application: Application) -> Iterator[Finding]:
    if application.settings.embedded:
        from token_service.chain.embedded import chain_file_report

        application.check_chain_file()
        report = chain_file_report(application.chain_path)
        state = "note" if report.is_advised_to_move else "well"
        yield Finding("chain file", state, f"{number(report.size_bytes // 1024)} kB. {report.advice}")
        return
    from token_service.chain import reads
    from token_service.chain.node import all_health

    with application.node() as node:
        height = reads.head(node).number
        yield Finding("node", "well", f"answers for chain {application.program().chain_id}, block {number(height)}")
        for endpoint in all_health(node):
            state = {"wrong_chain": "bad", "resting": "note", "lagging": "note"}.get(endpoint.state, "well")
            says = ENDPOINTS.get(endpoint.state, f"block {number(endpoint.head or 0)}")
            yield Finding(f"node {endpoint.label}", state, says)


def _settlement(application: Application) -> Iterator[Finding]:
    from token_service.ledger.settlement_health import settlement_health, stands_still
    from token_service.worker import read_backlog

    backlog = read_backlog(application.store, application.context.now)
    health = settlement_health(application.context, backlog)
    done = health.settled
    yield Finding(
        "settled",
        "well",
        f"{number(done.entries)} entries, {number(done.facts)} facts in {number(done.batches)} batches, {number(done.gas)} gas",
    )
    if health.age is not None:
        says = f"{number(backlog.moving)} on their way, the oldest for {int(health.age.total_seconds())} s"
        late = ": promises are being broken" if health.is_late else ""
        yield Finding("backlog", "bad" if health.is_late else "note", says + late)
    if backlog.held:
        yield Finding(
            "held",
            "bad",
            f"{number(backlog.held)} entries wait for a person: frozen members, or a missing registration",
        )
    for lane in health.lanes:
        says = f"{lane.state}: {lane.reason}" if lane.reason else lane.state
        yield Finding(f"lane {lane.operator[:10]}…", "bad" if stands_still(lane) else "well", says)
    for refused in health.refused_ceilings:  # orders that the contract refused and nobody has given anew
        yield Finding("ceiling", "bad", f"{refused.merchant_name}: {refused.kind} was refused: {refused.reason}")


def _gas(application: Application) -> Iterator[Finding]:
    """What gas has cost today, where a budget is set."""
    from token_service.ledger.gas_spending import gas_spending
    from token_service.units import GWEI_PER_ETHER

    budget = application.settings.gas_budget_per_day
    if budget is None:
        return
    with application.store.read() as connection:
        spending = gas_spending(connection, application.context.now())
    spent, at_most = spending.spent_gwei / GWEI_PER_ETHER, spending.at_most_gwei / GWEI_PER_ETHER
    says = f"{spent:g} of {budget:g} spent today, at most {at_most:g} with what is not final"
    yield Finding("gas budget", "note" if at_most > budget else "well", says)


def _reconciled(application: Application) -> Iterator[Finding]:
    """What the newest comparison of ledger and chain found."""
    from token_service.ledger.reconciling import last_reconciliation

    last = last_reconciliation(application.store)
    if last is None:
        yield Finding("reconciled", "note", "ledger and chain were not compared yet: `mereau reconcile` does it now")
    elif last.mismatches:
        named = sorted({str(one["check"]) for one in last.mismatches})
        yield Finding("reconciled", "bad", f"ledger and chain differ at block {last.block_number}: {', '.join(named)}")
    else:
        yield Finding(
            "reconciled",
            "well",
            f"ledger and chain agreed at block {last.block_number}, {last.created_at:%Y-%m-%d %H:%M} UTC",
        )


def _awards(application: Application) -> Iterator[Finding]:
    return awards_findings(application.context)


def awards_findings(context: Context) -> Iterator[Finding]:
    """Whether awards wait that no ceiling will ever let through."""
    from token_service.ledger.stuck_awards import stuck_awards

    found = stuck_awards(context)
    for stuck in found:
        yield Finding("awards", "bad", stuck_in_words(stuck))
    if not found:
        yield Finding("awards", "well", "none waits for a higher ceiling")


def stuck_in_words(stuck: StuckAwards) -> str:
    """The sentence of a merchant's awards that wait for a person."""
    return (
        f"{number(stuck.awards)} awards of {stuck.merchant_name} are larger than its whole ceiling, the largest "
        f"{number(stuck.largest_points)} points: raise it with `mereau merchant ceiling`, or refund the purchases"
    )


def _figures(application: Application) -> Iterator[Finding]:
    from token_service.ledger.rebuild import check_rebuild

    differences = check_rebuild(application.context)
    if differences:
        yield Finding("figures", "bad", f"{len(differences)} cached figures differ: `mereau rebuild` mends them")
    else:
        yield Finding("figures", "well", "every cached figure equals what the entries say")
