"""Challenges: how far the member is in each, drawn as stamps or as a bar, and the badges they have. Moves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from token_service.ledger.challenge_standings import list_badges, list_challenges
from token_service.ledger.views import ChallengeStanding
from token_service.pages import formats
from token_service.pages.breakdown import challenge_name, own_name
from token_service.pages.challenge_words import STAMPS_MAX, award_in_words, goal_in_words
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id
from token_service.pages.translation import gettext
from token_service.program.challenges import challenge_named
from token_service.program.facts import local_time
from token_service.program.ruleset import Ruleset


@dataclass(frozen=True)
class ShownChallenge:
    """A challenge in words: `goal` and `award`, `so_far` ("3 of 5"), when it runs, whether nothing more comes of it."""

    id: str
    name: str
    goal: str
    award: str
    so_far: str
    when: str | None
    counted: int
    target: int
    times: int
    is_done: bool
    is_open: bool
    is_over: bool

    @property
    def stamps(self) -> list[bool] | None:
        """Which stamps are there; None for too many, or money: that is a bar."""
        if self.target > STAMPS_MAX:
            return None
        return [place < self.counted for place in range(self.target)]


@dataclass(frozen=True)
class ShownBadge:
    """A badge and when it was given."""

    name: str
    at: datetime


def add_to(pages: Blueprint) -> None:
    """Adds /challenges."""
    pages.add_url_rule("/challenges", "challenges", challenges)


def challenges() -> ResponseReturnValue:
    """All of them that run or were completed, and the member's badges."""
    given = services()
    badges = [
        ShownBadge(challenge_name(given.ruleset_named(badge.ruleset), badge.id), badge.awarded_at)
        for badge in list_badges(given.context, actor(), member_id())
    ]
    return render_template(
        "challenges.html", program=given.ruleset().program, challenges=own_challenges(), badges=badges
    )


def own_challenges() -> list[ShownChallenge]:
    """The member's, those in progress first; those to come last; those that are over and brought nothing are left out."""
    given = services()
    rules, today = given.ruleset(), local_time(given.context.now(), given.ruleset().program.time_zone).date
    found = [_shown(one, rules, today) for one in list_challenges(given.context, actor(), member_id())]
    shown = [one for one in found if one is not None and (one.times or not one.is_over)]
    return sorted(shown, key=lambda one: (one.is_done, not one.is_open, one.counted == 0))


def _shown(one: ChallengeStanding, rules: Ruleset, today: str) -> ShownChallenge | None:
    challenge = challenge_named(rules, one.id)
    if challenge is None:
        return None
    is_money = one.counts == "spend"
    counted = formats.money(one.counted, rules.program.currency) if is_money else formats.number(one.counted)
    target = formats.money(one.target, rules.program.currency) if is_money else formats.number(one.target)
    is_done = not one.repeats and one.times > 0
    return ShownChallenge(
        id=one.id,
        name=own_name(challenge),
        goal=goal_in_words(challenge, rules),
        award=award_in_words(challenge.award, rules),
        so_far=gettext("%(counted)s of %(target)s", counted=counted, target=target),
        when=_when(one, today),
        counted=one.counted,
        target=one.target,
        times=one.times,
        is_done=is_done,
        is_open=not is_done and _runs(one, today),
        is_over=one.until is not None and one.until.isoformat() < today,
    )


def _runs(one: ChallengeStanding, today: str) -> bool:
    return (one.starts is None or one.starts.isoformat() <= today) and (
        one.until is None or today <= one.until.isoformat()
    )


def _when(one: ChallengeStanding, today: str) -> str | None:
    if one.starts is not None and today < one.starts.isoformat():
        return gettext("begins on %(day)s", day=formats.calendar_day(one.starts))
    if one.until is None:
        return None
    day = formats.calendar_day(one.until)
    return gettext("until %(day)s", day=day) if today <= one.until.isoformat() else gettext("ended on %(day)s", day=day)
