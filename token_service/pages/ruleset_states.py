"""Where a version of the rules stands, for the open books and the console: in force, next, earlier, draft; and since when."""

from __future__ import annotations

from datetime import datetime

from token_service.ledger.views import Program, RulesetView


def state_of(view: RulesetView, books: Program, now: datetime) -> str:
    """in_force, next, earlier or draft. Rules whose date has passed before the chain had them come next: they don't act yet."""
    acting = books.ruleset
    if view.state == "draft":
        return "draft"
    if acting is None or view.effective_at is None or acting.effective_at is None:
        return "next"
    if view.hash == acting.hash:
        return "in_force"
    is_late = view.state == "publishing" and view.effective_at > acting.effective_at
    return "next" if is_late or view.effective_at > now else "earlier"


def since(view: RulesetView, books: Program) -> datetime | None:
    """From when it acts; None for a draft, and for rules that acted from the beginning."""
    at = view.effective_at
    return None if at is not None and at <= books.created_at else at
