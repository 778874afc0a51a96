"""Inviting friends: the member's own code, what both sides get, and how many came. Moves nothing."""

from __future__ import annotations

from collections import Counter

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from token_service.ledger.referrals import get_invitation
from token_service.pages import formats
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id
from token_service.pages.translation import gettext, ngettext
from token_service.program.action_schema import REFERRED, ReferralRule
from token_service.program.events import INVITED, pays_for_referrals, rules_for
from token_service.program.ruleset import Ruleset


def add_to(pages: Blueprint) -> None:
    """Adds /invite."""
    pages.add_url_rule("/invite", "invite", invite)


def invite() -> ResponseReturnValue:
    """The code to pass on. There is no such page where the rules give nothing for it."""
    given = services()
    rules = given.ruleset()
    if not pays_for_referrals(rules):
        abort(404)
    invitation = get_invitation(given.context, actor(), member_id())
    states = Counter(one.state for one in invitation.referrals)
    return render_template(
        "invite.html",
        program=rules.program,
        code=invitation.code,
        gives=gives_in_words(rules),
        waiting=states["waiting"],
        paid=states["paid"],
        taken_back=states["taken_back"],
    )


def gives_in_words(rules: Ruleset) -> list[str]:
    """What each side gets, a sentence each."""
    rewarding = rules_for(rules, REFERRED)
    yours = sum(rule.points for rule in rewarding if not isinstance(rule, ReferralRule))
    theirs = sum(rule.points for rule in rules_for(rules, INVITED) if not isinstance(rule, ReferralRule))
    said = [_share_in_words(rule) for rule in rewarding if isinstance(rule, ReferralRule)]
    if yours:
        points = formats.number(yours)
        said.append(ngettext("You get %(points)s point.", "You get %(points)s points.", yours, points=points))
    if theirs:
        points = formats.number(theirs)
        said.append(
            ngettext("Your friend gets %(points)s point.", "Your friend gets %(points)s points.", theirs, points=points)
        )
    return said or [gettext("It counts for your challenges.")]


def _share_in_words(rule: ReferralRule) -> str:
    return gettext(
        "You get %(percent)s %% of the points of your friend’s first purchase, at most %(most)s.",
        percent=rule.percent,
        most=formats.number(rule.up_to_points),
    )
