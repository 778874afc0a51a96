"""Simulations of what has not happened yet: decided as of its own instant, by the rules that are published to be in force then.

Only simulations look ahead. Of the time between it is assumed that nothing happens: nobody buys, no more rules are published.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from token_service.ledger import checks
from token_service.ledger.context import Context

FURTHEST: Final = timedelta(days=366)
"""How far ahead: what is announced for later changes before it comes."""


def as_of(context: Context, occurred_at: datetime) -> Context:
    """The context whose time is `occurred_at`, if that lies ahead; else the context itself. Raises InvalidInput (too far)."""
    now = context.now()
    if occurred_at.tzinfo is None or occurred_at <= now + context.clock_skew:  # the use case says what is wrong with it
        return context
    if occurred_at > now + FURTHEST:
        raise checks.wrong("/occurred_at", f"lies more than {FURTHEST.days} days ahead: no simulation looks further")
    at = occurred_at.astimezone(UTC)
    return replace(context, now=lambda: at)
