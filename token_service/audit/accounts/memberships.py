"""Paid memberships: a bought period must be the one that follows from those before it; benefits hold inside a period only."""

from __future__ import annotations

from dataclasses import replace

from token_service.audit.accounts.account import Account, Operation
from token_service.audit.accounts.step import Step
from token_service.program.event_facts import EventFacts
from token_service.program.memberships import BOUGHT, bought, bought_period, held_at, membership_named
from token_service.program.rewards import Whose
from token_service.program.ruleset import Ruleset


def check(step: Step, ruleset: Ruleset, facts: EventFacts) -> None:
    """The facts of a bought period: when it begins and ends, by the rules and by what the account has."""
    told = facts.membership
    if (facts.event == BOUGHT) != (told is not None):
        step.differs("awards", "only a bought membership says when it begins", expected=BOUGHT, found=facts.event)
        return
    if told is None:
        return
    step.same("awards", "what a bought membership is about", told.id, facts.subject)
    membership = membership_named(ruleset, told.id)
    if membership is None:
        step.differs("awards", "the rules have no such membership", expected="one of theirs", found=told.id)
        return
    right = bought(ruleset, membership, step.account.periods.values(), facts.occurred_at, told.paid)
    step.same("awards", "the period of a bought membership", right, told)


def begin(step: Step, operation: Operation, facts: EventFacts) -> None:
    """The account has the period from now on."""
    if facts.membership is not None:
        step.account.periods[operation.id] = bought_period(facts.membership)


def end(step: Step, operation: Operation) -> None:
    """It was refunded."""
    period = step.account.periods.get(operation.id)
    if period is not None:
        step.account.periods[operation.id] = replace(period, ended_at=step.leaf.recorded_at)


def whose(account: Account, step: Step) -> Whose:
    """What decides which rewards the account may have."""
    held = held_at(account.periods.values(), step.leaf.recorded_at)
    had = {reward: list(uses.values()) for reward, uses in account.rewards.items()}
    return Whose(account.tier, tuple(one.id for one in held), tuple(account.segments), had)
