"""What a new version of the rules can cost beyond the one before it: how much one person may publish alone (docs/rulesets.md)."""

from __future__ import annotations

from typing import Any

from token_service.program.award_schema import BadgeAward, BenefitAward
from token_service.program.budgets import budget_points, budgeted
from token_service.program.schema import ActionRule, Campaign, Ruleset


def added_points(before: Ruleset, after: Ruleset) -> int | None:
    """The points that new or larger budgets of campaigns, schedules and rules for events add; what is taken away adds nothing.

    None for any number: something is new or another that gives points without a budget, or anything else of the document changes.
    """
    if _rest(before) != _rest(after):
        return None
    old = {one.id: one for one in budgeted(before)}
    added = 0
    for one in budgeted(after):
        known = old.get(one.id)
        if known == one:
            continue
        most = _most(after, one)
        if most is None:
            return None
        was = 0 if known is None else _most(before, known)
        added += 0 if was is None else max(0, most - was)
    return added


def _most(ruleset: Ruleset, one: Campaign | ActionRule) -> int | None:
    """The points that it can give in all; None for any number, also of vouchers. A benefit is none, a badge neither."""
    if isinstance(one, Campaign) and isinstance(one.award, BenefitAward | BadgeAward):
        return 0
    return budget_points(ruleset, one.limits)


def needs_second_person(before: Ruleset, after: Ruleset) -> bool:
    """Whether whoever drafted `after` may not publish it behind `before`: `limits.publication_points`."""
    limit = before.limits.publication_points
    if limit is None:
        return False
    added = added_points(before, after)
    return added is None or added > limit


def _rest(ruleset: Ruleset) -> dict[str, Any]:
    """The document without what may have a budget."""
    document = ruleset.model_dump(exclude={"campaigns", "earning", "schedules"})
    return document | {"earning": [rule for rule in ruleset.earning if not isinstance(rule, ActionRule)]}
