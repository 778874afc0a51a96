"""Writes down what a limit, a ceiling or a freeze refused, in a transaction of its own once everything else is rolled back.

Kept are figures and names of ours, nothing personal; a repetition of the same call adds to the same row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from token_service.errors import ApprovalNeeded, CeilingReached, LimitExceeded, MemberFrozen, OwnCard, Refused
from token_service.ledger.context import Actor
from token_service.ledger.refusal_tables import refusals

NOTED: Final = (LimitExceeded, CeilingReached, MemberFrozen, ApprovalNeeded, OwnCard)
"""What protects against giving too much. A price that a member cannot pay is no such thing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for: the kind of operation, with which merchant, under which name, how many points if they said."""

    actor: str
    kind: str
    merchant_id: str | None
    reference: str | None
    points: int | None = None


def asked_by(actor: Actor, kind: str, new: Any) -> Asked:
    """From a use case's input: its merchant, else the actor's own."""
    merchant_id = getattr(new, "merchant_id", None) or actor.merchant_id
    return Asked(actor.name, kind, merchant_id, getattr(new, "reference", None), getattr(new, "points", None))


def note(connection: Connection, asked: Asked, refusal: Refused, at: datetime) -> None:
    """One row more, or one time more."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    key = refusal.facts.get("key")
    new = make(refusals).values(
        name=_name(asked, refusal.code),
        merchant_id=asked.merchant_id,
        actor=asked.actor,
        kind=asked.kind,
        reference=asked.reference,
        code=refusal.code,
        key=key if isinstance(key, str) else None,
        points=asked.points,
        times=1,
        first_at=at,
        last_at=at,
    )
    again = {name: new.excluded[name] for name in ("last_at", "points", "key")} | {"times": refusals.c.times + 1}
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=again))


def _name(asked: Asked, code: str) -> str:
    words = (asked.merchant_id or "", asked.kind, asked.reference or asked.actor, code)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
