"""Contradictions inside a ruleset that its shape allows. Each comes back as a place: a JSON pointer and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from token_service.errors import Place
from token_service.program.action_schema import AwardLimits, EventRule, ReferralRule, SubscriptionRule
from token_service.program.award_schema import BenefitAward, BonusAward, GiftAward, PurchaseAward
from token_service.program.benefits import benefit_ids_of
from token_service.program.budgets import budget_points
from token_service.program.caps import CAPS, MERCHANT_DAY, PROGRAM_DAY
from token_service.program.challenge_schema import Challenge, CountEvents, CountItems, CountStreak
from token_service.program.conditions import (
    PURCHASE_VISIT,
    ConditionRefused,
    check_condition,
    check_member_condition,
    facts_read,
)
from token_service.program.donation_check import donation_mistakes
from token_service.program.event_facts import OWN_PREFIX
from token_service.program.events import ANNIVERSARY, BIRTHDAY, JOINED, OWN_EVENTS
from token_service.program.expiry_check import expiry_mistakes
from token_service.program.gift_check import challenge_limit_mistakes, counted_twice, gift_mistakes, no_vouchers
from token_service.program.kinds import gives_anything
from token_service.program.reward_check import reward_mistakes, won_mistakes
from token_service.program.rewards import DONATION, lowest_price
from token_service.program.schedules import next_turn
from token_service.program.schema import Campaign, ItemRule, Level, PurchaseRule, Ruleset, Tiers, benefit_id
from token_service.program.segments import mistake_about_segments

EVER: Final = date(2000, 1, 1)
"""Before every programme."""
ConditionCheck = Callable[[str], None]
"""Raises ConditionRefused for a condition that a ruleset must not have."""


def check_ruleset(ruleset: Ruleset, *, check: ConditionCheck = check_condition) -> list[Place]:
    """Everything in the ruleset that contradicts itself, in the order of its keys; an empty list means: fit to publish.

    `check` judges one condition; `mereau ruleset check` passes one that works in a process of its own.
    """
    return [
        *_anything(ruleset),
        *_repeated("/earning", (rule.id for rule in ruleset.earning)),
        *_item_rules(ruleset),
        *_event_rules(ruleset),
        *_repeated(
            "/campaigns", (campaign.id for campaign in ruleset.campaigns), {rule.id for rule in ruleset.earning}
        ),
        *_repeated("/segments", (segment.id for segment in ruleset.segments)),
        *_campaigns(ruleset, check),
        *_tiers(ruleset),
        *_benefits(ruleset),
        *_repeated(
            "/memberships",
            (one.id for one in ruleset.memberships),
            {level.id for level in (ruleset.tiers.levels if ruleset.tiers else ())},
        ),
        *_memberships(ruleset),
        *_repeated(
            "/challenges",
            (challenge.id for challenge in ruleset.challenges),
            {campaign.id for campaign in ruleset.campaigns if isinstance(campaign.award, GiftAward)},
        ),
        *_challenges(ruleset, check),
        *counted_twice(ruleset, _awarded(ruleset) | {one.id for one in ruleset.schedules}),
        *_repeated("/schedules", (one.id for one in ruleset.schedules), _awarded(ruleset)),
        *_schedules(ruleset, check),
        *_delivery(ruleset),
        *expiry_mistakes(ruleset),
        *_limits(ruleset),
        *_by_hand(ruleset),
        *_redemption(ruleset),
        *donation_mistakes(ruleset),
        *_repeated("/rewards", (reward.id for reward in ruleset.rewards)),
        *reward_mistakes(ruleset),
        *won_mistakes(ruleset),
    ]


def conditions_of(ruleset: Ruleset) -> list[str]:
    """Every condition of the ruleset: of its campaigns, of what its challenges count, of its schedules."""
    asked = (
        *(campaign.when for campaign in ruleset.campaigns),
        *(_when(one) for one in ruleset.challenges),
        *(one.when for one in ruleset.schedules),
    )
    return [when for when in asked if when is not None]


def _when(challenge: Challenge) -> str | None:
    return None if isinstance(challenge.count, CountItems | CountEvents) else challenge.count.when


def _delivery(ruleset: Ruleset) -> Iterator[Place]:
    told = ruleset.delivery
    if told is not None and told.channels is None and told.merchants is None:
        yield Place("/delivery", "say which purchases wait for a delivery: channels, merchants, or both")


def _repeated(pointer: str, ids: Iterable[str], taken: Iterable[str] = ()) -> Iterator[Place]:
    seen = set(taken)
    for index, identifier in enumerate(ids):
        if identifier in seen:
            yield Place(f"{pointer}/{index}/id", "must be an id that nothing else in the ruleset has")
        seen.add(identifier)


def _anything(ruleset: Ruleset) -> Iterator[Place]:
    if not gives_anything(ruleset):
        detail = "must have a rule, unless memberships, challenges, schedules, or benefits of levels or campaigns do"
        yield Place("/earning", detail)


def _item_rules(ruleset: Ruleset) -> Iterator[Place]:
    for index, rule in enumerate(ruleset.earning):
        if not isinstance(rule, ItemRule):
            continue
        if (rule.per is None) == (rule.per_quantity is None):
            yield Place(f"/earning/{index}", "must have either per or per_quantity")
        if not rule.skus and not rule.categories:
            yield Place(f"/earning/{index}", "must name skus or categories, or it never gives anything")
        if rule.per_quantity is not None and "basis" in rule.model_fields_set:
            yield Place(f"/earning/{index}/basis", "has no effect on a rule that counts pieces")


def _event_rules(ruleset: Ruleset) -> Iterator[Place]:
    for index, rule in enumerate(ruleset.earning):
        if not isinstance(rule, EventRule | SubscriptionRule | ReferralRule):
            continue
        if rule.event.startswith(OWN_PREFIX) and rule.event not in OWN_EVENTS:
            yield Place(
                f"/earning/{index}/event", f"must be one of {', '.join(OWN_EVENTS)}, or not begin with {OWN_PREFIX}"
            )
        if rule.event in (JOINED, BIRTHDAY, ANNIVERSARY) and rule.once_per == "subject":
            yield Place(
                f"/earning/{index}/once_per", "has no effect: what the programme records itself names no subject"
            )
        yield from _award_limits(ruleset, f"/earning/{index}/limits", rule.limits)


def _campaigns(ruleset: Ruleset, check: ConditionCheck) -> Iterator[Place]:
    for index, campaign in enumerate(ruleset.campaigns):
        if campaign.starts and campaign.until and campaign.until < campaign.starts:
            yield Place(f"/campaigns/{index}/until", "must not lie before from")
        yield from _award_limits(ruleset, f"/campaigns/{index}/limits", campaign.limits, has_vouchers=True)
        yield from no_vouchers(f"/campaigns/{index}/limits", campaign)
        yield from _condition(ruleset, f"/campaigns/{index}/when", campaign.when, check)
        if isinstance(campaign.award, BenefitAward):
            yield from _benefit_campaign(f"/campaigns/{index}", campaign)
        elif isinstance(campaign.award, GiftAward):
            yield from gift_mistakes(f"/campaigns/{index}", ruleset, campaign, campaign.award)
        else:
            yield from _purchase_award(f"/campaigns/{index}/award", campaign.award)


def _purchase_award(here: str, award: PurchaseAward) -> Iterator[Place]:
    if award.items is not None and not award.items.skus and not award.items.categories:
        yield Place(f"{here}/items", "must name skus or categories, or it never gives anything")
    if not isinstance(award, BonusAward):
        return
    if award.per is None:
        for name in sorted(award.model_fields_set & {"basis", "rounding"}):
            yield Place(f"{here}/{name}", "has no effect without per: the points are the same for every purchase")
        if award.items is not None:
            yield Place(f"{here}/items", "needs per; so many points for any of these lines: ask for them in when")
    elif award.basis == "goods" and award.items is not None:
        yield Place(f"{here}/basis", "has no effect on lines, which hold no shipping: leave it out")


def _benefit_campaign(here: str, campaign: Campaign) -> Iterator[Place]:
    """A benefit is used without a purchase: nothing of one can be asked, and it gives no points."""
    for name in ("budget_points", "budget_amount"):
        if campaign.limits is not None and name in campaign.limits.model_fields_set:
            yield Place(f"{here}/limits/{name}", "has no effect on a benefit, which gives no points")
    try:
        asked = facts_read(campaign.when or "true")
    except ConditionRefused:
        return  # said already
    unknown = next((name for name in asked if name.startswith("order.") or name in PURCHASE_VISIT), None)
    if unknown is not None:
        yield Place(
            f"{here}/when",
            f"reads {unknown}: a benefit is used without a purchase, so only the member and the time are known",
        )


def _awarded(ruleset: Ruleset) -> set[str]:
    """The ids of what breakdowns name beside schedules."""
    return {one.id for one in (*ruleset.earning, *ruleset.campaigns)}


def _schedules(ruleset: Ruleset, check: ConditionCheck) -> Iterator[Place]:
    for index, one in enumerate(ruleset.schedules):
        here = f"/schedules/{index}"
        if one.starts and one.until and one.until < one.starts:
            yield Place(f"{here}/until", "must not lie before from")
        elif one.until and next_turn(one, (one.starts or EVER) - timedelta(days=1)) is None:
            yield Place(f"{here}/until", f"leaves no first day of a {one.every}, so it never gives anything")
        yield from _award_limits(ruleset, f"{here}/limits", one.limits)
        yield from _condition(ruleset, f"{here}/when", one.when, check)
        yield from _member_condition(f"{here}/when", one.when)


def _member_condition(pointer: str, when: str | None) -> Iterator[Place]:
    try:
        check_member_condition(when or "")
    except ConditionRefused as refused:
        yield Place(pointer, str(refused))


def _award_limits(
    ruleset: Ruleset, pointer: str, limits: AwardLimits | None, *, has_vouchers: bool = False
) -> Iterator[Place]:
    if limits is None:
        return
    if not limits.model_fields_set:
        more = ", budget_amount or budget_vouchers" if has_vouchers else " or budget_amount"
        yield Place(pointer, f"must have per_member, budget_points{more}")
    elif limits.budget_amount is not None and ruleset.program.point_value is None:
        yield Place(f"{pointer}/budget_amount", "needs program.point_value: what a point is worth")
    elif budget_points(ruleset, limits) == 0:
        yield Place(f"{pointer}/budget_amount", "is worth less than one point, so it never gives anything")


def _condition(ruleset: Ruleset, pointer: str, when: str | None, check: ConditionCheck) -> Iterator[Place]:
    if when is None:
        return
    try:
        check(when)
    except ConditionRefused as refused:
        yield Place(pointer, str(refused))
    wrong = mistake_about_segments(ruleset, when)
    if wrong is not None:
        yield Place(pointer, wrong)


def _challenges(ruleset: Ruleset, check: ConditionCheck) -> Iterator[Place]:
    rewards = {reward.id for reward in ruleset.rewards}
    for index, challenge in enumerate(ruleset.challenges):
        here, count, award = f"/challenges/{index}", challenge.count, challenge.award
        if challenge.starts and challenge.until and challenge.until < challenge.starts:
            yield Place(f"{here}/until", "must not lie before from")
        if isinstance(count, CountItems) and not count.skus and not count.categories:
            yield Place(f"{here}/count", "must name skus or categories, or it never counts anything")
        if isinstance(count, CountEvents) and count.event.startswith(OWN_PREFIX) and count.event not in OWN_EVENTS:
            yield Place(
                f"{here}/count/event", f"must be one of {', '.join(OWN_EVENTS)}, or not begin with {OWN_PREFIX}"
            )
        if isinstance(count, CountStreak) and challenge.period is not None:
            yield Place(f"{here}/period", "has no effect on a streak, which counts periods itself")
        yield from _condition(ruleset, f"{here}/count/when", _when(challenge), check)
        yield from _award_limits(ruleset, f"{here}/limits", challenge.limits, has_vouchers=True)
        yield from challenge_limit_mistakes(here, challenge)
        if award.points is not None and award.reward is not None:
            yield Place(f"{here}/award", "must have either points or reward")
        if award.points is None and award.reward is None and not award.badge:
            yield Place(f"{here}/award", "must have points, a reward or a badge")
        if award.reward is not None and award.reward not in rewards:
            yield Place(f"{here}/award/reward", "must be the id of a reward")
        if award.badge and (challenge.repeat == "always" or challenge.period is not None):
            yield Place(
                f"{here}/award/badge", "is for a challenge that is completed once: no period, no repeat: always"
            )


def _tiers(ruleset: Ruleset) -> Iterator[Place]:
    tiers = ruleset.tiers
    if tiers is None:
        return
    yield from _repeated("/tiers/levels", (level.id for level in tiers.levels))
    for index, (lower, upper) in enumerate(pairwise(tiers.levels), start=1):
        if upper.threshold <= lower.threshold:
            yield Place(f"/tiers/levels/{index}/from", "must be more than the level before it: thresholds ascend")
    for index, level in enumerate(tiers.levels):
        if len(set(map(benefit_id, level.benefits))) != len(level.benefits):
            yield Place(f"/tiers/levels/{index}/benefits", "must name each benefit once")
        yield from _keep(f"/tiers/levels/{index}/keep", level, tiers)
    if tiers.qualify_by == "engagement" and all(isinstance(rule, PurchaseRule) for rule in ruleset.earning):
        yield Place("/tiers/qualify_by", "counts events that earn points, and no earning rule is for one")
    downgrade = tiers.downgrade
    if downgrade is None:
        return
    if tiers.window.kind == "lifetime":
        yield Place("/tiers/downgrade", "has no effect when the window is a lifetime")
    if downgrade.after == "never":
        for key in sorted(downgrade.model_fields_set & {"grace", "steps"}):
            yield Place(f"/tiers/downgrade/{key}", "has no effect when levels never go down")
    elif downgrade.steps is not None and downgrade.grace is None:
        yield Place("/tiers/downgrade/steps", "needs a grace: without one every step is taken at once")


def _keep(pointer: str, level: Level, tiers: Tiers) -> Iterator[Place]:
    if level.keep is None:
        return
    if level.keep > level.threshold:
        yield Place(pointer, "must not exceed from, or the level would be lost as soon as it is reached")
    elif tiers.window.kind == "lifetime":
        yield Place(pointer, "has no effect when the window is a lifetime")
    elif tiers.downgrade is not None and tiers.downgrade.after == "never":
        yield Place(pointer, "has no effect when levels never go down")


def _benefits(ruleset: Ruleset) -> Iterator[Place]:
    granted = benefit_ids_of(ruleset)
    yield from _repeated("/benefits", (benefit.id for benefit in ruleset.benefits))
    for index, benefit in enumerate(ruleset.benefits):
        if benefit.id not in granted:
            yield Place(f"/benefits/{index}/id", "must be a benefit that a level, a membership or a campaign grants")


def _memberships(ruleset: Ruleset) -> Iterator[Place]:
    for index, one in enumerate(ruleset.memberships):
        if len(set(map(benefit_id, one.benefits))) != len(one.benefits):
            yield Place(f"/memberships/{index}/benefits", "must name each benefit once")


def _limits(ruleset: Ruleset) -> Iterator[Place]:
    limits = ruleset.limits
    if (
        limits.per_order_points
        and limits.per_member_day_points
        and limits.per_order_points > limits.per_member_day_points
    ):
        yield Place("/limits/per_order_points", "must not exceed per_member_day_points, which would always cut it")
    days = [(name, most) for name in CAPS if (most := getattr(limits, name)) is not None]
    for index, (name, most) in enumerate(days):
        for wider, more in days[index + 1 :]:
            if most > more:
                yield Place(f"/limits/{name}", f"must not exceed {wider}, which would always cut it")

    named = sorted(limits.over.model_fields_set) if limits.over is not None else ()
    for name in named:
        if getattr(limits, name) is None:
            yield Place(f"/limits/over/{name}", f"has no effect without limits.{name}")
    if limits.over is not None and not named:
        yield Place("/limits/over", "must name a limit, with reduce or refuse")


def _by_hand(ruleset: Ruleset) -> Iterator[Place]:
    limits = ruleset.limits
    counted = ("per_member_day_points", MERCHANT_DAY, PROGRAM_DAY)
    if limits.count_manual and all(getattr(limits, name) is None for name in counted):
        yield Place("/limits/count_manual", f"has no effect without one of {', '.join(counted)}")
    for name in ("manual_issuance", "adjustment"):
        once, day = getattr(limits, f"{name}_points"), getattr(limits, f"{name}_day_points")
        if once is not None and day is not None and once > day:
            yield Place(f"/limits/{name}_day_points", f"must not be less than {name}_points, which it would always cut")


def _redemption(ruleset: Ruleset) -> Iterator[Place]:
    limits = ruleset.redemption
    if limits is None:
        return
    least, most, step, day = limits.min_points, limits.max_points, limits.step_points, limits.per_member_day_points
    if not limits.model_fields_set:
        yield Place("/redemption", "must have min_points, max_points, step_points, per_member_day_points or cool_down")
    if least is not None and step is not None and least % step:
        yield Place("/redemption/min_points", "must be a multiple of step_points, or nobody can spend it")
    if most is not None and max(least or 0, step or 0) > most:
        yield Place(
            "/redemption/max_points", "must not be less than min_points or step_points, or nobody can spend any"
        )
    if most is not None and day is not None and most > day:
        yield Place("/redemption/max_points", "has no effect above per_member_day_points, which is less")
    if day is not None and max(least or 0, step or 0) > day:
        yield Place("/redemption/per_member_day_points", "must not be less than min_points or step_points")
    for index, reward in enumerate(ruleset.rewards):
        if day is not None and reward.kind != DONATION and lowest_price(reward) > day:
            yield Place(f"/rewards/{index}/points", "exceeds redemption.per_member_day_points, so nobody can have it")
