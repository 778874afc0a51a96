"""A purchase's breakdown in the member's words: one sentence for each line, with the points it gave or took.

The ledger's own `why` is English and for ever; here each line is told again from the rule it names, in the version of the
rules that decided. A rule of a kind that this page does not know yet keeps the ledger's sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from token_service.pages import formats
from token_service.pages.languages import page_language
from token_service.pages.translation import gettext, ngettext
from token_service.program.action_schema import REFERRED, ReferralRule
from token_service.program.award_schema import BonusAward, MatchingLines, MultiplierAward
from token_service.program.campaign_limits import LIMIT_PREFIX
from token_service.program.caps import MERCHANT_DAY, PROGRAM_DAY, STORE_DAY
from token_service.program.challenge_limits import CHALLENGE_LIMIT_PREFIX
from token_service.program.challenge_schema import Challenge
from token_service.program.challenges import LINE_PREFIX, CampaignGift, challenge_named
from token_service.program.earning import REFUSED_WHOLE, Line
from token_service.program.events import ANNIVERSARY, BIRTHDAY, INVITED, JOINED, RULE_LIMIT_PREFIX
from token_service.program.limits_schema import Velocity
from token_service.program.ruleset import Ruleset
from token_service.program.schema import (
    ActionRule,
    BenefitName,
    Campaign,
    EarningRule,
    ItemRule,
    Level,
    Membership,
    Reward,
    Schedule,
    Segment,
    SpendRule,
    VisitRule,
)


@dataclass(frozen=True)
class Explained:
    """A sentence and the points that go with it (negative for a limit)."""

    text: str
    points: int


def explained(lines: Iterable[Line], ruleset: Ruleset) -> tuple[Explained, ...]:
    """One sentence a line, in the page's language."""
    return tuple(Explained(_sentence(line, ruleset), line.points) for line in lines)


def benefit_named(ruleset: Ruleset, benefit_id: str) -> str:
    """A benefit's name, its id as words where the rules give it none."""
    return next((own_name(benefit) for benefit in ruleset.benefits if benefit.id == benefit_id), plain_id(benefit_id))


def own_name(named: Level | Reward | Campaign | BenefitName | ActionRule | Challenge | Membership | Segment) -> str:
    """The name in the page's language, else in any, else the id as words."""
    names: dict[str, str] = {str(language): name for language, name in (named.name or {}).items()}
    return names.get(page_language()) or next(iter(names.values()), "") or plain_id(named.id)


def plain_id(identifier: str) -> str:
    """ "tenth-visit" → "Tenth visit"."""
    words = identifier.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def challenge_titled(ruleset: Ruleset, challenge_id: str) -> str:
    """A completed challenge, or the offer that gave a voucher or a badge, named."""
    if isinstance(challenge_named(ruleset, challenge_id), CampaignGift):
        return gettext("Offer “%(name)s”", name=challenge_name(ruleset, challenge_id))
    return gettext("Challenge completed: %(name)s", name=challenge_name(ruleset, challenge_id))


def challenge_name(ruleset: Ruleset, challenge_id: str) -> str:
    """Its name, its id as words where the rules have no such challenge."""
    challenge = challenge_named(ruleset, challenge_id)
    return plain_id(challenge_id) if challenge is None else own_name(challenge)


def membership_named_in_words(ruleset: Ruleset, membership_id: str) -> str:
    """A membership's name, also of one that the rules no longer have."""
    found = (own_name(one) for one in ruleset.memberships if one.id == membership_id)
    return next(found, plain_id(membership_id))


def segment_named(ruleset: Ruleset, segment_id: str) -> str:
    """A group's name, its id as words where the rules give it none."""
    return next((own_name(one) for one in ruleset.segments if one.id == segment_id), plain_id(segment_id))


def level_named(ruleset: Ruleset, level_id: str) -> str:
    """A tier's name, also of one that the rules of today no longer have."""
    levels = ruleset.tiers.levels if ruleset.tiers else ()
    return next((own_name(level) for level in levels if level.id == level_id), plain_id(level_id))


def campaign_named(ruleset: Ruleset, campaign_id: str) -> str:
    """A campaign's name, also of one that the rules no longer have."""
    found = (own_name(campaign) for campaign in ruleset.campaigns if campaign.id == campaign_id)
    return next(found, plain_id(campaign_id))


def reward_named(ruleset: Ruleset, reward_id: str) -> str:
    """A reward's name, also of one that the rules no longer have."""
    return next((own_name(reward) for reward in ruleset.rewards if reward.id == reward_id), plain_id(reward_id))


