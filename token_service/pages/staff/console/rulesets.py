"""The programme's rules: in force, coming, drafted, over; each version in plain words and as its document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from token_service.ledger.member_story import actor_names
from token_service.ledger.program_setup import get_program
from token_service.ledger.rulesets import draft_rulesets, get_ruleset, published_rulesets
from token_service.ledger.views import Program, RulesetView
from token_service.pages.rules_in_words import in_words
from token_service.pages.ruleset_states import since, state_of
from token_service.pages.services import services
from token_service.pages.staff.console.documents import changes
from token_service.pages.staff.rules import add_page
from token_service.program.document_changes import as_yaml

SHOWN_MAX: Final = 50


@dataclass(frozen=True)
class Version:
    """One version for the list. `since` None: from the beginning, or (a draft) not at all yet."""

    view: RulesetView
    state: str  # in_force, next, earlier, draft
    since: datetime | None


def add_to(pages: Blueprint) -> None:
    """Adds /console/rulesets."""
    add_page(pages, "/console/rulesets", "rulesets", rulesets, "rulesets:read")
    add_page(pages, "/console/rulesets/<hash_>", "ruleset", ruleset, "rulesets:read")


def rulesets() -> ResponseReturnValue:
    """Every version that there is, the newest 50 of each sort."""
    given = services()
    books = get_program(given.context)
    published = [version_of(view, books) for view in published_rulesets(given.context, SHOWN_MAX)]
    drafts = [version_of(view, books) for view in draft_rulesets(given.context, SHOWN_MAX)]
    return render_template(
        "staff/console/rulesets.html",
        program=given.ruleset().program,
        books=books,
        next=[one for one in published if one.state == "next"],
        in_force=[one for one in published if one.state == "in_force"],
        drafts=drafts,
        earlier=[one for one in published if one.state == "earlier"],
    )


def ruleset(hash_: str) -> ResponseReturnValue:
    """One version. NotFound for an unknown hash."""
    given = services()
    view, books = get_ruleset(given.context, hash_), get_program(given.context)
    rules, acting = given.parsed(view), given.ruleset()
    return render_template(
        "staff/console/ruleset.html",
        program=acting.program,
        books=books,
        version=version_of(view, books),
        chapters=in_words(rules),
        changes=changes(acting, rules),
        document=as_yaml(rules),
        done=request.args.get("done"),
        names=actor_names(given.context, (name for name in (view.drafted_by, view.published_by) if name)),
    )


def version_of(view: RulesetView, books: Program) -> Version:
    """The version and where it stands now."""
    return Version(view, state_of(view, books, services().context.now()), since(view, books))
