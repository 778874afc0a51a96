"""Events: what limited rules had left is recomputed from the account's own events, the award to the point.

Whether a person had something with another card (`person`) can be seen by nobody outside: it is taken as told, where a rule asks.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from token_service.audit.accounts import award_parts, campaigns, challenges, memberships, referrals
from token_service.audit.accounts.account import CampaignUse, Closing, Operation
from token_service.audit.accounts.awards import check_award, check_surroundings
from token_service.audit.accounts.lots import said
from token_service.audit.accounts.step import Step
from token_service.audit.report import printable
from token_service.errors import TooLate
from token_service.program.birthdays import anniversaries_on, years_celebrated_on
from token_service.program.caps import Budget
from token_service.program.challenges import COMPLETED
from token_service.program.event_facts import EventFacts
from token_service.program.events import (
    ANNIVERSARY,
    BIRTHDAY,
    INVITED,
    JOINED,
    RuleUse,
    decide_event,
    event_qualification,
    points_used,
    rules_of,
    with_limits,
)
from token_service.program.ruleset import Ruleset
from token_service.program.windows import check_not_too_late


def event(step: Step) -> None:
    """An event's issuance, or the fact that it earned nothing."""
    leaf, account = step.leaf, step.account
    if award_parts.follows(step):
        award_parts.further(step)
        return
    step.check_open()
    step.check_decided_by(leaf.occurred_at)
    ruleset, facts = step.ruleset(), EventFacts.from_json(leaf.mapping("facts"))
    try:
        check_not_too_late(ruleset, leaf.occurred_at, leaf.recorded_at)
    except TooLate as late:
        until = said(datetime.fromisoformat(str(late.facts["accepted_until"])))
        step.differs("decisions", "an event was recorded too late", expected=until, found=said(leaf.recorded_at))
    check_surroundings(step, ruleset, facts)
    _check_limits(step, ruleset, facts)
    _check_once(step, facts)
    referrals.count(step, facts)
    memberships.check(step, ruleset, facts)
    award = decide_event(ruleset, facts)
    claimed = check_award(step, award)
    right = "issuance" if claimed else "event"
    if leaf.kind != right:
        detail = f"an event that earns {claimed} points is recorded another way"
        step.differs("awards", detail, expected=right, found=leaf.kind)
    operation = Operation(
        leaf.text_of("operation_id"), account.home, "event", leaf.ruleset, facts.merchant, leaf.party,
        leaf.text, claimed, claimed,
    )  # fmt: skip
    if leaf.kind == "issuance":
        award_parts.issue(step, operation, ruleset, award.breakdown, claimed)
    if facts.event == COMPLETED:
        challenges.completed(step, ruleset, facts, operation, award)
    memberships.begin(step, operation, facts)
    step.storage.put_operation(operation)
    if facts.event != COMPLETED:
        challenges.count(step, ruleset, operation.id, facts)
    for rule_id, points in points_used(ruleset, facts, award).items():
        use = CampaignUse(facts.occurred_at, points, facts.subject)
        account.campaigns.setdefault(rule_id, {})[operation.id] = use
        step.storage.count_campaign(rule_id, points, campaigns.budget_of(ruleset, facts, rule_id))
    account.day_points[facts.local.date] = account.day_points.get(facts.local.date, 0) + claimed
    account.history[operation.id] = event_qualification(facts, claimed)
    account.closing = Closing(leaf.recorded_at, None)


def taken_back(step: Step, event_: Operation, facts: EventFacts, ruleset: Ruleset) -> None:
    """After its reversal an event counts for nothing, and what limited rules gave is free again."""
    account, date = step.account, facts.local.date
    account.day_points[date] = account.day_points.get(date, 0) - event_.awarded
    account.history[event_.id] = event_qualification(facts, 0)
    account.closing = Closing(step.leaf.recorded_at, None)
    for rule_id, uses in account.campaigns.items():
        use = uses.get(event_.id)
        if use is not None:
            step.storage.count_campaign(rule_id, -use.points, campaigns.budget_of(ruleset, facts, rule_id))
            use.points = 0
    memberships.end(step, event_)
    referrals.taken_back(step, event_, facts)
    if facts.event == COMPLETED:
        challenges.taken_back(step, event_, facts)
    else:
        challenges.recount(step, event_, None)


def _check_limits(step: Step, ruleset: Ruleset, facts: EventFacts) -> None:
    told = {one.id: one.budget_points for one in facts.limits}
    held = {
        rule_id: [RuleUse(use.at, use.subject) for use in uses.values() if use.points > 0]
        for rule_id, uses in step.account.campaigns.items()
    }

    def left(budget: Budget) -> int:
        return campaigns.within(budget, told.get(budget.id))

    right = with_limits(ruleset, facts, held, left)
    if right.limits != facts.limits:
        step.same("awards", "what limited rules had left", _words(right.limits), _words(facts.limits))
    step.same("awards", "which rules gave something for this before", _words(right.seen), _words(facts.seen))
    campaigns.check_caps(step, ruleset, facts)
    asks = any(rule.once_per == "person" for rule in rules_of(ruleset, facts.event, facts.subject))
    step.same("awards", "whether the person matters", asks, facts.person is not None)


def _check_once(step: Step, facts: EventFacts) -> None:
    """An account joins once, is invited once, and has one birthday and one anniversary a year; the year is the last part of the
    reference.
    """
    if facts.event not in (JOINED, BIRTHDAY, ANNIVERSARY, INVITED):
        return
    name = facts.event
    if facts.event in (BIRTHDAY, ANNIVERSARY):
        year = step.leaf.text_of("reference").rpartition("/")[2]
        day, what = date.fromisoformat(facts.local.date), "a birthday"
        years = {str(one) for one in years_celebrated_on(day)}
        if facts.event == ANNIVERSARY:
            joined_on, what = day - timedelta(days=facts.member.age_days), "an anniversary"
            years = {str(one) for one in anniversaries_on(joined_on, day)}
        if year not in years:
            step.differs("history", f"{what} is celebrated in another year", expected=sorted(years), found=year)
        name = f"{facts.event}/{year}"
    if name in step.account.once:
        step.differs("history", f"{name} is recorded twice", expected="once", found=step.leaf.id)
    step.account.once.append(name)


def _words(parts: tuple[object, ...]) -> str:
    return printable(", ".join(map(str, parts)) or "none")
