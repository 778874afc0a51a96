"""People for the demonstration: each with a first password, drawn anew whenever the demonstration starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from token_service.ledger.context import Context

CASHIER: Final = "till@example.com"


def cashier_password(context: Context, merchant_id: str) -> str:
    """The first password of the merchant's cashier, who is added if there is none yet; any earlier one ends."""
    from token_service.ledger.context import Actor
    from token_service.ledger.staff import NewPerson, add_person, find_person, reset_password

    known = find_person(context, CASHIER)
    if known is not None:
        return reset_password(context, Actor.admin("demo"), known.id).password
    return add_person(context, Actor.admin("demo"), NewPerson(CASHIER, "Camille", "cashier", merchant_id)).password