def _sentence(line: Line, ruleset: Ruleset) -> str:
    kind, _, rest = line.rule.partition(":")
    if kind == "tier":
        return level_in_words(ruleset, rest)
    if line.rule.startswith(LINE_PREFIX):
        return challenge_titled(ruleset, rest)
    if kind == "membership":
        return _membership(line, ruleset, rest)
    if line.rule.startswith(LIMIT_PREFIX):
        return _cut_campaign(line, ruleset)
    if line.rule.startswith(CHALLENGE_LIMIT_PREFIX):
        return _cut_challenge(line, ruleset)
    if line.rule.startswith(RULE_LIMIT_PREFIX):
        return _cut_action(line, ruleset)
    if kind == "limit":
        said = limit_in_words(ruleset, rest)
        if said is not None and line.why.endswith(REFUSED_WHOLE):
            return gettext("%(limit)s; more than that is refused, so this earned nothing", limit=said)
        return said or line.why
    for rule in (*ruleset.earning, *ruleset.schedules):
        if rule.id == line.rule:
            return rule_in_words(rule, ruleset)
    for campaign in ruleset.campaigns:
        if campaign.id == line.rule:
            return _campaign(campaign, ruleset)
    return line.why


def rule_in_words(rule: EarningRule | Schedule, ruleset: Ruleset) -> str:
    """What an earning rule gives, in one sentence."""
    if isinstance(rule, SpendRule):
        return spend_in_words(rule, ruleset.program.currency)
    if isinstance(rule, ItemRule):
        return item_in_words(rule, ruleset)
    if isinstance(rule, VisitRule):
        return visit_in_words(rule)
    return action_in_words(rule)


def action_in_words(rule: ActionRule) -> str:
    """What a rule for events gives, in one sentence."""
    if isinstance(rule, ReferralRule):
        return gettext(
            "%(name)s: %(percent)s %% of the points of their first purchase, at most %(most)s",
            name=action_named(rule),
            percent=rule.percent,
            most=formats.number(rule.up_to_points),
        )
    points = formats.number(rule.points)
    return ngettext(
        "%(name)s: %(points)s point", "%(name)s: %(points)s points", rule.points, name=action_named(rule), points=points
    )


def action_named(rule: ActionRule) -> str:
    """What a rule for events rewards: its name, or what the programme calls its own events, or its id as words."""
    own = {
        JOINED: gettext("Welcome"),
        BIRTHDAY: gettext("Happy birthday"),
        ANNIVERSARY: gettext("Thank you for another year with us"),
        REFERRED: gettext("A friend came by your invitation"),
        INVITED: gettext("Invited by a friend"),
    }
    return own[rule.event] if rule.name is None and rule.event in own else own_name(rule)


def spend_in_words(rule: SpendRule, currency: str) -> str:
    """What a spend rule gives, in one sentence."""
    return money_in_words(rule.points, rule.per, currency)


def money_in_words(points: int, per: int, currency: str) -> str:
    """Points for every so much spent, in one sentence."""
    return ngettext(
        "%(points)s point for every %(amount)s spent",
        "%(points)s points for every %(amount)s spent",
        points,
        points=formats.number(points),
        amount=formats.round_money(per, currency),
    )


def item_in_words(rule: ItemRule, ruleset: Ruleset) -> str:
    """What an item rule gives, in one sentence."""
    what = lines_in_words(rule)
    if rule.per is None:
        pieces = rule.per_quantity or 1
        return ngettext(
            "%(points)s point for every %(pieces)s bought of: %(what)s",
            "%(points)s points for every %(pieces)s bought of: %(what)s",
            rule.points,
            points=formats.number(rule.points),
            pieces=formats.number(pieces),
            what=what,
        )
    return _on_lines_in_words(rule.points, rule.per, what, ruleset.program.currency)


def _on_lines_in_words(points: int, per: int, what: str, currency: str) -> str:
    return ngettext(
        "%(points)s point for every %(amount)s spent on: %(what)s",
        "%(points)s points for every %(amount)s spent on: %(what)s",
        points,
        points=formats.number(points),
        amount=formats.round_money(per, currency),
        what=what,
    )


def lines_in_words(which: ItemRule | MatchingLines) -> str:
    """The categories and articles that lines are asked for."""
    return ", ".join((*which.categories, *which.skus))


def visit_in_words(rule: VisitRule) -> str:
    """What a rule for visits gives, in one sentence."""
    points = formats.number(rule.points)
    if rule.every == 1:
        return ngettext(
            "%(points)s point for each visit", "%(points)s points for each visit", rule.points, points=points
        )
    return ngettext(
        "%(points)s point with every %(every)s visits",
        "%(points)s points with every %(every)s visits",
        rule.points,
        points=points,
        every=formats.number(rule.every),
    )


