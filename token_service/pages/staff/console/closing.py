"""A member's account closed and opened again, from their page."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import CallerError, Conflict
from token_service.ledger.staff_members import close_account, reopen_account
from token_service.pages import formats
from token_service.pages.services import services
from token_service.pages.staff.console.adjusting import others, refusal_in_words
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.staff.console.forms import text_mistake
from token_service.pages.staff.console.members import member_page
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext, ngettext


def add_to(pages: Blueprint) -> None:
    """Adds both, below /console/members/{id}."""
    path = "/console/members/<member_id>"
    add_page(pages, f"{path}/close", "member_close", close, "members:adjust", post=True)
    add_page(pages, f"{path}/reopen", "member_reopen", reopen, "members:adjust", post=True)


def close(member_id: str) -> ResponseReturnValue:
    """Closes it; points that are left are lost only if that was ticked."""
    others(member_id)
    reason = typed("reason")
    mistake = text_mistake(reason)
    if mistake is not None:
        return member_page(member_id, closing=mistake), 422
    try:
        close_account(services().context, person(), member_id, reason, forfeit="forfeit" in request.form)
    except CallerError as refusal:
        return member_page(member_id, closing=_why_not(refusal)), 409
    return redirect(url_for("staff.member", member_id=member_id, done="closed"), 303)


def reopen(member_id: str) -> ResponseReturnValue:
    """Opens it again."""
    others(member_id)
    reason = typed("reason")
    mistake = text_mistake(reason)
    if mistake is not None:
        return member_page(member_id, closing=mistake), 422
    reopen_account(services().context, person(), member_id, reason)
    return redirect(url_for("staff.member", member_id=member_id, done="reopened"), 303)


def _why_not(refusal: CallerError) -> str:
    left = refusal.facts.get("available", 0)
    if isinstance(refusal, Conflict) and isinstance(left, int) and left:
        return ngettext(
            "There is %(points)s point left. Tick that it is lost, or let it be used first.",
            "There are %(points)s points left. Tick that they are lost, or let them be used first.",
            left,
            points=formats.number(left),
        )
    if isinstance(refusal, Conflict):
        return gettext("Points are set aside for this member: the holds must end first.")
    if refusal.code == "approval_needed":
        return gettext("So many points are not one person’s to take: propose that as a correction first, then close.")
    return refusal_in_words(refusal.code, refusal.facts)
