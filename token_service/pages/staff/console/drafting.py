"""New rules: typed, checked with every mistake at its line, compared with the rules in force, kept as a draft."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Conflict, InvalidInput, NotFound
from token_service.ledger.context import Context
from token_service.ledger.rulesets import draft, get_ruleset, ruleset_in_force
from token_service.ledger.staff_trail import Deed, perform
from token_service.ledger.views import RulesetView
from token_service.pages.services import services
from token_service.pages.staff.console.documents import Checked, changes, checked
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext
from token_service.program.document_changes import as_yaml


def add_to(pages: Blueprint) -> None:
    """Adds the pages of a draft."""
    add_page(pages, "/console/rulesets/new", "ruleset_new", new, "rulesets:read")
    add_page(pages, "/console/rulesets/check", "ruleset_check", check, "rulesets:read", post=True)
    add_page(pages, "/console/rulesets/drafts", "ruleset_keep", keep, "rulesets:write", post=True)


def new() -> ResponseReturnValue:
    """The rules in force as a text to change, or those of ?from=."""
    given, named = services(), request.args.get("from")
    rules = given.ruleset_named(named) if named else given.ruleset()
    return draft_page(Checked(as_yaml(rules), None, None, ()))


def check() -> ResponseReturnValue:
    """The text again, with its mistakes or with what it changes."""
    given = checked(request.form.get("document", ""))
    return draft_page(given), 422 if given.mistakes else 200


def keep() -> ResponseReturnValue:
    """Stores the draft, as an addition to the rules in force if asked, and shows it."""
    given = checked(request.form.get("document", ""))
    if given.ruleset is None:
        return draft_page(given), 422
    context = services().context
    base = ruleset_in_force(context, context.now()).hash if request.form.get("as") == "addition" else None
    try:
        kept = _keep(given, base)
    except Conflict:
        return draft_page(given, gettext("These very rules are published already.")), 409
    except InvalidInput:
        return draft_page(given, gettext("These rules do more than add to the rules in force.")), 422
    return redirect(url_for("staff.ruleset", hash_=kept.hash, done="kept"), 303)


def draft_page(given: Checked, refused: str | None = None) -> str:
    """The page with the text and what is known of it."""
    rules = services().ruleset()
    return render_template(
        "staff/console/ruleset_new.html",
        program=rules.program,
        draft=given,
        changes=changes(rules, given.ruleset) if given.ruleset is not None else None,
        refused=refused,
    )


def _keep(given: Checked, base: str | None) -> RulesetView:
    def work(joined: Context) -> tuple[RulesetView, bool]:
        try:
            known: RulesetView | None = get_ruleset(joined, given.hash or "")
        except NotFound:
            known = None
        kept = draft(joined, person().actor, given.text, base)
        return kept, kept != known

    def deed(done: tuple[RulesetView, bool]) -> Deed | None:
        kept, is_new = done
        return Deed("ruleset.drafted", kept.hash, detail={"base": kept.base_hash}) if is_new else None

    return perform(services().context, person(), work, deed)[0]
