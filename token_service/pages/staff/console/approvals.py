"""Corrections above the rules' limit: proposed by one person, approved or declined by another, told in words."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Conflict, Forbidden, Refused
from token_service.ledger.imports import open_imports
from token_service.ledger.member_story import actor_names
from token_service.ledger.merge_requests import MergeRequest, open_requests
from token_service.ledger.proposals import open_proposals
from token_service.ledger.staff_imports import approve_file, decline_file
from token_service.ledger.staff_members import approve, decline, decline_merge, is_own, propose_for_member
from token_service.ledger.views import Import, Proposal
from token_service.pages.services import services
from token_service.pages.staff.console.adjusting import filled_form, form_page, new_adjustment, others, refusal_in_words
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext

RULE = "members:adjust"


@dataclass(frozen=True)
class Waiting:
    """A proposal, who made it, and whether this person may approve it."""

    proposal: Proposal
    who: str
    is_mine: bool
    is_own: bool


@dataclass(frozen=True)
class WaitingMerge:
    """A merge that waits, and who asked; as for `Waiting`."""

    request: MergeRequest
    who: str
    is_mine: bool
    is_own: bool


@dataclass(frozen=True)
class WaitingImport:
    """A file of members that waits, and who vouches for it."""

    file: Import
    who: str
    is_mine: bool


def add_to(pages: Blueprint) -> None:
    """Adds /console/approvals, and proposing below the member."""
    add_page(pages, "/console/members/<member_id>/propose", "member_propose", propose, RULE, post=True)
    add_page(pages, "/console/approvals", "approvals", approvals, RULE)
    add_page(pages, "/console/approvals/<proposal_id>/approve", "approval_given", give, RULE, post=True)
    add_page(pages, "/console/approvals/<proposal_id>/decline", "approval_declined", refuse, RULE, post=True)
    path = "/console/approvals/merges/<member_id>/decline"
    add_page(pages, path, "merge_declined", refuse_merge, RULE, post=True)
    path = "/console/approvals/imports/<import_id>"
    add_page(pages, f"{path}/approve", "import_approved", give_import, RULE, post=True)
    add_page(pages, f"{path}/decline", "import_declined", refuse_import, RULE, post=True)


def propose(member_id: str) -> ResponseReturnValue:
    """Keeps the proposal, once for each reference."""
    member, filled = others(member_id), filled_form()
    if filled.mistakes:
        return form_page(member, filled), 422
    try:
        propose_for_member(services().context, person(), new_adjustment(member_id, filled))
    except Conflict:
        filled.mistakes["points"] = gettext(
            "This form was sent before with other figures, and that is done: look at the member first."
        )
        return form_page(member, filled), 409
    return redirect(url_for("staff.approvals", done="proposed"), 303)


def approvals() -> ResponseReturnValue:
    """All that waits."""
    return _page(done=request.args.get("done", ""))


def give(proposal_id: str) -> ResponseReturnValue:
    """Makes the correction; or says why not."""
    try:
        approve(services().context, person(), proposal_id)
    except Forbidden:
        return _page(error=gettext("You proposed it, or it is your own account: a colleague must decide.")), 403
    except Conflict:
        return _page(error=gettext("Somebody has decided this meanwhile.")), 409
    except Refused as refused:
        return _page(error=refusal_in_words(refused.code, dict(refused.facts))), 409
    return redirect(url_for("staff.approvals", done="approved"), 303)


def refuse(proposal_id: str) -> ResponseReturnValue:
    """Declines it."""
    try:
        decline(services().context, person(), proposal_id)
    except Forbidden:
        return _page(error=gettext("This is your own account: a colleague must decide.")), 403
    except Conflict:
        return _page(error=gettext("Somebody has decided this meanwhile.")), 409
    return redirect(url_for("staff.approvals", done="declined"), 303)


def refuse_merge(member_id: str) -> ResponseReturnValue:
    """Declines to make the account part of another one."""
    try:
        found = decline_merge(services().context, person(), member_id, request.form.get("into", ""))
    except Forbidden:
        return _page(error=gettext("This is your own account: a colleague must decide.")), 403
    if not found:
        return _page(error=gettext("Somebody has decided this meanwhile.")), 409
    return redirect(url_for("staff.approvals", done="declined"), 303)


def give_import(import_id: str) -> ResponseReturnValue:
    """Lets the file come in: the command brings it in."""
    try:
        approve_file(services().context, person(), import_id)
    except Forbidden:
        return _page(error=gettext("You proposed it, or it is your own account: a colleague must decide.")), 403
    except Conflict:
        return _page(error=gettext("Somebody has decided this meanwhile.")), 409
    return redirect(url_for("staff.approvals", done="import"), 303)


def refuse_import(import_id: str) -> ResponseReturnValue:
    """Declines the file."""
    try:
        decline_file(services().context, person(), import_id)
    except Conflict:
        return _page(error=gettext("Somebody has decided this meanwhile.")), 409
    return redirect(url_for("staff.approvals", done="declined"), 303)


def _page(*, done: str = "", error: str | None = None) -> str:
    context, actor = services().context, person().actor
    found, merges = open_proposals(context, actor), open_requests(context, actor)
    files = open_imports(context, actor)
    proposed_by = [*(one.proposed_by for one in found), *(one.proposed_by for one in files)]
    names = actor_names(context, [*proposed_by, *(one.asked_by for one in merges)])
    return render_template(
        "staff/console/approvals.html",
        program=services().ruleset().program,
        waiting=[
            Waiting(
                one,
                names.get(one.proposed_by, one.proposed_by),
                one.proposed_by == actor.name,
                is_own(context, person(), one.member_id),
            )
            for one in found
        ],
        merges=[
            WaitingMerge(
                one,
                names.get(one.asked_by, one.asked_by),
                one.asked_by == actor.name,
                any(is_own(context, person(), account) for account in (one.member_id, one.into_id)),
            )
            for one in merges
        ],
        imports=[
            WaitingImport(one, names.get(one.proposed_by, one.proposed_by), one.proposed_by == actor.name)
            for one in files
        ],
        done=done,
        error=error,
    )
