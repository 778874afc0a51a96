"""`mereau reward`: how many of a reward are left."""

from __future__ import annotations

import click

from token_service.cli.output import as_json, number, print_json


@click.group()
def reward() -> None:
    """Rewards and their stock."""


@reward.command("list")
@as_json
def list_(json_: bool) -> None:
    """List the rewards of the rules in force with what is left of each."""
    from token_service.app import open_application
    from token_service.ledger.rulesets import ruleset_in_force
    from token_service.ledger.stock import stock_of
    from token_service.program.ruleset import parse_ruleset

    with open_application() as application:
        context = application.context
        rules = parse_ruleset(ruleset_in_force(context, context.now()).document)
        left = stock_of(context)
    rows = [{"id": one.id, "points": one.points, "pieces_left": left.get(one.id)} for one in rules.rewards]
    if json_:
        print_json(rows)
        return
    for one in rules.rewards:
        pieces = f"{number(left[one.id])} left" if one.id in left else "no end of them"
        click.echo(f"{one.id:<24} {number(one.points):>9} points  {pieces}")


@reward.command()
@click.argument("reward_id")
@click.argument("pieces", type=click.IntRange(min=0), required=False)
@click.option("--without-end", is_flag=True, help="There is no end of them any more.")
@as_json
def stock(reward_id: str, pieces: int | None, without_end: bool, json_: bool) -> None:
    """Say how many PIECES of a reward are left."""
    from token_service.app import open_application
    from token_service.ledger.context import Actor
    from token_service.ledger.stock import set_stock

    if (pieces is None) != without_end:
        raise click.UsageError("give the number of pieces, or --without-end")
    with open_application() as application:
        left = set_stock(application.context, Actor.admin("cli"), reward_id, pieces)
    said = "no end of them" if left is None else f"{number(left)} left"
    print_json({"reward_id": reward_id, "pieces_left": left}) if json_ else click.echo(f"{reward_id}: {said}")
