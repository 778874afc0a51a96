"""What purchases and events count for in challenges, and how often a member has completed one (docs/rulesets.md "Challenges").

A purchase counts by the rules of its day, and for what is left of it after refunds; a count never rises by a refund. Completions
are numbered: the n-th one within a period (or for ever) is due when n × target is reached. What was given is given once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from math import floor
from typing import Final

from token_service.program.action_schema import GiftLimits
from token_service.program.award_schema import BadgeAward, GiftAward, VoucherAward
from token_service.program.basket import Basket, condition_facts
from token_service.program.challenge_schema import (
    Challenge,
    ChallengeAward,
    CountEvents,
    CountItems,
    CountOrders,
    CountSpend,
    CountStreak,
    CountVisits,
    Period,
)
from token_service.program.conditions import holds, prepared
from token_service.program.earning import Line, points_text
from token_service.program.event_facts import EventFacts
from token_service.program.facts import PurchaseFacts
from token_service.program.money import money_text
from token_service.program.refunds import Refund, left_after
from token_service.program.schema import Campaign, Ruleset
from token_service.program.schema_values import PositiveAmount

COMPLETED: Final = "member.challenge"
"""The event that the programme records for a completion; its subject names the challenge and which completion it is."""
LINE_PREFIX: Final = "challenge:"
"""Before a challenge's id: the breakdown's line of its award."""
AT_ONCE_MAX: Final = 10
"""Completions that one purchase or event brings at most; the rest come with the next one."""
_MONTHS: Final[Mapping[Period, int]] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Counted:
    """What a purchase or event counts for, and its local date; ≥ 0."""

    date: str
    amount: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a member stands on a local date: `counted` of the target towards the next completion, `times` completed before within
    `period` (None: ever). Of a streak, `counted` is its length so far.
    """

    counted: int
    times: int
    period: str | None


def challenge_named(ruleset: Ruleset, challenge_id: str) -> Challenge | None:
    """The challenge of that id, or None."""
    return next((one for one in counted_challenges(ruleset) if one.id == challenge_id), None)


class CampaignGift(Challenge):
    """A campaign that gives a voucher or a badge, as what it is to whoever counts and awards: a challenge of one purchase,
    completed anew with each, `most` times at the most.
    """

    most: PositiveAmount | None = None


def counted_challenges(ruleset: Ruleset) -> tuple[Challenge, ...]:
    """The rules' challenges, and those that their campaigns' vouchers and badges make."""
    gifts = tuple(_gift(one, one.award) for one in ruleset.campaigns if isinstance(one.award, GiftAward))
    return ruleset.challenges + gifts


def _gift(campaign: Campaign, award: GiftAward) -> CampaignGift:
    is_badge = isinstance(award, BadgeAward)
    reward = award.voucher if isinstance(award, VoucherAward) else None
    most, limits = _gift_limits(campaign.limits)
    return CampaignGift.model_construct(
        id=campaign.id,
        name=campaign.name,
        starts=campaign.starts,
        until=campaign.until,
        count=CountOrders.model_construct(kind="orders", when=campaign.when),
        target=1,
        period=None,
        repeat="once" if is_badge else "always",
        award=ChallengeAward(reward=reward, badge=is_badge),
        limits=limits,
        most=most,
    )


def _gift_limits(limits: GiftLimits | None) -> tuple[int | None, GiftLimits | None]:
    """How often a member has it in all, which is how often it is completed; and what bounds the award of a completion."""
    if limits is None:
        return None, None
    per_member, budget = limits.per_member, limits.budget_vouchers
    if per_member is not None and per_member.every is None:
        most, per_member = per_member.times, None
    else:
        most = None
    bounds = budget is not None or per_member is not None
    return most, GiftLimits(per_member=per_member, budget_vouchers=budget) if bounds else None


def subject_of(challenge_id: str, key: str) -> str:
    """What the event of a completion is about."""
    return f"{challenge_id}/{key}"


def challenge_of(subject: str | None) -> str:
    """The id of the challenge that a completion is about."""
    return (subject or "").partition("/")[0]


# --- counting -------------------------------------------------------------------------------------------------------


