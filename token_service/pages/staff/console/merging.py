"""Two accounts of one person made one: the one that stays is looked for, chosen, and the reason written down."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import CallerError, Conflict, Forbidden
from token_service.ledger.member_search import TEXT_LENGTH_MAX, FoundMember, search_members
from token_service.ledger.member_story import actor_names
from token_service.ledger.merge_requests import MergeRequest, open_requests
from token_service.ledger.staff_members import merge_account
from token_service.ledger.views import Member
from token_service.pages import formats
from token_service.pages.services import services
from token_service.pages.staff.console.adjusting import others, refusal_in_words
from token_service.pages.staff.console.forms import Words, text_mistake
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext, ngettext

SHOWN_MAX = 20


def add_to(pages: Blueprint) -> None:
    """Adds the page, below /console/members/{id}."""
    path = "/console/members/<member_id>/merge"
    add_page(pages, path, "member_merge", form, "members:adjust")
    add_page(pages, path, "member_merged", merge, "members:adjust", post=True)


def form(member_id: str) -> ResponseReturnValue:
    """The search, and who may be meant."""
    return _page(others(member_id), request.args.get("q", ""))


def merge(member_id: str) -> ResponseReturnValue:
    """Makes them one; the page of the account that stays says so."""
    member, into, reason = others(member_id), typed("into"), typed("reason")
    mistakes = Words()
    if not into:
        mistakes["into"] = gettext("Choose the account that stays.")
    wrong = text_mistake(reason)
    if wrong is not None:
        mistakes["reason"] = wrong
    if mistakes:
        return _page(member, typed("q"), mistakes), 422
    try:
        done = merge_account(services().context, person(), member_id, into, reason)
    except Forbidden:  # an account of one's own
        raise
    except CallerError as refusal:
        return _page(member, typed("q"), Words(into=_why_not(refusal))), 409
    if done.waits:
        return redirect(url_for("staff.member_merge", member_id=member_id, q=into, asked=1), 303)
    return redirect(url_for("staff.member", member_id=done.member.id, done="merged"), 303)


def _page(member: Member, text: str, mistakes: Words | None = None) -> str:
    text = text.strip()[:TEXT_LENGTH_MAX]
    return render_template(
        "staff/console/merge.html",
        program=services().ruleset().program,
        member=member,
        text=text,
        found=_candidates(member, text) if text else (),
        asked=_asked(member),
        is_asked="asked" in request.args,
        mistakes=mistakes or Words(),
    )


def _asked(member: Member) -> tuple[MergeRequest, str] | None:
    """What somebody asked for this account, and their name."""
    found = open_requests(services().context, person().actor, member.id)
    if not found:
        return None
    return found[0], actor_names(services().context, [found[0].asked_by]).get(found[0].asked_by, found[0].asked_by)


def _candidates(member: Member, text: str) -> tuple[FoundMember, ...]:
    found = search_members(services().context, text, limit=SHOWN_MAX).data
    return tuple(one for one in found if one.id != member.id and one.state == "active")


def _why_not(refusal: CallerError) -> str:
    owed = refusal.facts.get("debt", 0)
    if isinstance(refusal, Conflict) and isinstance(owed, int) and owed:
        return ngettext(
            "This account owes %(points)s point: let it be the one that stays.",
            "This account owes %(points)s points: let it be the one that stays.",
            owed,
            points=formats.number(owed),
        )
    if isinstance(refusal, Conflict) and refusal.facts.get("held"):
        return gettext("Points are set aside for this member: the holds must end first.")
    if isinstance(refusal, Conflict):
        return gettext("This account became part of another one before.")
    if refusal.code == "member_leaving":
        return gettext("One of the two is closed, or its points are in a wallet of the member’s own.")
    return refusal_in_words(refusal.code, refusal.facts)
