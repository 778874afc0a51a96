"""A purchase names the redemption that paid part of it; its refunds give those points back (docs/api.md "Paid with points")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from token_service.errors import Conflict, NotFound, ReferenceConflict
from token_service.ledger import checks, direct, operations
from token_service.ledger.accounts import Account
from token_service.ledger.payment_tables import points_payments
from token_service.ledger.redemptions import give_back, payer_of, void_of
from token_service.ledger.staged import Operation, PointsPayment
from token_service.ledger.transaction import Transaction
from token_service.program.facts import PurchaseFacts
from token_service.program.points_payments import covers, still_to_give
from token_service.program.refunds import Refund

_PLACE = "/paid_by"


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What a refund gives back of the redemption that paid part of its purchase; `earlier` came back before."""

    redemption: Operation
    earlier: Sequence[Operation]
    points: int


def paying_redemption(tx: Transaction, account: Account, merchant_id: str, named: str, amount: int) -> str:
    """The id of the merchant's redemption of this id or reference, if it may pay so much of a new purchase of the member's.

    Raises InvalidInput, NotFound, Conflict (with `existing_id`) when it pays for another purchase.
    """
    checks.text(_PLACE, named, longest=checks.REFERENCE_LENGTH_MAX)
    if not amount:
        raise checks.wrong(_PLACE, "needs paid_with_points: what the redemption paid of this purchase")
    redemption = _named(tx, merchant_id, named)
    if tx.heir(tx.account(redemption.member_id)) is not account:
        raise checks.wrong(_PLACE, "is a redemption of another member's points")
    if redemption.facts["reward_id"] is not None:
        raise checks.wrong(_PLACE, "is a redemption for a reward: only points spent by amount pay for a purchase")
    if redemption.facts.get("by_signature"):
        raise checks.wrong(_PLACE, "was spent with the member's own signature: such points do not come back")
    left = 0 if void_of(tx, redemption) else redemption.facts["points"] - _restored(_restorations(tx, redemption))
    if not covers(tx.ruleset(redemption.ruleset_hash), left, amount):
        raise checks.wrong(_PLACE, "does not cover paid_with_points: what is left of its points is worth less")
    paid = _paid_by(tx, redemption.id)
    if paid is not None:
        raise Conflict("this redemption pays for another purchase already", existing_id=paid)
    return redemption.id


def stage_payment(tx: Transaction, purchase: Operation) -> None:
    """Stages the row of a purchase that names a redemption."""
    if purchase.facts.get("paid_by"):
        tx.staged.payments.append(_row(purchase))


def write_payments(tx: Transaction) -> None:
    """Writes what this transaction staged."""
    direct.append(tx.connection, points_payments, [_values(row) for row in tx.staged.payments])


def replayed_payments(done: Iterable[Operation]) -> dict[str, dict[str, Any]]:
    """The member's rows from operations alone."""
    return {one.id: _values(_row(one)) for one in done if one.kind == "purchase" and one.facts.get("paid_by")}


def due_back(
    tx: Transaction, purchase: Operation, facts: PurchaseFacts, refunds: tuple[Refund, ...], reference: str
) -> GivenBack | None:
    """What the newest of these refunds gives back; None where no redemption paid. Raises ReferenceConflict when the refund's
    reference names another restoration.
    """
    if facts.paid_by is None:
        return None
    redemption = operations.loaded(tx, [facts.paid_by])[facts.paid_by]
    earlier = _restorations(tx, redemption)
    if void_of(tx, redemption):
        return GivenBack(redemption, earlier, 0)
    points = redemption.facts["points"]
    due = still_to_give(points, facts, refunds, restored=_restored(earlier))
    if due and operations.exists(tx, purchase.merchant_id, "restoration", reference):
        first = operations.find(tx, purchase.merchant_id, "restoration", reference)
        detail = "this reference names a restoration of points already: the refund would make another one"
        raise ReferenceConflict(detail, existing_id=first.id)
    return GivenBack(redemption, earlier, due)


def give_payment_back(tx: Transaction, refund: Operation, due: GivenBack) -> Account:
    """Stages the restoration, under the refund's own reference. Answers the account that gets the points."""
    named = {"reference": refund.reference, "content_hash": operations.content_hash({"refund": refund.id})}
    said = {"refund": refund.id}
    give_back(tx, due.redemption, due.earlier, due.points, named, reason=None, actor_name="service", said=said)
    return payer_of(tx, due.redemption.id)


def _named(tx: Transaction, merchant_id: str, named: str) -> Operation:
    found = operations.loaded(tx, [named]).get(named)
    if found is not None and (found.kind, found.merchant_id) == ("redemption", merchant_id):
        return found
    try:
        return operations.find(tx, merchant_id, "redemption", named)
    except NotFound:
        raise NotFound("paid_by: no such redemption of this merchant's") from None


def _restorations(tx: Transaction, redemption: Operation) -> list[Operation]:
    return operations.children(tx, redemption.id, "restoration")


def _restored(restorations: Iterable[Operation]) -> int:
    return sum(one.facts["points"] for one in restorations)


def _paid_by(tx: Transaction, redemption_id: str) -> str | None:
    """The purchase that this redemption paid for."""
    for staged in tx.staged.payments:
        if staged.redemption_id == redemption_id:
            return staged.purchase_id
    query = select(points_payments.c.purchase_id).where(points_payments.c.redemption_id == redemption_id)
    found: str | None = tx.connection.execute(query).scalar_one_or_none()
    return found


def _row(purchase: Operation) -> PointsPayment:
    return PointsPayment(purchase.id, purchase.facts["paid_by"], purchase.member_id)


def _values(row: PointsPayment) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}
