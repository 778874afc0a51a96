"""What staff do about files from an earlier programme: vouch for one, approve or decline a colleague's; all in the trail."""

from __future__ import annotations

from collections.abc import Iterable

from token_service.errors import Forbidden
from token_service.ledger import views
from token_service.ledger.context import Context
from token_service.ledger.import_inputs import NewImport, OpeningAccount
from token_service.ledger.imports import approve_import, declare_import, decline_import
from token_service.ledger.sessions import normal_email
from token_service.ledger.staff import Person
from token_service.ledger.staff_trail import Deed, perform

PERMISSION = "members:adjust"


def vouch_for(context: Context, person: Person, new: NewImport, *, points_to_come: int) -> views.Import:
    """The import in the person's name. Raises what `check_may` and `declare_import` raise."""
    check_may(person)

    def work(joined: Context) -> views.Import:
        return declare_import(joined, person.actor, new, points_to_come=points_to_come)

    return perform(context, person, work, lambda made: _deed("import.declared", made))


def approve_file(context: Context, person: Person, import_id: str) -> views.Import:
    """The import, approved. Raises what `check_may` and `approve_import` raise."""
    check_may(person)

    def work(joined: Context) -> views.Import:
        return approve_import(joined, person.actor, import_id)

    return perform(context, person, work, lambda made: _deed("import.approved", made))


def decline_file(context: Context, person: Person, import_id: str) -> views.Import:
    """The import, declined. Raises what `check_may` and `decline_import` raise."""
    check_may(person)

    def work(joined: Context) -> views.Import:
        return decline_import(joined, person.actor, import_id)

    return perform(context, person, work, lambda made: _deed("import.declined", made))


def check_may(person: Person) -> None:
    """Raises Forbidden for somebody who is disabled or may not change members' points."""
    if person.disabled_at is not None or not person.may(PERMISSION):
        raise Forbidden(
            "this person may not change members' points: an owner, a manager or support vouches for an import"
        )


def own_lines(person: Person, accounts: Iterable[OpeningAccount]) -> list[int]:
    """The lines of points that would be the person's own: a colleague brings those in."""
    return [
        lot.line
        for one in accounts
        if one.member.email is not None and normal_email(one.member.email) == normal_email(person.email)
        for lot in one.lots
    ]


def _deed(action: str, made: views.Import) -> Deed:
    figures = {"source": made.source, "members": made.members, "points": made.points, "file": made.file_hash}
    return Deed(action, made.id, merchant_id=made.merchant_id, detail=figures)
