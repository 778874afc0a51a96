"""Who may open which page of staff: one rule beside each route, checked before the view runs (ledger/staff_roles.py).

A route cannot be added without a rule; tests/pages/test_every_route.py tries every route as every role.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from flask import Blueprint, current_app

PUBLIC: Final = "public"
"""Anybody: signing in."""
SIGNED_IN: Final = "signed-in"
"""Whoever of the staff is signed in, also before their first password is changed."""


def add_page(
    pages: Blueprint, path: str, name: str, view: Callable[..., Any], rule: str, *, post: bool = False
) -> None:
    """Adds one route. `rule` is a permission ("members:read"), PUBLIC or SIGNED_IN."""
    cast(Any, view).staff_rule = rule
    pages.add_url_rule(path, name, view, methods=["POST"] if post else ["GET"])


def rule_of(endpoint: str | None) -> str | None:
    """The rule of an endpoint of the current application, None where it is not a page of staff."""
    view = current_app.view_functions.get(endpoint or "")
    return cast("str | None", getattr(view, "staff_rule", None))
