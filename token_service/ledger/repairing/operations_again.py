"""An operation out of the detail of one of its leaves: what was asked and what was answered, as the use cases wrote it.

What a body said beyond the facts is not in a detail, so the content's hash stays unknown, and a repetition of the reference is
answered with this operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import select

from token_service.ledger import tables
from token_service.ledger.awards import operation_named
from token_service.ledger.operations import UNKNOWN_CONTENT
from token_service.ledger.repairing.gap import OpenedLeaf
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.units import EntryKind

Content = tuple[dict[str, Any], dict[str, Any]]
"""The facts and the result of an operation."""


def operation_again(tx: Transaction, leaf: OpenedLeaf) -> Operation:
    """The operation of this leaf, which is its first one that the ledger meets."""
    document = leaf.document
    facts, result = OPERATION_KINDS[document["operation"]](tx, leaf)
    return Operation(
        id=document["operation_id"],
        kind=document["operation"],
        merchant_id=document["merchant"],
        member_id=document.get("into") or tx.heir(tx.account(leaf.member_id)).id,  # counts for the account that stays
        parent_id=document.get("of"),
        store_id=_store(tx, document),
        reference=document["reference"],
        content_hash=UNKNOWN_CONTENT,
        ruleset_hash=document["ruleset"],
        occurred_at=leaf.occurred_at,
        recorded_at=leaf.recorded_at,
        facts=facts,
        result=result,
    )


def _purchase(tx: Transaction, leaf: OpenedLeaf) -> Content:
    document = leaf.document
    points = document["awarded"] if leaf.place.kind else document["points"]
    result = {"points": points, "breakdown": document["breakdown"]}
    result |= {name: document[name] for name in ("due_at", "delivery_by") if name in document}
    return document["facts"], result


def _refund(tx: Transaction, leaf: OpenedLeaf) -> Content:
    document = leaf.document
    facts = {"refund": document["refund"], "purchase": operation_named(tx, document["of"]).reference}
    cancelled = -document["points"] if leaf.kind == "award_cut" else 0
    restored = {"restored": document["restored"]} if "restored" in document else {}
    return facts, {"kept": document["kept"], **_taken_back(leaf), "pending_cancelled": cancelled, **restored}


def _reversal(tx: Transaction, leaf: OpenedLeaf) -> Content:
    return {"points": leaf.document["asked"], "reason": leaf.document["reason"]}, _taken_back(leaf)


def _taken_back(leaf: OpenedLeaf) -> dict[str, int]:
    is_reversal = leaf.place.kind == EntryKind.REVERSAL
    return {"reversed": leaf.place.amount if is_reversal else 0, "debt": leaf.document.get("debt", 0)}


def _issuance(tx: Transaction, leaf: OpenedLeaf) -> Content:
    document = leaf.document
    return {"points": leaf.place.amount, "reason": document["reason"], "actor": document["actor"]}, {}


def _adjustment(tx: Transaction, leaf: OpenedLeaf) -> Content:
    points = EntryKind(leaf.place.kind).sign * leaf.place.amount
    said = {
        name: leaf.document[name] for name in ("reason", "actor", "approved_by", "imported") if name in leaf.document
    }
    return {"points": points, **said}, {}


def _redemption(tx: Transaction, leaf: OpenedLeaf) -> Content:
    document = leaf.document
    facts = {"points": document["price"], "reward_id": document["reward"], "value": document["value"]}
    facts |= {name: document[name] for name in ("voucher", "order", "discount", "renewal") if name in document}
    return facts | ({"by_signature": document["transaction"]} if "quote_hash" in document else {}), {}


def _restoration(tx: Transaction, leaf: OpenedLeaf) -> Content:
    facts = {"points": leaf.place.amount, "reason": leaf.document["reason"]}
    facts |= {name: leaf.document[name] for name in ("refund",) if name in leaf.document}
    return facts, {"reversed": leaf.place.amount, "debt": 0}


def _event(_tx: Transaction, leaf: OpenedLeaf) -> Content:
    document = leaf.document
    points = document["awarded"] if leaf.place.kind else document["points"]
    won = {name: document[name] for name in ("voucher", "reward") if name in document}
    return document["facts"], {"points": points, "breakdown": document["breakdown"], **won}


def _hold(_tx: Transaction, leaf: OpenedLeaf) -> Content:
    return {"points": leaf.document["points_held"], "until": leaf.document["until"]}, {}


def _donation(_tx: Transaction, leaf: OpenedLeaf) -> Content:
    said = {name: leaf.document[name] for name in ("cause", "cause_name", "value")}
    reward = {"reward_id": leaf.document["reward"]} if "reward" in leaf.document else {}
    return said | {"points": leaf.place.amount} | reward, {}


def _merge(_tx: Transaction, leaf: OpenedLeaf) -> Content:
    names = ("from", "into", "from_account", "into_account", "reason", "actor", "approved_by")
    return {name: leaf.document[name] for name in names if name in leaf.document}, {}


def _benefit_use(_tx: Transaction, leaf: OpenedLeaf) -> Content:
    return leaf.document["facts"], leaf.document["decision"]


def _use_reversal(_tx: Transaction, leaf: OpenedLeaf) -> Content:
    return {"reason": leaf.document["reason"]}, {}


def _voucher_reversal(_tx: Transaction, leaf: OpenedLeaf) -> Content:
    names = ("voucher", "reward", "use", "used_at", "discount", "reason")
    return {name: leaf.document[name] for name in names if name in leaf.document}, {}


def _delivery(tx: Transaction, leaf: OpenedLeaf) -> Content:
    return {"purchase": operation_named(tx, leaf.document["of"]).reference}, {"due_at": leaf.document["due_at"]}


def _lapse(tx: Transaction, leaf: OpenedLeaf) -> Content:
    return {"purchase": operation_named(tx, leaf.document["of"]).reference}, {"lapsed": -leaf.document["points"]}


OPERATION_KINDS: Final[Mapping[str, Callable[[Transaction, OpenedLeaf], Content]]] = {
    "purchase": _purchase,
    "event": _event,
    "hold": _hold,
    "donation": _donation,
    "refund": _refund,
    "delivery": _delivery,
    "lapse": _lapse,
    "reversal": _reversal,
    "issuance": _issuance,
    "adjustment": _adjustment,
    "redemption": _redemption,
    "restoration": _restoration,
    "merge": _merge,
    "move": _merge,
    "benefit_use": _benefit_use,
    "use_reversal": _use_reversal,
    "voucher_reversal": _voucher_reversal,
}
"""What each kind of operation says in its details (docs/audit.md)."""


def _store(tx: Transaction, document: Mapping[str, Any]) -> str | None:
    """The store of a purchase, if the ledger has it; that of its purchase for what follows from it."""
    if document["operation"] in ("refund", "delivery", "lapse"):
        return operation_named(tx, document["of"]).store_id
    named = document.get("facts", {}).get("store")
    if named is None:
        return None
    found = tx.connection.execute(select(tables.stores.c.id).where(tables.stores.c.id == named)).scalar_one_or_none()
    return None if found is None else str(found)
