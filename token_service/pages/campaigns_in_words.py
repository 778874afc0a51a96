"""What a campaign gives, in the words of whoever reads the rules; its dates, limits and condition are said beside it."""

from __future__ import annotations

from token_service.pages import formats
from token_service.pages.breakdown import benefit_named, bonus_in_words, lines_in_words, own_name, reward_named
from token_service.pages.translation import gettext, ngettext
from token_service.program.award_schema import BadgeAward, BenefitAward, BonusAward, MultiplierAward, VoucherAward
from token_service.program.ruleset import Ruleset
from token_service.program.schema import Campaign


def campaign_in_words(campaign: Campaign, ruleset: Ruleset) -> str:
    """Whole sentences: what it gives, and what is not counted."""
    name, award = own_name(campaign), campaign.award
    if isinstance(award, BenefitAward):
        return gettext("Offer “%(name)s”: %(benefit)s.", name=name, benefit=benefit_named(ruleset, award.benefit))
    if isinstance(award, BadgeAward):
        return gettext("Offer “%(name)s”: a badge.", name=name)
    if isinstance(award, VoucherAward):
        reward = reward_named(ruleset, award.voucher)
        return gettext("Offer “%(name)s”: a voucher with each purchase: %(reward)s.", name=name, reward=reward)
    return _multiplier(name, award) if isinstance(award, MultiplierAward) else _bonus(name, award, ruleset)


def _multiplier(name: str, award: MultiplierAward) -> str:
    factor = formats.factor(award.multiplier_percent)
    if award.items is None:
        return gettext("Offer “%(name)s”: points %(factor)s.", name=name, factor=factor)
    what = lines_in_words(award.items)
    return gettext("Offer “%(name)s”: points %(factor)s on: %(what)s.", name=name, factor=factor, what=what)


def _bonus(name: str, award: BonusAward, ruleset: Ruleset) -> str:
    if award.per is None:
        return ngettext(
            "Offer “%(name)s”: %(points)s more point.",
            "Offer “%(name)s”: %(points)s more points.",
            award.points,
            name=name,
            points=formats.number(award.points),
        )
    more = bonus_in_words(award, award.per, ruleset.program.currency)
    said = gettext("Offer “%(name)s”: in addition, %(award)s.", name=name, award=more)
    if award.basis == "gross":
        return said
    left_out = gettext("Tax is not counted.") if award.basis == "net" else gettext("Delivery is not counted.")
    return f"{said} {left_out}"
