"""What a campaign, a challenge or a rule for events may give in all: in points, or in money at the programme's point value
(docs/rulesets.md "Limits of a campaign"). Vouchers are counted apart: challenge_limits.py.
"""

from __future__ import annotations

from token_service.program.action_schema import AwardLimits, GiftLimits
from token_service.program.challenge_schema import Challenge
from token_service.program.money import money_text
from token_service.program.schema import ActionRule, Campaign, Ruleset


def budget_points(ruleset: Ruleset, limits: AwardLimits | None) -> int | None:
    """The points that the limits allow to everybody together; None for any number. Money is rounded down to whole points; of two
    budgets the smaller one holds.
    """
    if limits is None:
        return None
    worth = _points_worth(ruleset, limits)
    if worth is None or limits.budget_points is None:
        return limits.budget_points if worth is None else worth
    return min(worth, limits.budget_points)


def budget_text(ruleset: Ruleset, limits: AwardLimits) -> str:
    """The budget in words: "1000 points", or "100.00 EUR, 1000 points" where money decides it."""
    points = budget_points(ruleset, limits) or 0
    text = "1 point" if points == 1 else f"{points} points"
    if limits.budget_amount is None or points == limits.budget_points:
        return text
    return f"{money_text(limits.budget_amount, ruleset.program.currency)}, {text}"


def budgeted(ruleset: Ruleset) -> tuple[Campaign | ActionRule | Challenge, ...]:
    """What may have a budget, in the order of the document, campaigns first, challenges last."""
    rules = (rule for rule in ruleset.earning if isinstance(rule, ActionRule))
    return (*ruleset.campaigns, *rules, *ruleset.schedules, *ruleset.challenges)


def has_budget(limits: AwardLimits | None) -> bool:
    """Whether what these limits are for gives so much in all, and no more."""
    if limits is None:
        return False
    vouchers = limits.budget_vouchers if isinstance(limits, GiftLimits) else None
    return (limits.budget_points, limits.budget_amount, vouchers) != (None, None, None)


def _points_worth(ruleset: Ruleset, limits: AwardLimits) -> int | None:
    value = ruleset.program.point_value
    if limits.budget_amount is None or value is None:
        return None
    return limits.budget_amount * value.points // value.amount
