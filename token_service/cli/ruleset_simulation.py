"""`mereau ruleset simulate`: what a draft would have given for a history of purchases and events, beside the rules in force."""

from __future__ import annotations

from pathlib import Path

import click

from token_service.cli.output import as_json, number, print_json
from token_service.cli.purchase_csv import read_history
from token_service.cli.ruleset_reading import FILE, read_ruleset_file
from token_service.cli.simulation_gaps import uncosted_said, unknown_to
from token_service.cli.simulation_plot import plot_svg
from token_service.errors import InvalidInput
from token_service.program.money import money_text
from token_service.program.ruleset import Ruleset, check_ruleset, parse_ruleset
from token_service.program.what_if import Outcome, what_if


@click.command()
@click.argument("draft", type=FILE)
@click.option(
    "--on", "history", type=FILE, required=True, help="CSV of purchases and events; docs/rulesets.md lists its columns."
)
@click.option("--base", type=FILE, help="The rules to compare with. Default: those in force in the programme.")
@click.option(
    "--margin-percent", type=click.IntRange(0, 100), default=30, show_default=True, help="Gross margin before points."
)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Write points by month as an SVG here.")
@as_json
def simulate(
    draft: Path, history: Path, base: Path | None, margin_percent: int, plot: Path | None, json_: bool
) -> None:
    """Replay a history under DRAFT and compare points, cost and margin with the rules in force. Nothing is written."""
    new = read_ruleset_file(draft)
    places = check_ruleset(new)
    if places:
        raise InvalidInput(f"{draft}: {places[0].pointer or '/'}: {places[0].detail}", places=tuple(places))
    old = _in_force() if base is None else read_ruleset_file(base)
    told = read_history(history, new.program.time_zone)
    if not told.things:
        raise InvalidInput(f"{history} has no purchases or events")
    before, after = (what_if(rules, told.things, told.people) for rules in (old, new))
    unknown = list(dict.fromkeys(sentence for rules in (old, new) for sentence in unknown_to(rules, told)))
    if plot is not None:
        plot.write_text(plot_svg(before, after), encoding="utf-8")
    if json_:
        print_json(
            {"base": _figures(before, margin_percent), "draft": _figures(after, margin_percent), "unknown": unknown}
        )
        return
    _tell(before, after, new, margin_percent)
    for sentence in (*uncosted_said(before, after), *unknown):
        click.echo(f"Not in it: {sentence}")


def _in_force() -> Ruleset:
    from token_service.app import open_application
    from token_service.ledger.rulesets import ruleset_in_force

    with open_application() as application:
        context = application.context
        return parse_ruleset(ruleset_in_force(context, context.now()).document)


def _margin(outcome: Outcome, margin_percent: int) -> int:
    """Minor units that are left of the gross margin when every point is spent."""
    return outcome.revenue * margin_percent // 100 - outcome.cost


def _figures(outcome: Outcome, margin_percent: int) -> dict[str, object]:
    names = [name for name in outcome.__slots__ if name != "by_member"]
    figures = {name: getattr(outcome, name) for name in names}
    counted = {name: dict(value) for name, value in figures.items() if isinstance(value, dict)}
    return figures | counted | {"margin": _margin(outcome, margin_percent)}


def _tell(before: Outcome, after: Outcome, rules: Ruleset, margin_percent: int) -> None:
    def money(amount: int) -> str:
        return ("−" if amount < 0 else "") + money_text(abs(amount), rules.program.currency)

    click.echo(
        f"{number(after.purchases)} purchases of {number(after.members)} members, {money(after.revenue)} in all; "
        "points and vouchers at their full value, as if all were spent"
    )
    rows = [("", "in force", "draft", "change")]
    rows += [
        (name, number(old), number(new), _change(old, new))
        for name, old, new in (
            ("points", before.points, after.points),
            ("  of events and the calendar", before.event_points, after.event_points),
            ("  of challenges", before.challenge_points, after.challenge_points),
            ("vouchers won", before.vouchers, after.vouchers),
        )
    ]
    rows += [
        (name, money(old), money(new), _change(old, new))
        for name, old, new in (
            ("cost", before.cost, after.cost),
            ("  of vouchers won", before.voucher_cost, after.voucher_cost),
            (f"margin of {margin_percent} % after it", _margin(before, margin_percent), _margin(after, margin_percent)),
        )
    ]
    rows += [
        (f"points of {rule}", number(before.by_rule[rule]), number(after.by_rule[rule]), "")
        for rule in sorted(before.by_rule.keys() | after.by_rule.keys())
        if before.by_rule[rule] or after.by_rule[rule]
    ]
    rows += [
        (f"members at {level or 'no level'}", number(before.levels[level]), number(after.levels[level]), "")
        for level in sorted(before.levels.keys() | after.levels.keys())
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        click.echo("  ".join(cells).rstrip())
    gaining = sum(after.by_member[one] > before.by_member[one] for one in after.by_member)
    losing = sum(after.by_member[one] < before.by_member[one] for one in after.by_member)
    click.echo(f"{number(gaining)} members gain, {number(losing)} lose")


def _change(old: int, new: int) -> str:
    return "" if not old else f"{100 * (new - old) / abs(old):+.1f} %"