def bonus_in_words(award: BonusAward, per: int, currency: str) -> str:
    """What a bonus gives for every so much spent, in one sentence."""
    if award.items is not None:
        return _on_lines_in_words(award.points, per, lines_in_words(award.items), currency)
    return money_in_words(award.points, per, currency)


def _campaign(campaign: Campaign, ruleset: Ruleset) -> str:
    name, award = own_name(campaign), campaign.award
    if isinstance(award, MultiplierAward):
        factor = formats.factor(award.multiplier_percent)
        if award.items is None:
            return gettext("Offer “%(name)s”: your points %(factor)s", name=name, factor=factor)
        what = lines_in_words(award.items)
        return gettext("Offer “%(name)s”: your points %(factor)s on: %(what)s", name=name, factor=factor, what=what)
    if isinstance(award, BonusAward) and award.per is not None:
        said = bonus_in_words(award, award.per, ruleset.program.currency)
        return gettext("Offer “%(name)s”: %(award)s", name=name, award=said)
    return gettext("Offer “%(name)s”", name=name)


def _membership(line: Line, ruleset: Ruleset, membership_id: str) -> str:
    """What a membership gave: points with its period, or a factor on a purchase's."""
    name = membership_named_in_words(ruleset, membership_id)
    percent = next((one.multiplier_percent for one in ruleset.memberships if one.id == membership_id), 100)
    if line.why.endswith(" of membership"):
        return gettext("Membership “%(name)s”", name=name)
    return gettext("Membership “%(name)s”: your points %(factor)s", name=name, factor=formats.factor(percent))


def _cut_campaign(line: Line, ruleset: Ruleset) -> str:
    name = campaign_named(ruleset, line.rule.removeprefix(LIMIT_PREFIX))
    if line.points:
        return gettext("Offer “%(name)s”: all the points set aside for it are given", name=name)
    return gettext("Offer “%(name)s”: you have had it as often as each member can", name=name)


def _cut_action(line: Line, ruleset: Ruleset) -> str:
    identifier = line.rule.removeprefix(RULE_LIMIT_PREFIX)
    rules = (*ruleset.earning, *ruleset.schedules)
    named = (action_named(rule) for rule in rules if isinstance(rule, ActionRule) and rule.id == identifier)
    name = next(named, plain_id(identifier))
    if line.points:
        return gettext("%(name)s: all the points set aside for it are given", name=name)
    return gettext("%(name)s: you have had it as often as each member can", name=name)


def _cut_challenge(line: Line, ruleset: Ruleset) -> str:
    name = challenge_name(ruleset, line.rule.removeprefix(CHALLENGE_LIMIT_PREFIX))
    if line.points:
        return gettext("%(name)s: all the points set aside for it are given", name=name)
    if line.why.endswith("none of them left"):
        return gettext("%(name)s: all the vouchers set aside for it are given", name=name)
    return gettext("%(name)s: you have had it as often as each member can", name=name)


def level_in_words(ruleset: Ruleset, level_id: str) -> str:
    """What a level multiplies by, in one sentence."""
    levels = ruleset.tiers.levels if ruleset.tiers else ()
    percent = next((level.multiplier_percent for level in levels if level.id == level_id), 100)
    name = level_named(ruleset, level_id)
    return gettext("%(level)s level: your points %(factor)s", level=name, factor=formats.factor(percent))


def limit_in_words(ruleset: Ruleset, key: str) -> str | None:
    """What a limit says, in one sentence; None for one that the rules don't have."""
    limit = getattr(ruleset.limits, key, None)
    if isinstance(limit, Velocity):
        period = formats.lasting(limit.every)
        return gettext("At most %(times)s purchases in %(period)s earn points", times=limit.purchases, period=period)
    if key not in _LIMITS or limit is None:
        return None
    return _LIMITS[key](formats.number(limit))


_LIMITS: Final[dict[str, Callable[[str], str]]] = {
    "per_order_points": lambda most: gettext("A purchase earns at most %(points)s points", points=most),
    "per_member_day_points": lambda most: gettext("A day earns at most %(points)s points", points=most),
    STORE_DAY: lambda most: gettext(
        "In one store, everybody together earns at most %(points)s points a day", points=most
    ),
    MERCHANT_DAY: lambda most: gettext(
        "With one merchant, everybody together earns at most %(points)s points a day", points=most
    ),
    PROGRAM_DAY: lambda most: gettext("Everybody together earns at most %(points)s points a day", points=most),
}
"""A limit's sentence by its key, for the number of points in the page's language."""