def purchase_counts(ruleset: Ruleset, facts: PurchaseFacts, refunds: tuple[Refund, ...] = ()) -> dict[str, int]:
    """By challenge, what the purchase counts for after these refunds, in the order in which they were recorded; the least of what
    it counted for after each of them. Challenges for which it never counted are left out.
    """
    running = [
        one for one in counted_challenges(ruleset) if not isinstance(one.count, CountEvents) and _runs(one, facts)
    ]
    if not running:
        return {}
    counts = _of_basket(running, left_after(facts, ()))
    counts = {name: amount for name, amount in counts.items() if amount}
    for many in range(1, len(refunds) + 1):
        after = _of_basket(running, left_after(facts, refunds[:many]))
        counts = {name: min(amount, after[name]) for name, amount in counts.items()}
    return counts


def event_counts(ruleset: Ruleset, facts: EventFacts) -> dict[str, int]:
    """By challenge, what the event counts for: 1, where it counts."""
    return {
        one.id: 1
        for one in ruleset.challenges
        if isinstance(one.count, CountEvents) and one.count.event == facts.event and _runs(one, facts)
    }


def _runs(challenge: Challenge, facts: PurchaseFacts | EventFacts) -> bool:
    day = facts.local.date
    return (challenge.starts is None or challenge.starts.isoformat() <= day) and (
        challenge.until is None or day <= challenge.until.isoformat()
    )


def _of_basket(challenges: Iterable[Challenge], basket: Basket) -> dict[str, int]:
    if basket.is_empty:
        return {one.id: 0 for one in challenges}
    conditions = {one.id: getattr(one.count, "when", None) for one in challenges}
    asked = tuple(when for when in conditions.values() if when is not None)
    facts = prepared(condition_facts(basket), asked) if asked else {}
    found = {}
    for one in challenges:
        when = conditions[one.id]
        found[one.id] = _amount(one, basket) if when is None or holds(when, facts) else 0
    return found


def _amount(challenge: Challenge, basket: Basket) -> int:
    count = challenge.count
    if isinstance(count, CountSpend):
        return floor(basket.spend(count.basis))
    if isinstance(count, CountItems):
        return floor(
            sum(
                line.quantity
                for line in basket.lines
                if line.is_left and (line.item.sku in count.skus or line.item.category in count.categories)
            )
        )
    return 1


# --- completions ----------------------------------------------------------------------------------------------------


def new_keys(challenge: Challenge, counted: Iterable[Counted], given: Container[str]) -> tuple[str, ...]:
    """The completions that are due and not `given` (by key), earliest first, at most AT_ONCE_MAX."""
    due = _keys(_times(challenge, counted))
    return tuple(islice((key for key in due if key not in given), AT_ONCE_MAX))


def lost_keys(
    challenge: Challenge, before: Iterable[Counted], after: Iterable[Counted], given: Iterable[str]
) -> tuple[str, ...]:
    """The given completions that were due before and are no more, in order: they are taken back."""
    once, now = _times(challenge, before), _times(challenge, after)
    lost = [key for key in given if _is_due(key, once) and not _is_due(key, now)]
    return tuple(sorted(lost, key=_order))


def progress(challenge: Challenge, counted: Iterable[Counted], day: str) -> Progress:
    """Where the member stands on a local date."""
    steps = [one for one in counted if one.amount]
    if isinstance(challenge.count, CountStreak):
        run = _runs_of(challenge.count.every, steps)
        at = _ordinal(challenge.count.every, day)
        length = run.get(at, run.get(at - 1, 0))
        return Progress(_towards(challenge, length), len(_times(challenge, steps)), None)
    period = None if challenge.period is None else period_of(challenge.period, day)
    total = _totals(challenge, steps).get(period or "", 0)
    return Progress(_towards(challenge, total), _how_often(challenge, total), period)


def _towards(challenge: Challenge, total: int) -> int:
    """What of a total counts towards the next completion; all of the target once nothing comes after it."""
    if challenge.repeat == "once":
        return min(total, challenge.target)
    return total % challenge.target


def _how_often(challenge: Challenge, total: int) -> int:
    times = total // challenge.target
    if isinstance(challenge, CampaignGift) and challenge.most is not None:
        times = min(times, challenge.most)
    return min(times, 1) if challenge.repeat == "once" else times


