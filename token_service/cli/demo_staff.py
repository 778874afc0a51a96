"""People for the demonstration: who signs in at /staff, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from token_service.ledger.context import Context

OWNER: Final = "owner@example.com"


def owner_sign_in(context: Context) -> str:
    """How the owner signs in to the console: with the password drawn when they are added, which is told this once; later,
    how to get another one.
    """
    from token_service.ledger.context import Actor
    from token_service.ledger.staff import NewPerson, add_person, find_person

    if find_person(context, OWNER) is not None:
        return f"sign in as {OWNER}; a new password: mereau staff reset-password {OWNER}"
    made = add_person(context, Actor.admin("demo"), NewPerson(OWNER, "Olga", "owner"))
    return f"sign in as {OWNER} with {made.password} (first visit only; shown once)"
