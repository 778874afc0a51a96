"""People for the demonstration: who signs in at /staff, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from token_service.ledger.context import Context

CASHIER: Final = "till@example.com"
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


def cashier_password(context: Context, merchant_id: str) -> str:
    """The first password of the merchant's cashier, who is added if there is none yet; any earlier one ends."""
    from token_service.ledger.context import Actor
    from token_service.ledger.staff import NewPerson, add_person, find_person, reset_password

    known = find_person(context, CASHIER)
    if known is not None:
        return reset_password(context, Actor.admin("demo"), known.id).password
    return add_person(context, Actor.admin("demo"), NewPerson(CASHIER, "Camille", "cashier", merchant_id)).password
