"""What a paid membership gives, in plain words: on the open books, and at the till before it is sold."""

from __future__ import annotations

from collections.abc import Iterator

from token_service.pages import formats
from token_service.pages.benefits_in_words import benefit_in_words
from token_service.pages.breakdown import own_name
from token_service.pages.translation import gettext, ngettext
from token_service.program.ruleset import Ruleset
from token_service.program.schema import Membership


def membership_in_words(one: Membership, ruleset: Ruleset) -> str:
    """Its name and price, and what it gives, as sentences."""
    price = formats.money(one.price, ruleset.program.currency)
    said = gettext("%(name)s: %(price)s for %(period)s.", name=own_name(one), price=price, period=lasts(one))
    return " ".join((said, *gives_in_words(one, ruleset)))


def lasts(one: Membership) -> str:
    """How long a period is: "12 months"."""
    return formats.lasting(one.period)


def gives_in_words(one: Membership, ruleset: Ruleset) -> Iterator[str]:
    """What it gives, a sentence each; nothing for one that only conditions and rewards of the rules ask for."""
    if one.benefits:
        benefits = ", ".join(benefit_in_words(benefit, ruleset, one) for benefit in one.benefits)
        yield gettext("It brings: %(benefits)s.", benefits=benefits)
    if one.multiplier_percent != 100:
        yield gettext("Points of purchases: %(factor)s.", factor=formats.factor(one.multiplier_percent))
    if one.points is not None:
        points = formats.number(one.points)
        yield ngettext(
            "Each period gives %(points)s point.", "Each period gives %(points)s points.", one.points, points=points
        )
    if one.grace is not None:
        yield gettext("It is kept for %(grace)s after its end.", grace=formats.lasting(one.grace))


def rewards_in_words(one: Membership, ruleset: Ruleset) -> Iterator[str]:
    """The rewards that it opens, or opens earlier, in one sentence; nothing without any."""
    opened = [
        own_name(reward) for reward in ruleset.rewards if one.id in {*reward.memberships, *(reward.early_days or ())}
    ]
    if opened:
        yield gettext("It opens rewards: %(rewards)s.", rewards=", ".join(opened))
