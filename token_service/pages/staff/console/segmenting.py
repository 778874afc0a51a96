"""The segments that a member is in, ticked on their page."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from token_service.ledger.staff_members import set_segments_of
from token_service.pages.services import services
from token_service.pages.staff.console.adjusting import others
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person


def add_to(pages: Blueprint) -> None:
    """Adds what the form does, below /console/members/{id}."""
    path = "/console/members/<member_id>/segments"
    add_page(pages, path, "member_segments", choose, "members:adjust", post=True)


def choose(member_id: str) -> ResponseReturnValue:
    """The member is in those that are ticked and in no other: what the rules do not know any more goes too."""
    others(member_id)
    known = {one.id for one in services().ruleset().segments}
    ticked = [one for one in request.form.getlist("segment") if one in known]
    set_segments_of(services().context, person(), member_id, ticked)
    return redirect(url_for("staff.member", member_id=member_id, done="segmented"), 303)
