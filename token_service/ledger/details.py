"""What is committed to for each entry and fact: the `detail` document of CONTRACT §2, as RFC 8785 text.

Every detail has v, id, the leaf's number in its account (1, 2, 3 …: a leaf that is kept back shows), kind and times; the
first one also says when the member joined. That of an operation has its reference, merchant, kind and the part's number:
an auditor counts one applied entry per (merchant, kind, reference, part). What else stands in it is said where it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from token_service.ledger.staged import Operation
from token_service.program.lots import Use
from token_service.protocol.receipts import jcs


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, with as many fractional digits as there are."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def detail(
    kind: str,
    *,
    leaf_id: str,
    number: int,
    joined_at: datetime,
    operation: Operation | None,
    ruleset_hash: str,
    occurred_at: datetime,
    recorded_at: datetime,
    more: Mapping[str, Any],
) -> str:
    """The text of one detail. `kind` is the entry's or the fact's word; `more` holds plain JSON values."""
    document: dict[str, Any] = {
        "v": 1,
        "id": leaf_id,
        "number": number,
        "kind": kind,
        "occurred_at": instant(occurred_at),
        "recorded_at": instant(recorded_at),
        "ruleset": ruleset_hash,
    }
    if number == 1:
        document["joined_at"] = instant(joined_at)
    if operation is not None:
        operation.parts += 1
        document |= {
            "operation": operation.kind,
            "operation_id": operation.id,
            "merchant": operation.merchant_id,
            "reference": operation.reference,
            "part": operation.parts,
        }
        if operation.parent_id is not None:
            document["of"] = operation.parent_id
    return jcs(document | dict(more))


def lots_of(uses: Iterable[Use]) -> list[dict[str, Any]]:
    """The lots that an entry consumed or brought back, for its detail."""
    return [
        {
            "lot": use.lot_id,
            "points": use.points,
            "expires_at": None if use.expires_at is None else instant(use.expires_at),
        }
        for use in uses
    ]
