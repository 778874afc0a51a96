"""Periods of paid memberships that members bought; what became of them follows from the operations."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text

from token_service.ledger.schema import UtcTime, metadata

member_memberships = Table(
    "member_memberships",
    metadata,
    Column("operation_id", String(30), ForeignKey("operations.id"), primary_key=True),  # the event
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("membership", Text, nullable=False),
    Column("merchant_id", String(30), ForeignKey("merchants.id"), nullable=False),
    Column("bought_at", UtcTime, nullable=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("keeps_until", UtcTime, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("is_renewal", Boolean, nullable=False),
    Column("ended_at", UtcTime),  # refunded
    Index("ix_member_memberships_member", "member_id"),
    Index("ix_member_memberships_bought", "bought_at"),
)
