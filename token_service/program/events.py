"""What an event earns (docs/rulesets.md "Events"): the rules for its type, each within its limits, then the day's limit.

Levels multiply purchases, not events. What a completed challenge gives (challenges.py) is the award of an event, too. A rule
that gives nothing because of a limit has a line of 0 that says so, named "limit:earning:" and its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from token_service.program.action_schema import REFERRED, EventRule, ReferralRule, SubscriptionRule
from token_service.program.budgets import budget_points, budget_text
from token_service.program.campaign_limits import times_used
from token_service.program.caps import Budget, cap_rooms, caps_used, with_caps
from token_service.program.challenge_limits import (
    completion_budget,
    completion_fact,
    completion_lines,
    completion_used,
    limited_challenge,
)
from token_service.program.challenge_schema import CountEvents
from token_service.program.challenges import COMPLETED
from token_service.program.earning import (
    Award,
    Line,
    award_of,
    cut_to_rooms,
    how_often_text,
    is_refused_whole,
    points_text,
)
from token_service.program.event_facts import EventFacts, Person
from token_service.program.facts import CampaignFacts
from token_service.program.memberships import award_line as period_line
from token_service.program.schedules import schedule_of, why_not
from token_service.program.schema import SCHEDULED, ActionRule, Ruleset, Schedule
from token_service.program.tiers import Qualification
from token_service.units import POINTS_MAX

RULE_LIMIT_PREFIX: Final = "limit:earning:"
"""Before a rule's id: the breakdown's line that takes away what its limits don't allow."""
JOINED: Final = "member.joined"
BIRTHDAY: Final = "member.birthday"
ANNIVERSARY: Final = "member.anniversary"
"""It is a whole number of years since the member was enrolled."""
INVITED: Final = "member.invited"
"""The member was invited and has bought something for good; the same subject."""
REFERRALS_MAX: Final = 2
"""How often one referral counts: once, and once more after it was taken back because no purchase was kept."""
OWN_EVENTS: Final = (JOINED, BIRTHDAY, ANNIVERSARY, REFERRED, INVITED)


@dataclass(frozen=True, slots=True)
class RuleUse:
    """When an event of the member that keeps points of a rule occurred, and what it was about."""

    at: datetime
    subject: str | None


Uses = Mapping[str, Iterable[RuleUse]]
"""By the rule's id."""


def rules_for(ruleset: Ruleset, event: str) -> tuple[ActionRule, ...]:
    """The rules for events of this type, in their order."""
    return tuple(
        rule
        for rule in ruleset.earning
        if isinstance(rule, EventRule | SubscriptionRule | ReferralRule) and rule.event == event
    )


def rules_of(ruleset: Ruleset, event: str, subject: str | None) -> tuple[ActionRule, ...]:
    """The rules that decide one event: those for its type, or the schedule that its subject names."""
    if event != SCHEDULED:
        return rules_for(ruleset, event)
    schedule = schedule_of(ruleset, subject)
    return () if schedule is None else (schedule,)


def pays_for_referrals(ruleset: Ruleset) -> bool:
    """Whether an invitation brings anything: a rule or a challenge is for it."""
    return bool(rules_for(ruleset, REFERRED) or rules_for(ruleset, INVITED)) or any(
        isinstance(one.count, CountEvents) and one.count.event in (REFERRED, INVITED) for one in ruleset.challenges
    )


def is_limited(rule: ActionRule) -> bool:
    """Whether what the rule gave before counts."""
    return rule.limits is not None or rule.once_per is not None


def limited_names(ruleset: Ruleset, event: str, subject: str | None) -> tuple[str, ...]:
    """The ids of the rules for such an event of which it counts what they gave before; not of challenges."""
    return tuple(rule.id for rule in rules_of(ruleset, event, subject) if is_limited(rule))


def decide_event_within_limits(
    ruleset: Ruleset,
    facts: EventFacts,
    uses: Callable[[Sequence[str]], Uses],
    left: Callable[[Budget], int],
    person: Callable[[ActionRule], Person],
) -> tuple[EventFacts, Award]:
    """The facts with what limited rules have left, and what the event earns by them: what `decide_event` gives for them.

    `uses` is asked for the ids of limited rules only, or of a limited challenge, `left` for budgets and caps, `person` for a rule
    with `once_per: person`.
    """
    some = tuple(rule for rule in rules_of(ruleset, facts.event, facts.subject) if is_limited(rule))
    if some:
        facts = with_limits(ruleset, facts, uses(limited_names(ruleset, facts.event, facts.subject)), left)
        told = next((person(rule) for rule in some if rule.once_per == "person"), None)
        facts = replace(facts, person=told)
    challenge = limited_challenge(ruleset, facts)
    if challenge is not None:
        facts = with_limits(ruleset, facts, uses((challenge.id,)), left)
    facts = with_caps(ruleset, facts, left)
    return facts, decide_event(ruleset, facts)


def with_limits(ruleset: Ruleset, facts: EventFacts, uses: Uses, left: Callable[[Budget], int]) -> EventFacts:
    """The facts with what limited rules, or a limited challenge, have left, from the member's other events."""
    limits, seen = [], []
    for rule in rules_of(ruleset, facts.event, facts.subject):
        held = tuple(uses.get(rule.id, ()))
        if rule.limits is not None:
            limits.append(_left(ruleset, facts, rule, held, left))
        if rule.once_per == "subject" and any(use.subject == facts.subject for use in held):
            seen.append(rule.id)
        if rule.once_per == "person" and held:
            seen.append(rule.id)
    challenge = limited_challenge(ruleset, facts)
    if challenge is not None:
        had = [use.at for use in uses.get(challenge.id, ())]
        budget = completion_budget(ruleset, challenge)
        room = None if budget is None else left(budget)
        limits.append(completion_fact(ruleset, challenge, had, facts.occurred_at, room))
    return replace(facts, limits=tuple(limits), seen=tuple(seen))


