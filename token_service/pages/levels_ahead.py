"""What is ahead of a member's level, for the wallet and the console: a level that ends soon, and the one that comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from token_service.ledger.context import Actor
from token_service.ledger.tier_outlook import get_tier
from token_service.ledger.views import Member, TierStanding
from token_service.pages.breakdown import level_named
from token_service.pages.levels_in_words import counted_in_words
from token_service.pages.services import services
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import Measures

AT_RISK_WITHIN: Final = timedelta(days=92)


@dataclass(frozen=True)
class LevelAtRisk:
    """A level that ends soon: until when it is kept, the `next_name` level then, and what more keeps it, in the unit `by`."""

    name: str
    until: datetime
    next_name: str | None
    missing: int | None
    by: str


@dataclass(frozen=True)
class NextLevel:
    """The level from `at` on, if nothing more is bought; `by_rules`: because other rules come into force."""

    name: str | None
    at: datetime
    by_rules: bool


@dataclass(frozen=True)
class LevelsAhead:
    """What the window holds, which of it decides, and one of both: what ends soon, or what comes later."""

    counted: str
    measures: Measures
    at_risk: LevelAtRisk | None
    next_level: NextLevel | None


def levels_ahead(rules: Ruleset, member: Member, actor: Actor) -> LevelsAhead | None:
    """None where the rules have no levels."""
    if rules.tiers is None:
        return None
    standing = get_tier(services().context, actor, member.id)
    at_risk = _at_risk(rules, standing)
    next_level = None if at_risk else _next_level(standing)
    return LevelsAhead(counted_in_words(rules.tiers), standing.measures, at_risk, next_level)


def _at_risk(rules: Ruleset, standing: TierStanding) -> LevelAtRisk | None:
    """The step down that is ahead within a quarter, unless other rules come into force before it."""
    ahead = standing.downgrade
    if ahead is None or standing.tier is None or ahead.at > services().context.now() + AT_RISK_WITHIN:
        return None
    if (standing.projected.because, standing.projected.at) != ("window", ahead.at):
        return None
    next_name = None if ahead.to is None else level_named(rules, ahead.to)
    return LevelAtRisk(level_named(rules, standing.tier), ahead.at, next_name, ahead.missing, standing.qualify_by)


def _next_level(standing: TierStanding) -> NextLevel | None:
    projected = standing.projected
    if projected.at is None:
        return None
    name = None if projected.tier is None else level_named(services().ruleset_named(projected.ruleset), projected.tier)
    return NextLevel(name, projected.at, projected.because == "rules")
