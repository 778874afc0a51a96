"""Which redemption paid part of which purchase, at most one each way; follows from the purchases."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from token_service.ledger.schema import metadata

points_payments = Table(
    "points_payments",
    metadata,
    Column("purchase_id", String(30), ForeignKey("operations.id"), primary_key=True),
    Column("redemption_id", String(30), ForeignKey("operations.id"), nullable=False),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Index("uq_points_payments_redemption", "redemption_id", unique=True),
    Index("ix_points_payments_member", "member_id"),
)
