"""The levels of a ruleset in plain words: what decides them, what each takes and brings, how one is lost."""

from __future__ import annotations

from collections.abc import Iterator

from token_service.pages import formats
from token_service.pages.benefits_in_words import benefit_in_words
from token_service.pages.breakdown import level_in_words, own_name
from token_service.pages.translation import gettext, ngettext
from token_service.program.ruleset import Ruleset
from token_service.program.schema import Level, Tiers
from token_service.program.tier_schema import Downgrade, RollingWindow


def levels_in_words(ruleset: Ruleset) -> Iterator[str]:
    """What decides a level, each level with what it takes and brings, and how one is lost; nothing without levels."""
    tiers = ruleset.tiers
    if tiers is None:
        return
    yield counted_in_words(tiers)
    for level in tiers.levels:
        yield _level(level, tiers, ruleset)
        if level.multiplier_percent != 100:
            yield level_in_words(ruleset, level.id)
    yield _lost(tiers.downgrade)


def counted_in_words(tiers: Tiers) -> str:
    """What decides a level, of what time."""
    if isinstance(tiers.window, RollingWindow):
        period = formats.lasting(tiers.window.period)
        return {
            "spend": gettext("A level depends on what was spent in the last %(period)s.", period=period),
            "points": gettext("A level depends on the points earned in the last %(period)s.", period=period),
            "orders": gettext("A level depends on the number of purchases in the last %(period)s.", period=period),
            "engagement": gettext("A level depends on how often you took part in the last %(period)s.", period=period),
        }[tiers.qualify_by]
    if tiers.window.kind == "calendar_year":
        return {
            "spend": gettext("A level depends on what was spent since 1 January."),
            "points": gettext("A level depends on the points earned since 1 January."),
            "orders": gettext("A level depends on the number of purchases since 1 January."),
            "engagement": gettext("A level depends on how often you took part since 1 January."),
        }[tiers.qualify_by]
    return {
        "spend": gettext("A level depends on all that was ever spent."),
        "points": gettext("A level depends on all points ever earned."),
        "orders": gettext("A level depends on the number of all purchases."),
        "engagement": gettext("A level depends on how often you ever took part."),
    }[tiers.qualify_by]


def _level(level: Level, tiers: Tiers, ruleset: Ruleset) -> str:
    said = _reached(level, tiers, ruleset)
    if level.keep is not None and level.keep != level.threshold:
        said = f"{said} {_kept(level.keep, tiers, ruleset)}"
    if not level.benefits:
        return said
    benefits = ", ".join(benefit_in_words(benefit, ruleset) for benefit in level.benefits)
    brings = gettext("It also brings: %(benefits)s.", benefits=benefits)
    return f"{said} {brings}"


def _kept(keep: int, tiers: Tiers, ruleset: Ruleset) -> str:
    if keep == 0:
        return gettext("Once reached it is kept.")
    figure = formats.number(keep)
    if tiers.qualify_by == "spend":
        return gettext("%(amount)s keeps it.", amount=formats.round_money(keep, ruleset.program.currency))
    if tiers.qualify_by == "points":
        return ngettext("%(number)s point keeps it.", "%(number)s points keep it.", keep, number=figure)
    if tiers.qualify_by == "engagement":
        return ngettext("%(number)s time keeps it.", "%(number)s times keep it.", keep, number=figure)
    return ngettext("%(number)s purchase keeps it.", "%(number)s purchases keep it.", keep, number=figure)


def _reached(level: Level, tiers: Tiers, ruleset: Ruleset) -> str:
    name, threshold = own_name(level), level.threshold
    if threshold == 0:
        return gettext("%(level)s: everybody’s level.", level=name)
    if tiers.qualify_by == "spend":
        amount = formats.round_money(threshold, ruleset.program.currency)
        return gettext("%(level)s: from %(amount)s.", level=name, amount=amount)
    if tiers.qualify_by == "points":
        return ngettext(
            "%(level)s: from %(number)s point.",
            "%(level)s: from %(number)s points.",
            threshold,
            level=name,
            number=formats.number(threshold),
        )
    if tiers.qualify_by == "engagement":
        return ngettext(
            "%(level)s: from %(number)s time.",
            "%(level)s: from %(number)s times.",
            threshold,
            level=name,
            number=formats.number(threshold),
        )
    return ngettext(
        "%(level)s: from %(number)s purchase.",
        "%(level)s: from %(number)s purchases.",
        threshold,
        level=name,
        number=formats.number(threshold),
    )


def _lost(downgrade: Downgrade | None) -> str:
    if downgrade is not None and downgrade.after == "never":
        return gettext("A level once reached is never lost.")
    if downgrade is None or downgrade.grace is None:
        return gettext("A level is reached at once, and lost as soon as it is no longer deserved.")
    grace = formats.lasting(downgrade.grace)
    if downgrade.steps is None:
        return gettext(
            "A level is reached at once; when it is no longer deserved, it is kept for another %(grace)s.", grace=grace
        )
    return ngettext(
        "A level is reached at once; when it is no longer deserved, it goes down by %(steps)s level every %(grace)s.",
        "A level is reached at once; when it is no longer deserved, it goes down by %(steps)s levels every %(grace)s.",
        downgrade.steps,
        steps=formats.number(downgrade.steps),
        grace=grace,
    )
