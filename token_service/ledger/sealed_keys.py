"""Members' sealed keys as they lie in the ledger, for sealing them anew. What is inside, custody alone knows."""

from __future__ import annotations

from sqlalchemy import select, update

from token_service.ledger.store import Store
from token_service.ledger.tables import member_keys


def sealed_keys(store: Store, after: str, limit: int) -> list[tuple[str, str, bytes]]:
    """Member, address and box, in the members' order behind `after` ("" for the first)."""
    columns = member_keys.c
    query = select(columns.member_id, columns.address, columns.sealed_key).where(
        columns.member_id > after, columns.sealed_key != b""
    )
    with store.read() as connection:
        found = connection.execute(query.order_by(columns.member_id).limit(limit))
        return [(member_id, address, bytes(box)) for member_id, address, box in found]


def replace_sealed_keys(store: Store, changes: list[tuple[str, bytes, bytes]]) -> int:
    """How many were replaced: (member, old box, new box), each only if it is the old one still."""
    columns = member_keys.c

    with store.write() as connection:
        return sum(
            connection.execute(
                update(member_keys)
                .where(columns.member_id == member_id, columns.sealed_key == old)
                .values(sealed_key=new)
            ).rowcount
            for member_id, old, new in changes
        )