def _times(challenge: Challenge, counted: Iterable[Counted]) -> dict[str, int]:
    """How often the challenge is completed, by period ("": there is none; of a streak, the period that completed it)."""
    steps = [one for one in counted if one.amount]
    if isinstance(challenge.count, CountStreak):
        every = challenge.count.every
        names = {_ordinal(every, one.date): period_of(every, one.date) for one in steps}
        done = [at for at, length in sorted(_runs_of(every, steps).items()) if length % challenge.target == 0]
        return {names[at]: 1 for at in (done[:1] if challenge.repeat == "once" else done)}
    return {period: _how_often(challenge, total) for period, total in sorted(_totals(challenge, steps).items())}


def _totals(challenge: Challenge, steps: Iterable[Counted]) -> dict[str, int]:
    """What is counted, by period."""
    dates: dict[str, set[str]] = {}
    sums: dict[str, int] = {}
    for one in steps:
        period = "" if challenge.period is None else period_of(challenge.period, one.date)
        dates.setdefault(period, set()).add(one.date)
        sums[period] = sums.get(period, 0) + one.amount
    return {period: len(found) for period, found in dates.items()} if isinstance(challenge.count, CountVisits) else sums


def _runs_of(every: Period, steps: Iterable[Counted]) -> dict[int, int]:
    """For each period with a purchase, how many in a row there are up to it."""
    lengths: dict[int, int] = {}
    for at in sorted({_ordinal(every, one.date) for one in steps}):
        lengths[at] = lengths.get(at - 1, 0) + 1
    return lengths


def _keys(times: Mapping[str, int]) -> Iterator[str]:
    for period, many in times.items():
        for number in range(1, many + 1):
            yield f"{period}/{number}" if period else str(number)


def _is_due(key: str, times: Mapping[str, int]) -> bool:
    period, _, number = key.rpartition("/")
    return int(number) <= times.get(period, 0)


def _order(key: str) -> tuple[str, int]:
    period, _, number = key.rpartition("/")
    return period, int(number)


# --- periods --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def period_of(every: Period, day: str) -> str:
    """The name of a local date's period: "2026-W07", "2026-02", "2026-Q1", "2026"."""
    at = date.fromisoformat(day)
    if every == "week":
        iso = at.isocalendar()
        return f"{iso.year}-W{iso.week:02d}"
    if every == "quarter":
        return f"{at.year}-Q{(at.month + 2) // 3}"
    return f"{at:%Y-%m}" if every == "month" else f"{at.year:04d}"


@lru_cache(maxsize=8192)
def _ordinal(every: Period, day: str) -> int:
    """Periods numbered one after the other."""
    at = date.fromisoformat(day)
    if every == "week":
        return (at.toordinal() - 1) // 7
    return (at.year * 12 + at.month - 1) // _MONTHS[every]


# --- awards ---------------------------------------------------------------------------------------------------------


def award_line(ruleset: Ruleset, subject: str | None) -> Line | None:
    """What a completion gives, as a line of a breakdown; None for a challenge that the rules don't have."""
    challenge = challenge_named(ruleset, challenge_of(subject))
    if challenge is None:
        return None
    if isinstance(challenge, CampaignGift):
        what = "a badge" if challenge.award.badge else f"a voucher for {challenge.award.reward}"
        return Line(LINE_PREFIX + challenge.id, 0, f"{what} by a campaign")
    done = f"{_target_text(challenge, ruleset.program.currency)}"
    if challenge.award.points is not None:
        return Line(
            LINE_PREFIX + challenge.id, challenge.award.points, f"{points_text(challenge.award.points)} for {done}"
        )
    if challenge.award.reward is not None:
        return Line(LINE_PREFIX + challenge.id, 0, f"a voucher for {challenge.award.reward} for {done}")
    return Line(LINE_PREFIX + challenge.id, 0, f"a badge for {done}")


def _target_text(challenge: Challenge, currency: str) -> str:
    count, target = challenge.count, challenge.target
    if isinstance(count, CountSpend):
        return f"{money_text(target, currency)} spent"
    if isinstance(count, CountStreak):
        return f"{target} {count.every}s in a row" if target > 1 else f"a {count.every}"
    one = {"orders": "purchase", "items": "piece", "visits": "visit", "events": "event"}[count.kind]
    return f"{target} {one}" + ("" if target == 1 else "s")
