"""A draft published: the day chosen, what it means read once more, then done for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import ApprovalNeeded, Conflict, InvalidInput
from token_service.ledger.context import Context
from token_service.ledger.details import instant
from token_service.ledger.program_setup import get_program
from token_service.ledger.rulesets import (
    EFFECTIVE_AHEAD_MAX,
    get_ruleset,
    may_publish,
    publish,
    published_rulesets,
    soonest_effective_at,
)
from token_service.ledger.staff_trail import Deed, perform
from token_service.ledger.views import RulesetView
from token_service.pages import formats
from token_service.pages.services import services
from token_service.pages.staff.console.documents import changes
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext

_MINUTE = timedelta(minutes=1)
_READING = timedelta(minutes=15)
"""What somebody may take to read the page before the day that is filled in has become too soon."""


def add_to(pages: Blueprint) -> None:
    """Adds the pages that publish."""
    path = "/console/rulesets/<hash_>/publish"
    add_page(pages, path, "ruleset_publish", form, "rulesets:write")
    add_page(pages, f"{path}/check", "ruleset_publish_check", check, "rulesets:write", post=True)
    add_page(pages, path, "ruleset_published", do, "rulesets:write", post=True)


def form(hash_: str) -> ResponseReturnValue:
    """Asks for the day; the soonest is filled in."""
    view = get_ruleset(services().context, hash_)
    if view.state != "draft":
        return redirect(url_for("staff.ruleset", hash_=hash_), 303)
    return _form_page(view, _as_local(_soonest() + _READING))


def check(hash_: str) -> ResponseReturnValue:
    """What publishing means, to be confirmed."""
    view, typed = get_ruleset(services().context, hash_), request.form.get("effective_at", "")[:30]
    at = _as_instant(typed)
    mistake = _mistake(view, at)
    if mistake is not None:
        return _form_page(view, typed, mistake), 422
    rules = services().ruleset()
    return render_template(
        "staff/console/publish_check.html",
        program=rules.program,
        view=view,
        at=at or services().context.now(),
        typed=typed,
        changes=changes(rules, services().parsed(view)),
        may_publish=may_publish(services().context, person().actor, hash_),
    )


def do(hash_: str) -> ResponseReturnValue:
    """Publishes: the order goes to the chain, and the page of the version says how far it is."""
    view, typed = get_ruleset(services().context, hash_), request.form.get("effective_at", "")[:30]
    at = None if view.base_hash is not None else _as_instant(typed)
    if view.base_hash is None and at is None:
        return _form_page(view, typed, gettext("Choose a day and a time.")), 422
    try:
        _publish(view, at)
    except InvalidInput:
        return _form_page(view, typed, _mistake(view, at) or _too_far_or_crossing()), 422
    except ApprovalNeeded:
        return _form_page(view, typed, gettext("A second person must publish these rules: you drafted them.")), 409
    except Conflict:
        return _form_page(view, typed, gettext("It was published meanwhile: look at the list of rules.")), 409
    return redirect(url_for("staff.ruleset", hash_=hash_, done="published"), 303)


def _publish(view: RulesetView, at: datetime | None) -> None:
    def work(joined: Context) -> tuple[RulesetView, bool]:
        was_draft = get_ruleset(joined, view.hash).state == "draft"
        return publish(joined, person().actor, view.hash, at), was_draft

    def deed(done: tuple[RulesetView, bool]) -> Deed | None:
        published, was_draft = done
        if not was_draft or published.effective_at is None:
            return None
        return Deed("ruleset.published", published.hash, detail={"effective_at": instant(published.effective_at)})

    perform(services().context, person(), work, deed)


def _mistake(view: RulesetView, at: datetime | None) -> str | None:
    """Why this day cannot be, in words; None if it can."""
    if view.base_hash is not None:
        return None
    if at is None:
        return gettext("Choose a day and a time.")
    context, zone = services().context, services().ruleset().program.time_zone
    soonest = soonest_effective_at(context)
    if at < soonest:
        words = {"day": formats.day(_soonest(), zone), "time": formats.clock(_soonest(), zone)}
        return gettext("Not before %(day)s at %(time)s: that is the notice the programme keeps.", **words)
    others = [one.effective_at for one in published_rulesets(context, 1) if one.effective_at is not None]
    if at > soonest + EFFECTIVE_AHEAD_MAX - _MINUTE or (others and at <= others[0]):
        return _too_far_or_crossing()
    return None


def _too_far_or_crossing() -> str:
    return gettext("It must act after every other rules that are published, and within a year of the soonest day.")


def _soonest() -> datetime:
    """The soonest whole minute."""
    at = soonest_effective_at(services().context)
    return at.replace(second=0) + _MINUTE if at.second else at


def _as_local(at: datetime) -> str:
    return at.astimezone(_zone()).strftime("%Y-%m-%dT%H:%M")


def _as_instant(typed: str) -> datetime | None:
    """An hour on the programme's clock as an instant."""
    try:
        return datetime.strptime(typed, "%Y-%m-%dT%H:%M").replace(tzinfo=_zone()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone() -> ZoneInfo:
    return ZoneInfo(services().ruleset().program.time_zone)


def _form_page(view: RulesetView, typed: str, mistake: str | None = None) -> str:
    return render_template(
        "staff/console/publish.html",
        program=services().ruleset().program,
        books=get_program(services().context),
        view=view,
        typed=typed,
        mistake=mistake,
    )
