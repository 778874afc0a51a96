"""What one merchant has given and taken in, over all time: sums of entries by its party number."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from token_service.ledger import tables
from token_service.ledger.context import Context
from token_service.units import EntryKind


@dataclass(frozen=True, slots=True)
class MerchantTotals:
    """Points, each ≥ 0; `members` is how many know the merchant."""

    issued: int
    redeemed: int
    reversed: int
    restored: int
    members: int


def merchant_totals(context: Context, merchant_id: str) -> MerchantTotals:
    """The sums now; all 0 for a merchant that nobody knows."""
    entries, merchants, links = tables.entries.c, tables.merchants.c, tables.member_merchants.c
    party = select(merchants.party).where(merchants.id == merchant_id).scalar_subquery()
    query = select(entries.kind, func.sum(entries.points)).where(entries.party == party).group_by(entries.kind)
    counted = select(func.count()).select_from(tables.member_merchants).where(links.merchant_id == merchant_id)
    with context.store.read() as connection:
        sums = {EntryKind(kind): abs(int(points)) for kind, points in connection.execute(query)}
        members = int(connection.execute(counted).scalar_one())
    return MerchantTotals(
        issued=sums.get(EntryKind.ISSUANCE, 0),
        redeemed=sums.get(EntryKind.REDEMPTION, 0),
        reversed=sums.get(EntryKind.REVERSAL, 0),
        restored=sums.get(EntryKind.RESTORATION, 0),
        members=members,
    )
