"""Points given to a cause: what each was given so far, and giving some.

The form carries its own name: sent twice, or again after the network failed, it gives once.
"""

from __future__ import annotations

import re
from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Conflict, InsufficientBalance, ReferenceConflict, Refused
from token_service.ledger.causes import list_causes
from token_service.ledger.donations import donate
from token_service.ledger.inputs import NewDonation
from token_service.ledger.members import get_member
from token_service.ledger.views import Cause
from token_service.pages import formats
from token_service.pages.giving_in_words import giving_in_words, not_given_in_words
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id
from token_service.pages.translation import gettext, ngettext
from token_service.program.ruleset import Ruleset
from token_service.units import POINTS_MAX

FORM: Final = re.compile(r"[0-9a-f]{32}")


def add_to(pages: Blueprint) -> None:
    """Adds /give and /give/…"""
    pages.add_url_rule("/give", "give", give)
    pages.add_url_rule("/give/<cause_id>", "cause", cause)
    pages.add_url_rule("/give/<cause_id>", "give_points", give_points, methods=["POST"])


def give() -> ResponseReturnValue:
    """The causes with their totals."""
    context, rules = services().context, services().ruleset()
    causes = list_causes(context)
    return render_template(
        "give.html",
        program=rules.program,
        member=get_member(context, actor(), member_id()),
        causes=causes,
        allowed={one.id for one in causes if is_allowed(rules, one)},
        said=list(giving_in_words(rules)),
    )


def cause(cause_id: str) -> ResponseReturnValue:
    """One of them, and a form."""
    return _page(_named(cause_id), form=services().context.random_bytes(16).hex())


def give_points(cause_id: str) -> ResponseReturnValue:
    """Gives them; or the page again, with what was wrong."""
    chosen, form, typed = _named(cause_id), request.form.get("form", ""), request.form.get("points", "").strip()
    if not FORM.fullmatch(form):
        abort(404)
    points = _whole(typed)
    if points is None:
        return _page(chosen, form, gettext("Enter a whole number of points, such as 100."), typed), 422
    new = NewDonation(f"wallet/{form}", member_id(), points, cause_id)
    try:
        given = donate(services().context, actor(), new)
    except (Refused, Conflict, ReferenceConflict) as refusal:
        return _page(chosen, form, _why_not(refusal), typed), 409
    return redirect(url_for("pages.entry", entry_id=given.entries[0].id), 303)


def is_allowed(rules: Ruleset, chosen: Cause) -> bool:
    """Whether the cause takes points, and the rules let members give to it."""
    named = None if rules.donations is None else rules.donations.causes
    return chosen.is_open and (named is None or chosen.name in named)


def _whole(typed: str) -> int | None:
    """The number typed, with whatever blanks people write between thousands; None if it is none."""
    digits = re.sub(r"[\s\u00a0\u202f]", "", typed)
    points = int(digits) if re.fullmatch(r"[0-9]{1,16}", digits) else 0
    return points if 0 < points <= POINTS_MAX else None


def _why_not(refusal: Refused | Conflict) -> str:
    if isinstance(refusal, InsufficientBalance):
        missing = int(str(refusal.facts["missing_points"]))
        return ngettext(
            "You have %(missing)s point too few. Nothing was given.",
            "You have %(missing)s points too few. Nothing was given.",
            missing,
            missing=formats.number(missing),
        )
    why = not_given_in_words(refusal.facts)
    if why is not None:
        return gettext("Nothing was given. %(why)s", why=why)
    if isinstance(refusal, ReferenceConflict):
        return gettext("This form was sent before with another number. Look at your last lines, then begin again.")
    if refusal.code == "program_paused":
        return gettext("The programme is pausing. Your points are kept; try again later.")
    return gettext("This is not possible at the moment. Nothing was given; your points are kept.")


def _named(cause_id: str) -> Cause:
    found = next((one for one in list_causes(services().context) if one.id == cause_id), None)
    return found if found is not None else abort(404)


def _page(chosen: Cause, form: str, error: str | None = None, typed: str = "") -> str:
    member = get_member(services().context, actor(), member_id())
    return render_template(
        "cause.html",
        program=services().ruleset().program,
        member=member,
        cause=chosen,
        form=form,
        error=error,
        typed=typed[:20],
        is_allowed=is_allowed(services().ruleset(), chosen),
        said=list(giving_in_words(services().ruleset())),
        is_blocked=member.frozen or member.state != "active",
    )
