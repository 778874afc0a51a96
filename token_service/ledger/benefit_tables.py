"""Uses of benefits, and which were taken back; both follow from the operations."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from token_service.ledger.schema import UtcTime, metadata

benefit_uses = Table(
    "benefit_uses",
    metadata,
    Column("operation_id", String(30), ForeignKey("operations.id"), primary_key=True),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("benefit", String(40), nullable=False),
    Column("used_at", UtcTime, nullable=False),
    Column("reversed_at", UtcTime),
    Index("ix_benefit_uses_member", "member_id", "benefit"),
)
