"""What members are told, a sentence each, for the wallet and the console."""

from __future__ import annotations

from datetime import datetime

from token_service.ledger.notice_views import Notice
from token_service.pages import formats
from token_service.pages.breakdown import challenge_name, challenge_titled, level_named, membership_named_in_words
from token_service.pages.translation import gettext, ngettext
from token_service.program import notices
from token_service.program.ruleset import Ruleset


def notice_in_words(notice: Notice, rules: Ruleset) -> str:
    """The sentence; `rules` are those of the notice."""
    if notice.kind == notices.EXPIRING:
        return _expiring(notice, rules)
    if notice.kind == notices.COMPLETED:
        return challenge_titled(rules, str(notice.data["challenge"]))
    if notice.kind == notices.BADGE:
        return gettext("A new badge: %(badge)s", badge=challenge_name(rules, str(notice.data["badge"])))
    if notice.kind == notices.ENDING:
        return _ends(membership_named_in_words(rules, str(notice.data["membership"])), notice, rules)
    if notice.kind == notices.WILL_DOWNGRADE:
        return _ends(level_named(rules, str(notice.data["from"])), notice, rules)
    return _level(notice, rules)


def at_of(notice: Notice) -> datetime | None:
    """When what the notice says comes; None where it has happened."""
    at = notice.data.get("at")
    return datetime.fromisoformat(at) if isinstance(at, str) else None


def _level(notice: Notice, rules: Ruleset) -> str:
    after = notice.data["to"]
    if after is None:
        return gettext("You have no level any more.")
    level = level_named(rules, str(after))
    if notice.kind == notices.UPGRADED:
        return gettext("You have reached the level %(level)s.", level=level)
    return gettext("Your level is now %(level)s.", level=level)


def _ends(name: str, notice: Notice, rules: Ruleset) -> str:
    return gettext("%(name)s ends on %(day)s.", name=name, day=_day(notice, rules))


def _expiring(notice: Notice, rules: Ruleset) -> str:
    points = notice.data["points"]
    assert isinstance(points, int)
    said = {"points": formats.number(points), "day": _day(notice, rules)}
    return ngettext("%(points)s point expires on %(day)s.", "%(points)s points expire on %(day)s.", points, **said)


def _day(notice: Notice, rules: Ruleset) -> str:
    at = at_of(notice)
    assert at is not None
    return formats.day(at, rules.program.time_zone)