def _left(
    ruleset: Ruleset, facts: EventFacts, rule: ActionRule, held: Sequence[RuleUse], left: Callable[[Budget], int]
) -> CampaignFacts:
    assert rule.limits is not None
    per_member, zone = rule.limits.per_member, ruleset.program.time_zone
    times = None if per_member is None else times_used(per_member, (use.at for use in held), facts.occurred_at, zone)
    budget = budget_points(ruleset, rule.limits)
    return CampaignFacts(rule.id, times, None if budget is None else left(Budget(rule.id, budget)))


def decide_event(ruleset: Ruleset, facts: EventFacts) -> Award:
    """What the event earns; nothing where no rule is for its type."""
    lines = [line for rule in rules_of(ruleset, facts.event, facts.subject) for line in _lines(ruleset, rule, facts)]
    if facts.event == COMPLETED:
        lines += completion_lines(ruleset, facts)
    elif (period := period_line(ruleset, facts.membership)) is not None:
        lines.append(period)
    per_day = ruleset.limits.per_member_day_points
    room_today = None if per_day is None else max(0, per_day - facts.member.day_points)
    rooms = (
        ("limit:per_member_day_points", room_today, f"at most {per_day} points a day, {room_today} of them left"),
        *cap_rooms(ruleset, facts),
        ("limit:largest_entry", POINTS_MAX, f"at most {POINTS_MAX} points an entry"),
    )
    return award_of(tuple(lines + cut_to_rooms(ruleset, rooms, sum(line.points for line in lines))))


def rule_points(award: Award, rule_id: str) -> int:
    """What a rule gave of an award, without what its budget took away again."""
    return sum(line.points for line in award.breakdown if line.rule in {rule_id, RULE_LIMIT_PREFIX + rule_id})


def points_used(ruleset: Ruleset, facts: EventFacts, award: Award) -> dict[str, int]:
    """What an award holds of each limited rule and cap; those of which it holds nothing are not named, and not used."""
    if is_refused_whole(award):
        return {}
    found = {
        rule.id: rule_points(award, rule.id)
        for rule in rules_of(ruleset, facts.event, facts.subject)
        if is_limited(rule)
    }
    held = {rule_id: points for rule_id, points in found.items() if points > 0}
    return held | completion_used(ruleset, facts, award) | caps_used(facts, award.points)


def event_qualification(facts: EventFacts, kept_points: int) -> Qualification:
    """What an event counts for in levels. What the calendar brings is nothing that the member took part in."""
    took_part = kept_points > 0 and facts.event != SCHEDULED
    return Qualification(at=facts.occurred_at, spend=0, points=kept_points, orders=0, engagement=int(took_part))


def _lines(ruleset: Ruleset, rule: ActionRule, facts: EventFacts) -> list[Line]:
    why_not = _why_not(rule, facts)
    if why_not is not None:
        return [Line(RULE_LIMIT_PREFIX + rule.id, 0, why_not)]
    first = _first_line(rule, facts)
    lines = [first]
    if rule.limits is not None and budget_points(ruleset, rule.limits) is not None:
        room = _fact(rule, facts).budget_points
        if room is not None and room < first.points:
            why = f"at most {budget_text(ruleset, rule.limits)} for this rule, {room} of them left"
            lines.append(Line(RULE_LIMIT_PREFIX + rule.id, room - first.points, why))
    return lines


def _first_line(rule: ActionRule, facts: EventFacts) -> Line:
    """What the rule gives before its budget."""
    if isinstance(rule, ReferralRule):
        earned = facts.earned_points or 0
        points = min(earned * rule.percent // 100, rule.up_to_points)
        why = f"{rule.percent} % of the {points_text(earned)} of a friend's first purchase, at most {rule.up_to_points}"
        return Line(rule.id, points, why)
    what = (facts.subject or "").partition("/")[2] if isinstance(rule, Schedule) else facts.event
    return Line(rule.id, rule.points, f"{points_text(rule.points)} for {what}")


def needs_earned_points(ruleset: Ruleset) -> bool:
    """Whether the events of a referral say what the invited member's first purchase earned."""
    return any(isinstance(rule, ReferralRule) for rule in ruleset.earning)


def _why_not(rule: ActionRule, facts: EventFacts) -> str | None:
    """Why the rule gives nothing, or None."""
    if rule.once_per == "subject" and facts.subject is None:
        return "once for each subject, and this names none"
    if rule.once_per == "person" and facts.person != "new":
        return "once for each person" if facts.person == "known" else "once for each person, known by e-mail address"
    if rule.id in facts.seen:
        return f"once for each {'period' if isinstance(rule, Schedule) else rule.once_per}"
    if isinstance(rule, Schedule) and (reason := why_not(rule, facts)) is not None:
        return reason
    per_member = None if rule.limits is None else rule.limits.per_member
    if per_member is not None and (_fact(rule, facts).times or 0) >= per_member.times:
        return how_often_text(per_member)
    return None


def _fact(rule: ActionRule, facts: EventFacts) -> CampaignFacts:
    return next((one for one in facts.limits if one.id == rule.id), CampaignFacts(rule.id, 0, None))
