"""What a challenge, or a campaign's vouchers, may give in all and to one member (docs/rulesets.md "Limits of a challenge").

A completion that a limit leaves without its award is complete all the same, and says so in a line of its own. What was left is a
fact of the completion's event, under the challenge's id: points, or vouchers where it gives a voucher.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from token_service.program.budgets import budget_points, budget_text
from token_service.program.campaign_limits import times_used
from token_service.program.caps import Budget
from token_service.program.challenge_schema import Challenge
from token_service.program.challenges import COMPLETED, LINE_PREFIX, award_line, challenge_named, challenge_of
from token_service.program.earning import Award, Line, how_often_text
from token_service.program.event_facts import EventFacts
from token_service.program.facts import CampaignFacts
from token_service.program.schema import Ruleset

CHALLENGE_LIMIT_PREFIX: Final = "limit:challenge:"
"""Before a challenge's id: the breakdown's line that takes away what its limits don't allow."""


def limited_challenge(ruleset: Ruleset, facts: EventFacts) -> Challenge | None:
    """The challenge of a completion, if it has limits."""
    if facts.event != COMPLETED:
        return None
    challenge = challenge_named(ruleset, challenge_of(facts.subject))
    return None if challenge is None or challenge.limits is None else challenge


def completion_budget(ruleset: Ruleset, challenge: Challenge) -> Budget | None:
    """What the challenge gives in all: vouchers, where it gives one, else points; None for any number."""
    limits = challenge.limits
    if limits is None:
        return None
    most = budget_points(ruleset, limits) if challenge.award.reward is None else limits.budget_vouchers
    return None if most is None else Budget(challenge.id, most)


def completion_fact(
    ruleset: Ruleset, challenge: Challenge, uses: Iterable[datetime], at: datetime, left: int | None
) -> CampaignFacts:
    """How often the member had the award before, and what is `left` of the budget."""
    assert challenge.limits is not None
    per_member = challenge.limits.per_member
    times = None if per_member is None else times_used(per_member, uses, at, ruleset.program.time_zone)
    return CampaignFacts(challenge.id, times, left)


def completion_lines(ruleset: Ruleset, facts: EventFacts) -> list[Line]:
    """What a completion gives within its challenge's limits; nothing for a challenge that the rules don't have."""
    line, challenge = award_line(ruleset, facts.subject), limited_challenge(ruleset, facts)
    if line is None or challenge is None:
        return [] if line is None else [line]
    assert challenge.limits is not None
    told = next((one for one in facts.limits if one.id == challenge.id), CampaignFacts(challenge.id, 0, None))
    named, per_member = CHALLENGE_LIMIT_PREFIX + challenge.id, challenge.limits.per_member
    if per_member is not None and (told.times or 0) >= per_member.times:
        return [Line(named, 0, how_often_text(per_member))]
    budget, room = completion_budget(ruleset, challenge), told.budget_points
    if budget is None or room is None:
        return [line]
    if challenge.award.reward is not None:
        most = "1 voucher" if budget.points == 1 else f"{budget.points} vouchers"
        return [line] if room else [Line(named, 0, f"at most {most} for this, none of them left")]
    if room >= line.points:
        return [line]
    why = f"at most {budget_text(ruleset, challenge.limits)} for this challenge, {room} of them left"
    return [line, Line(named, room - line.points, why)]


def gives_its_award(challenge: Challenge, award: Award) -> bool:
    """Whether a completion's award has what the challenge gives, or a limit took it away whole."""
    return any(line.rule == LINE_PREFIX + challenge.id for line in award.breakdown)


def completion_used(ruleset: Ruleset, facts: EventFacts, award: Award) -> dict[str, int]:
    """What a completion holds of its challenge's limits: points, or one voucher."""
    challenge = limited_challenge(ruleset, facts)
    if challenge is None or not gives_its_award(challenge, award):
        return {}
    if challenge.award.reward is not None:
        return {challenge.id: 1}
    named = {LINE_PREFIX + challenge.id, CHALLENGE_LIMIT_PREFIX + challenge.id}
    points = sum(line.points for line in award.breakdown if line.rule in named)
    return {challenge.id: points} if points > 0 else {}
