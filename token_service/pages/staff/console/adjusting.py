"""A member's points changed by hand, and members frozen: filled in, looked at, done once, told in words."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import ReferenceConflict, Refused
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.members import get_member
from token_service.ledger.staff_members import adjust_member, freeze_member, is_own, try_adjustment, unfreeze_member
from token_service.ledger.views import Member
from token_service.pages import formats
from token_service.pages.services import services
from token_service.pages.staff.console.forms import Words, once, text_mistake, whole_number
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.staff.console.members import member_page
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext, ngettext


@dataclass
class Filled:
    """The form as it was filled in, and what is wrong with it by field."""

    points: str = ""
    way: str = ""
    reason: str = ""
    reference: str = ""
    mistakes: Words = field(default_factory=Words)

    @property
    def signed(self) -> int:
        """The points with their sign; 0 while they are not a number."""
        number = whole_number(self.points) or 0
        return -number if self.way == "down" else number


def add_to(pages: Blueprint) -> None:
    """Adds what changes a member, below /console/members/{id}."""
    path = "/console/members/<member_id>"
    add_page(pages, f"{path}/adjust", "member_adjust", form, "members:adjust")
    add_page(pages, f"{path}/adjust/check", "member_adjust_check", check, "members:adjust", post=True)
    add_page(pages, f"{path}/adjust", "member_adjusted", adjust, "members:adjust", post=True)
    add_page(pages, f"{path}/freeze", "member_freeze", freeze, "members:freeze", post=True)
    add_page(pages, f"{path}/unfreeze", "member_unfreeze", unfreeze, "members:freeze", post=True)


def form(member_id: str) -> ResponseReturnValue:
    return form_page(others(member_id), Filled(way="up", reference=once()))


def check(member_id: str) -> ResponseReturnValue:
    """What it would lead to, to be confirmed; or the form again, with what is wrong or with `edit`."""
    member, filled = others(member_id), filled_form()
    if filled.mistakes:
        return form_page(member, filled), 422
    if "edit" in request.form:
        return form_page(member, filled)
    outlook = try_adjustment(services().context, person(), new_adjustment(member_id, filled))
    needs_another = outlook.refusal == "approval_needed"
    if needs_another:
        outlook = try_adjustment(services().context, person(), new_adjustment(member_id, filled), as_if_approved=True)
    if outlook.value is None:
        filled.mistakes["points"] = refusal_in_words(outlook.refusal or "", outlook.facts)
        return form_page(member, filled), 422
    return render_template(
        "staff/console/adjust_check.html",
        program=services().ruleset().program,
        member=member,
        filled=filled,
        after=outlook.balance,
        needs_another=needs_another,
    )


def adjust(member_id: str) -> ResponseReturnValue:
    """Does it, once for each reference, and shows the member."""
    member, filled = others(member_id), filled_form()
    if filled.mistakes:
        return form_page(member, filled), 422
    try:
        adjust_member(services().context, person(), new_adjustment(member_id, filled))
    except ReferenceConflict:
        filled.mistakes["points"] = gettext(
            "This form was sent before with other figures, and that is done: look at the member first."
        )
        filled.reference = once()
        return form_page(member, filled), 409
    except Refused as refused:
        filled.mistakes["points"] = refusal_in_words(refused.code, refused.facts)
        return form_page(member, filled), 422
    return redirect(url_for("staff.member", member_id=member_id, done="adjusted"), 303)


def freeze(member_id: str) -> ResponseReturnValue:
    return _set_frozen(member_id, frozen=True)


def unfreeze(member_id: str) -> ResponseReturnValue:
    return _set_frozen(member_id, frozen=False)


def refusal_in_words(code: str, facts: object) -> str:
    """Why the ledger would not change the member's points."""
    figures = facts if isinstance(facts, dict) else {}
    if code == "insufficient_balance":
        most = max(0, int(figures.get("available", 0)))
        return ngettext(
            "The member has only %(points)s point that can be taken away.",
            "The member has only %(points)s points that can be taken away.",
            most,
            points=formats.number(most),
        )
    if code == "ceiling_reached":
        room = max(0, int(figures.get("remaining", 0)))
        return ngettext(
            "The programme’s own ceiling leaves room for %(points)s point now.",
            "The programme’s own ceiling leaves room for %(points)s points now.",
            room,
            points=formats.number(room),
        )
    plain = {
        "member_frozen": gettext("The member is frozen: unfreeze them first."),
        "member_leaving": gettext("The member is leaving, or has left, with their points."),
        "program_paused": gettext("The programme is paused: no points can be added now."),
        "after_sunset": gettext("The programme has ended: no points can be added any more."),
    }
    return plain.get(code, gettext("The rules of the programme do not allow it."))


def _set_frozen(member_id: str, *, frozen: bool) -> ResponseReturnValue:
    others(member_id)
    reason = typed("reason")
    mistake = text_mistake(reason)
    if mistake is not None:
        return member_page(member_id, freezing=mistake), 422
    change = freeze_member if frozen else unfreeze_member
    change(services().context, person(), member_id, reason)
    return redirect(url_for("staff.member", member_id=member_id, done="frozen" if frozen else "unfrozen"), 303)


def others(member_id: str) -> Member:
    """The member, who must not be the person themself (403)."""
    member = get_member(services().context, person().actor, member_id)
    if is_own(services().context, person(), member_id):
        abort(403)
    return member


def filled_form() -> Filled:
    """The form as it was sent, with what is wrong with it."""
    filled = Filled(typed("points", 30), typed("way", 4), typed("reason"), typed("reference", 200))
    if not whole_number(filled.points):
        filled.mistakes["points"] = gettext("Write a whole number of points, 1 or more.")
    if filled.way not in ("up", "down"):
        filled.mistakes["way"] = gettext("Choose one of the two.")
    mistake = text_mistake(filled.reason)
    if mistake is not None:
        filled.mistakes["reason"] = mistake
    if not filled.reference.startswith("ctl_"):
        filled.reference = once()
    return filled


def new_adjustment(member_id: str, filled: Filled) -> NewAdjustment:
    """What the ledger is asked."""
    return NewAdjustment(filled.reference, member_id, filled.signed, filled.reason)


def form_page(member: Member, filled: Filled) -> str:
    """The form, with what is wrong beside its fields."""
    return render_template(
        "staff/console/adjust.html", program=services().ruleset().program, member=member, filled=filled
    )
