"""Limits of campaigns: how often a member had one is recomputed from their own purchases; what it gave in all, from everybody's.

What a budget had left at one purchase depends on the order in which all members bought, which nobody outside can see. It is taken
as told, within what the ruleset allows; at the end the sum of what purchases hold must not exceed the budget.
"""

from __future__ import annotations

from dataclasses import replace

from token_service.audit.accounts.account import CampaignUse
from token_service.audit.accounts.step import Step
from token_service.audit.report import printable
from token_service.program.budgets import budget_points, budgeted
from token_service.program.campaign_uses import points_used, with_limits
from token_service.program.caps import Budget, caps_on
from token_service.program.challenge_limits import completion_budget, limited_challenge
from token_service.program.earning import Award
from token_service.program.event_facts import EventFacts
from token_service.program.facts import CapFacts, PurchaseFacts
from token_service.program.ruleset import Ruleset


def check_facts(step: Step, ruleset: Ruleset, facts: PurchaseFacts) -> None:
    """The limited campaigns that would give something, and how often the member had them before."""
    told = {one.id: one.budget_points for one in facts.campaigns}
    held = {
        campaign_id: [use.at for use in uses.values() if use.points > 0]
        for campaign_id, uses in step.account.campaigns.items()
    }

    def left(budget: Budget) -> int:
        return within(budget, told.get(budget.id))

    right = with_limits(ruleset, replace(facts, caps=()), held, left).campaigns
    if right != facts.campaigns:
        step.same("awards", "what limited campaigns had left", _words(right), _words(facts.campaigns))
    check_caps(step, ruleset, facts)


def within(budget: Budget, told: int | None) -> int:
    """What was told to be left of a budget, within what the ruleset allows."""
    return budget.points if told is None else min(budget.points, told)


def check_caps(step: Step, ruleset: Ruleset, facts: PurchaseFacts | EventFacts) -> None:
    """The limits on everybody's day that it comes under, each with no more than it allows."""
    told = {one.limit: one.left for one in facts.caps}
    right = [CapFacts(cap.limit, within(cap.budget, told.get(cap.limit))) for cap in caps_on(ruleset, facts)]
    step.same("awards", "what the day's limits had left", _words(tuple(right)), _words(facts.caps))


def use(step: Step, ruleset: Ruleset, purchase_id: str, facts: PurchaseFacts, award: Award) -> None:
    """Remembers what the purchase was given."""
    for campaign_id, points in points_used(facts, award).items():
        step.account.campaigns.setdefault(campaign_id, {})[purchase_id] = CampaignUse(facts.occurred_at, points)
        step.storage.count_campaign(campaign_id, points, budget_of(ruleset, facts, campaign_id))


def give_back(step: Step, ruleset: Ruleset, purchase_id: str, facts: PurchaseFacts, kept: Award) -> None:
    """After a refund the purchase holds less."""
    holds = points_used(facts, kept)
    for campaign_id, uses in step.account.campaigns.items():
        use_ = uses.get(purchase_id)
        if use_ is not None:
            now = min(use_.points, holds.get(campaign_id, 0))
            step.storage.count_campaign(campaign_id, now - use_.points, budget_of(ruleset, facts, campaign_id))
            use_.points = now


def budget_of(ruleset: Ruleset, facts: PurchaseFacts | EventFacts, campaign_id: str) -> int | None:
    """The points that a campaign, a rule for events or everybody's day may give in all, or the points or vouchers of a challenge;
    None for any number.
    """
    for cap in caps_on(ruleset, facts):
        if cap.budget.id == campaign_id:
            return cap.budget.points
    challenge = limited_challenge(ruleset, facts) if isinstance(facts, EventFacts) else None
    if challenge is not None and challenge.id == campaign_id:
        budget = completion_budget(ruleset, challenge)
        return None if budget is None else budget.points
    found = (one.limits for one in budgeted(ruleset) if one.id == campaign_id)
    return budget_points(ruleset, next(found, None))


def _words(campaigns: tuple[object, ...]) -> str:
    return printable(", ".join(map(str, campaigns)) or "none")
