"""`make year`: replays the year under examples/completejourney.yaml and under the same rules without campaigns, levels and
challenges, writes docs/year.md and its drawing. Takes some minutes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from scripts.year.history import read_year
from token_service.app.resources import resource_dir
from token_service.cli.output import number
from token_service.cli.simulation_plot import plot_svg
from token_service.program.money import money_text
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.told import Bought
from token_service.program.what_if import Outcome, what_if

DOCS = Path(__file__).parents[2] / "docs"
DRAWING = "pictures/year.svg"


def main() -> None:
    rules = parse_ruleset((resource_dir("examples") / "completejourney.yaml").read_text())
    plain = rules.model_copy(update={"campaigns": (), "tiers": None, "challenges": ()})
    history = read_year(rules.program.time_zone)
    before = what_if(plain, history)
    began = time.perf_counter()
    after = what_if(rules, history)
    seconds = time.perf_counter() - began
    (DOCS / DRAWING).write_text(plot_svg(before, after, ("earning rules alone", "with everything")), encoding="utf-8")
    (DOCS / "year.md").write_text(page(rules, history, before, after), encoding="utf-8")
    print(
        f"{number(after.purchases)} purchases in {seconds:.0f} s: {number(round(after.purchases / seconds))} a second"
    )


def page(rules: Ruleset, history: list[Bought], before: Outcome, after: Outcome) -> str:
    """docs/year.md."""

    def money(amount: int) -> str:
        return money_text(amount, rules.program.currency)

    campaigns = {campaign.id: after.by_rule[campaign.id] for campaign in rules.campaigns}
    largest = sorted(campaigns.items(), key=lambda found: -found[1])[:8]
    others = sum(campaigns.values()) - sum(points for _, points in largest)
    lines = sum(len(one.items) for one in history)
    reach = [one for one in after.by_member.values() if one >= min(reward.points for reward in rules.rewards)]
    parts = [
        "# A grocer’s year",
        "",
        "Written by `make year`: one year of real baskets (the data set completejourney, 2017), replayed under",
        "[examples/completejourney.yaml](../examples/completejourney.yaml) and, beside it, under its earning rules alone. It is",
        "the code that decides real purchases. Nothing is spent or expires in it: the cost is that of all points at their full",
        "value.",
        "",
        f"{number(after.purchases)} purchases with {number(lines)} lines of {number(after.members)} households,",
        f"{money(after.revenue)} in all.",
        "",
        *_table(
            ("", "earning rules alone", "with campaigns, levels, challenges"),
            [
                ("points", number(before.points), number(after.points)),
                ("of them by challenges", number(before.challenge_points), number(after.challenge_points)),
                ("vouchers won", number(before.vouchers), number(after.vouchers)),
                ("cost", money(before.cost), money(after.cost)),
                ("cost of what was paid", _share(before), _share(after)),
            ],
        ),
        "",
        f"{number(len(reach))} households have enough for a reward by the end of the year.",
        "",
        f"![Points by month: earning rules alone, and with everything]({DRAWING})",
        "",
        *_table(
            ("level at the end of the year", "households"),
            [
                (level or "none", number(count))
                for level, count in sorted(after.levels.items(), key=lambda found: -found[1])
            ],
        ),
        "",
        *_table(
            ("campaign", "points", "times a household had it"),
            [(name, number(points), number(points // next(_points(rules, name)))) for name, points in largest],
        ),
        "",
        f"The other {len(campaigns) - len(largest)} campaigns gave {number(others)} points together.",
        "",
    ]
    return "\n".join(parts)


def _points(rules: Ruleset, campaign_id: str) -> Iterator[int]:
    for campaign in rules.campaigns:
        if campaign.id == campaign_id:
            yield getattr(campaign.award, "points", 1)


def _share(outcome: Outcome) -> str:
    return f"{100 * outcome.cost / outcome.revenue:.2f} %"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    ruler = "|---|" + "---:|" * (len(head) - 1)
    return [f"| {' | '.join(head)} |", ruler, *(f"| {' | '.join(row)} |" for row in rows)]


if __name__ == "__main__":
    main()
