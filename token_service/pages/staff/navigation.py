"""The list of pages that a person of the staff may open, in the order of the side list; and where each role starts."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request

from token_service.ledger.staff import Person
from token_service.pages.staff.rules import rule_of
from token_service.pages.translation import gettext


@dataclass(frozen=True)
class Link:
    """One page in the list. `is_current` also for the pages below it."""

    endpoint: str
    label: str
    is_current: bool


def links(person: Person) -> list[Link]:
    """What this person may open."""
    here = request.path
    found = []
    for endpoint, label in _labels().items():
        view = f"staff.{endpoint}"
        rule = rule_of(view)
        if rule is None or not person.may(rule):
            continue
        path = next(current_app.url_map.iter_rules(view)).rule
        found.append(Link(view, label, here == path or here.startswith(path + "/")))
    return found


def start(person: Person) -> str:
    """The endpoint where this person begins: the first page of their list, else their password's."""
    own = links(person)
    return own[0].endpoint if own else "staff.password"


def _labels() -> dict[str, str]:
    return {
        "till": gettext("Till"),
        "members": gettext("Members"),
        "approvals": gettext("Approvals"),
        "rulesets": gettext("Rules"),
        "merchants": gettext("Merchants"),
        "settlement": gettext("Settlement"),
        "people": gettext("Staff"),
        "trail": gettext("Trail"),
        "refused": gettext("Refused"),
    }
