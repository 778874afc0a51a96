"""What a new version of the rules can cost beyond the one before it: how much one person may publish alone (docs/rulesets.md)."""

from __future__ import annotations

from typing import Any

from token_service.program.award_schema import BadgeAward, BenefitAward, VoucherAward
from token_service.program.budgets import budget_points, budgeted
from token_service.program.challenge_schema import Challenge
from token_service.program.rewards import find_reward
from token_service.program.schema import ActionRule, Campaign, Ruleset


def added_points(before: Ruleset, after: Ruleset) -> int | None:
    """The points that new or larger budgets of campaigns, schedules, challenges and rules for events add; what is taken away adds
    nothing.

    None for any number: something is new or another that gives points without a budget, or anything else of the document changes.
    """
    if _rest(before) != _rest(after):
        return None
    old = {(isinstance(one, Challenge), one.id): one for one in budgeted(before)}
    added = 0
    for one in budgeted(after):
        known = old.get((isinstance(one, Challenge), one.id))
        if known == one:
            continue
        most = _most(after, one)
        if most is None:
            return None
        was = 0 if known is None else _most(before, known)
        added += 0 if was is None else max(0, most - was)
    return added


def _most(ruleset: Ruleset, one: Campaign | ActionRule | Challenge) -> int | None:
    """The points that it can give in all, vouchers at the dearest price of their reward; None for any number. A benefit is none,
    a badge neither.
    """
    if isinstance(one, Campaign) and isinstance(one.award, BenefitAward | BadgeAward):
        return 0
    if isinstance(one, Campaign | Challenge) and (reward_id := _reward_of(one)) is not None:
        number = None if one.limits is None else one.limits.budget_vouchers
        return None if number is None else number * _dearest(ruleset, reward_id)
    return budget_points(ruleset, one.limits)


def _reward_of(one: Campaign | Challenge) -> str | None:
    if isinstance(one, Challenge):
        return one.award.reward
    return one.award.voucher if isinstance(one.award, VoucherAward) else None


def _dearest(ruleset: Ruleset, reward_id: str) -> int:
    """What the reward costs who pays most for it."""
    reward = find_reward(ruleset, reward_id)
    return max((reward.points, *(reward.points_by_level or {}).values()))


def needs_second_person(before: Ruleset, after: Ruleset) -> bool:
    """Whether whoever drafted `after` may not publish it behind `before`: `limits.publication_points`."""
    limit = before.limits.publication_points
    if limit is None:
        return False
    added = added_points(before, after)
    return added is None or added > limit


def _rest(ruleset: Ruleset) -> dict[str, Any]:
    """The document without what may have a budget."""
    document = ruleset.model_dump(exclude={"campaigns", "earning", "schedules", "challenges"})
    return document | {"earning": [rule for rule in ruleset.earning if not isinstance(rule, ActionRule)]}
