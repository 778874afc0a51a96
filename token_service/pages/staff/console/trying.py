"""Rules tried before they act: on one purchase typed in, and on the purchases of the last days. Nothing is recorded.

The rules are a stored version (`hash`) or a text (`document`), which is checked anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from token_service.ledger.replayed_events import OF_THE_CALENDAR
from token_service.ledger.replayed_totals import Replay
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.ledger.rulesets import get_ruleset
from token_service.pages import formats
from token_service.pages.breakdown import Explained, explained, own_name, reward_named
from token_service.pages.services import services
from token_service.pages.staff.console.documents import checked
from token_service.pages.staff.console.drafting import draft_page
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.staff.console.forms import whole_number
from token_service.pages.staff.console.replay_plot import plot_of
from token_service.pages.staff.console.typed_purchase import (
    TypedPurchase,
    chosen_rules,
    empty_purchase,
    facts_of,
    read_purchase,
)
from token_service.pages.staff.rules import add_page
from token_service.pages.translation import gettext
from token_service.program.earning import decide_purchase
from token_service.program.facts import PurchaseFacts
from token_service.program.rewards import value_of
from token_service.program.ruleset import Ruleset
from token_service.program.voucher_costs import uncosted, voucher_cost

DAYS: Final = (7, 30, 90, 365)
MARGIN_PERCENT: Final = 30
"""Gross margin before points, unless another is typed; `mereau ruleset simulate` has the same."""


@dataclass(frozen=True)
class Decided:
    """What one version of the rules gives for a purchase, and why; `worth` in minor units where points have a value."""

    points: int
    worth: int | None
    lines: tuple[Explained, ...]


@dataclass(frozen=True)
class Tried:
    """The rules that are tried: of a stored version, or of a text."""

    ruleset: Ruleset
    hash: str | None
    document: str | None


def add_to(pages: Blueprint) -> None:
    """Adds the pages that try rules."""
    add_page(pages, "/console/rulesets/try", "ruleset_try", show, "rulesets:read", post=True)
    add_page(pages, "/console/rulesets/try/purchase", "ruleset_try_purchase", purchase, "rulesets:read", post=True)
    add_page(pages, "/console/rulesets/try/replay", "ruleset_replay", replay, "rulesets:read", post=True)


def show() -> ResponseReturnValue:
    """Both forms, empty."""
    return _with_rules(lambda tried: _page(tried, empty_purchase()))


def purchase() -> ResponseReturnValue:
    """What the purchase would earn under these rules and under those in force."""
    return _with_rules(_purchase)


def replay() -> ResponseReturnValue:
    """What the purchases of the last days would have kept."""
    return _with_rules(_replay)


def _with_rules(answer: Callable[[Tried], ResponseReturnValue]) -> ResponseReturnValue:
    named = chosen_rules()
    if named is not None:
        view = get_ruleset(services().context, named)
        return answer(Tried(services().parsed(view), view.hash, None))
    given = checked(request.form.get("document", ""))
    if given.ruleset is None:
        return draft_page(given), 422
    return answer(Tried(given.ruleset, None, given.text))


def _purchase(tried: Tried) -> ResponseReturnValue:
    given = read_purchase()
    facts = facts_of(given, services().ruleset())
    if facts is None:
        return _page(tried, given), 422
    both = {"now": _decided(services().ruleset(), facts), "tried": _decided(tried.ruleset, facts)}
    return _page(tried, given, decided=both, facts=facts)


def _replay(tried: Tried) -> ResponseReturnValue:
    days = whole_number(typed("days", 4) or "30", DAYS[-1]) or DAYS[0]
    written = typed("margin", 3) or str(MARGIN_PERCENT)
    percent = whole_number(written, 100)
    if percent is None:
        return _page(tried, empty_purchase(), days=days, margin=Margin(written, is_wrong=True)), 422
    found = replay_purchases(services().context, tried.ruleset, days)
    return _page(tried, empty_purchase(), replay=found, days=days, margin=Margin(written, percent))


def _decided(ruleset: Ruleset, facts: PurchaseFacts) -> Decided:
    award = decide_purchase(ruleset, facts)
    return Decided(award.points, _worth(ruleset, award.points), explained(award.breakdown, ruleset))


def _worth(ruleset: Ruleset, points: int) -> int | None:
    return value_of(ruleset, points) if ruleset.program.point_value else None


@dataclass(frozen=True)
class Margin:
    """The gross margin before points, as it was typed and in percent."""

    written: str = str(MARGIN_PERCENT)
    percent: int = MARGIN_PERCENT
    is_wrong: bool = False


@dataclass(frozen=True)
class Cost:
    """Minor units that points and vouchers cost, as given and under the tried rules; points None where they have no value."""

    points_given: int | None
    points_other: int | None
    vouchers_given: int
    vouchers_other: int
    gross_margin: int
    """What the purchases leave before any of it."""

    @property
    def margin_given(self) -> int:
        return self.gross_margin - (self.points_given or 0) - self.vouchers_given

    @property
    def margin_other(self) -> int:
        return self.gross_margin - (self.points_other or 0) - self.vouchers_other


def _cost(rules: Ruleset, tried: Ruleset, replay: Replay, margin_percent: int) -> Cost:
    return Cost(
        _worth(rules, replay.given),
        _worth(tried, replay.other),
        voucher_cost(rules, replay.given_rewards),
        voucher_cost(tried, replay.other_rewards),
        replay.revenue * margin_percent // 100,
    )


def _gaps(rules: Ruleset, tried: Ruleset, replay: Replay) -> Iterator[str]:
    """What the figures leave out, a sentence each."""
    given, other = uncosted(rules, replay.given_rewards), uncosted(tried, replay.other_rewards)
    for reward_id in dict.fromkeys((*given, *other)):
        yield gettext(
            "Vouchers for “%(reward)s” are counted, but not in the cost: the rules don’t declare it (given %(given)s, under "
            "these rules %(other)s).",
            reward=reward_named(tried, reward_id),
            given=formats.number(given.get(reward_id, 0)),
            other=formats.number(other.get(reward_id, 0)),
        )
    if tried.schedules or any(getattr(rule, "event", None) in OF_THE_CALENDAR for rule in tried.earning):
        yield gettext(
            "Members who did nothing in that time are not looked at, though the calendar may bring them points."
        )
    if tried.memberships != rules.memberships:
        yield gettext("Memberships count as they were held; nobody buys or keeps one under these rules.")


def _page(
    tried: Tried,
    given: TypedPurchase,
    *,
    decided: dict[str, Decided] | None = None,
    facts: PurchaseFacts | None = None,
    replay: Replay | None = None,
    days: int = 30,
    margin: Margin = Margin(),
) -> str:
    rules = services().ruleset()
    levels = tried.ruleset.tiers.levels if tried.ruleset.tiers else ()
    return render_template(
        "staff/console/ruleset_try.html",
        program=rules.program,
        tried=tried,
        given=given,
        levels=[(level.id, own_name(level)) for level in levels],
        decided=decided,
        facts=facts,
        replay=replay,
        plot=plot_of(replay) if replay is not None else None,
        cost=_cost(rules, tried.ruleset, replay, margin.percent) if replay is not None else None,
        gaps=list(_gaps(rules, tried.ruleset, replay)) if replay is not None else [],
        days=days,
        all_days=DAYS,
        margin=margin,
    )
