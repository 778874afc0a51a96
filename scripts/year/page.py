"""docs/year.md and its drawings, from what the year came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scripts.year.coupons import Campaign
from scripts.year.history import Year
from scripts.year.spending import Spender
from token_service.cli.output import number
from token_service.cli.simulation_plot import bars_svg, plot_svg
from token_service.program.money import money_text
from token_service.program.ruleset import Ruleset
from token_service.program.what_if import Outcome

POINTS, SPENT, COUPONS = "pictures/year.svg", "pictures/year-spent.svg", "pictures/year-coupons.svg"


@dataclass(frozen=True)
class Found:
    """The year under the rules (`after`) and under their earning rules alone (`before`); `spenders`: one for each reward."""

    rules: Ruleset
    year: Year
    before: Outcome
    after: Outcome
    spenders: tuple[Spender, ...]


def drawings(found: Found) -> dict[str, str]:
    """Each drawing, by its place in docs/."""
    sent = {f"{one.number:02d}": len(one.sent) for one in found.year.campaigns}
    used = {f"{one.number:02d}": len(one.used) for one in found.year.campaigns}
    spent = found.spenders[0].by_month
    return {
        POINTS: plot_svg(found.before, found.after, ("earning rules alone", "with everything")),
        SPENT: bars_svg("Points given and spent by month", (found.after.by_month, spent), ("given", "spent at once")),
        COUPONS: bars_svg("Households by campaign", (sent, used), ("were sent it", "used a coupon of it")),
    }


def page(found: Found) -> str:
    """The whole page."""
    return "\n".join((*_beginning(found), *_redemption(found), *_levels_and_campaigns(found), ""))


def _beginning(found: Found) -> Iterator[str]:
    before, after = found.before, found.after
    lines = sum(len(one.items) for one in found.year.baskets)

    def money(amount: int) -> str:
        return money_text(amount, found.rules.program.currency)

    yield from (
        "# A grocer’s year",
        "",
        "Written by `make year`: one year of real baskets (the data set completejourney, 2017), replayed under",
        "[examples/completejourney.yaml](../examples/completejourney.yaml) and, beside it, under its earning rules alone. It is",
        "the code that decides real purchases. The cost is that of all points at their full value, as if all were spent.",
        "",
        "Real are the baskets, the 27 campaigns with their dates, which households each was sent to (segments in the ruleset),",
        "and which coupons they used on which day (events, which earn once each). Made up are the points: nobody had any then.",
        "",
        f"{number(after.purchases)} purchases with {number(lines)} lines of {number(after.members)} households,",
        f"{money(after.revenue)} in all, and {number(len(found.year.used))} coupons used.",
        "",
        *_table(
            ("", "earning rules alone", "with campaigns, levels, challenges"),
            [
                ("points", number(before.points), number(after.points)),
                ("of them by coupons used", number(before.event_points), number(after.event_points)),
                ("of them by challenges", number(before.challenge_points), number(after.challenge_points)),
                ("vouchers won (for a coffee)", number(before.vouchers), number(after.vouchers)),
                ("cost of the points", money(before.cost), money(after.cost)),
                ("cost of what was paid", _share(before.cost, before.revenue), _share(after.cost, after.revenue)),
            ],
        ),
        "",
        "The vouchers are not in the cost: the rules don’t say what a coffee costs.",
        "",
        f"![Points by month: earning rules alone, and with everything]({POINTS})",
        "",
    )


def _redemption(found: Found) -> Iterator[str]:
    yield from ("## Redemption rate", "", "**Coupons, as the data have them.** This is what households did.", "")
    campaigns = found.year.campaigns
    kinds = sorted({one.kind for one in campaigns})
    yield from _table(
        ("campaigns", "sent to households", "of them used a coupon", "redemption rate", "coupons used"),
        [
            *(
                _coupons(f"{sum(one.kind == kind for one in campaigns)} of type {kind}", campaigns, kind)
                for kind in kinds
            ),
            _coupons(f"all {len(campaigns)}", campaigns),
        ],
    )
    yield from (
        "",
        f"![By campaign: households that were sent it, and those that used a coupon of it]({COUPONS})",
        "",
        "**Points, by a stated rule.** Nobody could spend points in 2017. If every household took one and the same reward",
        "whenever it has the points for it, and nothing else, this would be spent of what was given by the end of the year:",
        "",
        *_table(
            ("every household takes", "at points", "times", "households", "points spent", "redemption rate"),
            [_spent(found, reward.id, one) for reward, one in zip(found.rules.rewards, found.spenders, strict=True)],
        ),
        "",
        "What is missing to 100 % is less than one reward of each household. No point expires within the year.",
        "",
        f"![Points by month: given, and spent if every household takes the cheapest reward at once]({SPENT})",
        "",
    )


def _coupons(name: str, campaigns: Sequence[Campaign], kind: str | None = None) -> tuple[str, ...]:
    some = [one for one in campaigns if kind in (None, one.kind)]
    sent, used = sum(len(one.sent) for one in some), sum(len(one.used) for one in some)
    return name, number(sent), number(used), _share(used, sent), number(sum(one.coupons for one in some))


def _spent(found: Found, reward_id: str, one: Spender) -> tuple[str, ...]:
    figures = (one.price, one.rewards, len(one.households), one.points)
    return reward_id, *map(number, figures), _share(one.points, found.after.points)


def _levels_and_campaigns(found: Found) -> Iterator[str]:
    after, rules = found.after, found.rules
    yield from ("## Levels and campaigns", "")
    levels = sorted(after.levels.items(), key=lambda one: -one[1])
    yield from _table(
        ("level at the end of the year", "households"), [(name or "none", number(count)) for name, count in levels]
    )
    worth = {one.id: (after.by_rule[one.id], getattr(one.award, "points", 1)) for one in rules.campaigns}
    largest = sorted(worth.items(), key=lambda one: -one[1][0])[:8]
    others = sum(points for points, _ in worth.values()) - sum(points for _, (points, _) in largest)
    yield ""
    yield from _table(
        ("campaign", "points", "times a household had it"),
        [(name, number(points), number(points // each)) for name, (points, each) in largest],
    )
    yield from ("", f"The other {len(worth) - len(largest)} campaigns gave {number(others)} points together.")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "–"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    ruler = "|---|" + "---:|" * (len(head) - 1)
    return [f"| {' | '.join(head)} |", ruler, *(f"| {' | '.join(row)} |" for row in rows)]
