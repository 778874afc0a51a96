"""The leaves of a batch as they stood in its tree, in position order: also those that were deferred and now wait
elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Row, Select, select

from token_service.errors import NotFound
from token_service.ledger.repair_tables import unopened_leaves
from token_service.ledger.settlement_tables import deferrals, leaves


@dataclass(frozen=True, slots=True)
class BatchLeaf:
    """One leaf at its place. `skip_reason` is the contract's word on this place, None if it was applied (or is not
    mined).
    """

    position: int
    id: str
    member_id: str
    account: str
    kind: int
    party: int
    amount: int
    commitment: str
    skip_reason: int | None


def leaves_of_batch(connection: Connection, batch_id: int) -> list[BatchLeaf]:
    """All leaves of the batch, positions 0 … leaf_count − 1, its words first."""
    here = _leaves(leaves.c.position, leaves.c.skip_reason).where(leaves.c.batch_id == batch_id)
    gone = _leaves(deferrals.c.position, deferrals.c.reason).join(deferrals, deferrals.c.leaf_id == leaves.c.id)
    rows = [*connection.execute(here), *connection.execute(gone.where(deferrals.c.batch_id == batch_id))]
    return sorted((BatchLeaf(*row) for row in rows), key=lambda leaf: leaf.position)


def need_file(batch: Row[Any]) -> None:
    """Raises NotFound for a batch whose receipt file was lost with its ledger: what it committed to is not known any more."""
    if batch.is_file_lost:
        raise NotFound("the receipt file of this batch was lost: only its words on the chain are known")


def unopened(connection: Connection, leaf_ids: Sequence[str]) -> set[str]:
    """Those of these leaves whose detail was lost: what stands in for it opens nothing."""
    columns = unopened_leaves.c
    query = select(columns.leaf_id).where(columns.leaf_id.in_(leaf_ids))
    return set(connection.execute(query).scalars())


def ids_of_batch(batch_id: int) -> CompoundSelect[str]:
    """The same leaves' ids, to select by."""
    here = select(leaves.c.id).where(leaves.c.batch_id == batch_id)
    return here.union_all(select(deferrals.c.leaf_id).where(deferrals.c.batch_id == batch_id))


def _leaves(
    position: ColumnElement[Any], reason: ColumnElement[Any]
) -> Select[Any, Any, Any, Any, Any, Any, Any, Any, Any]:
    """One row for each leaf, its columns in the order of BatchLeaf's fields."""
    columns = leaves.c
    fixed = columns.id, columns.member_id, columns.account, columns.kind, columns.party, columns.amount
    return select(position, *fixed, columns.commitment, reason)
