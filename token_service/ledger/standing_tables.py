"""What members let be used of their points on each renewal, and the renewals that were billed."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from token_service.ledger.schema import UtcTime, metadata

standing_orders = Table(
    "standing_orders",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Column("points", BigInteger, nullable=False),  # at most so many on each renewal
    Column("set_at", UtcTime, nullable=False),
    Column("set_by", Text, nullable=False),  # what the ledger calls whoever set it
    CheckConstraint("points > 0", name="points"),
)

renewals = Table(  # also those that used no points: asked again, they answer the same
    "renewals",
    metadata,
    Column("id", String(30), primary_key=True),  # rnw_
    Column("merchant_id", String(30), ForeignKey("merchants.id"), nullable=False),
    Column("reference", Text, nullable=False),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("value_cents", BigInteger, nullable=False),
    Column("why_none", String(20)),
    Column("redemption_id", String(30), ForeignKey("operations.id")),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("(points > 0) = (redemption_id is not null)", name="redemption"),
    UniqueConstraint("merchant_id", "reference"),
    Index("ix_renewals_member", "member_id"),
)
