"""Adjustments above the ruleset's limit, waiting for a second person."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text, text

from token_service.ledger.schema import UtcTime, metadata

proposals = Table(
    "proposals",
    metadata,
    Column("id", String(30), primary_key=True),  # prp_
    Column("reference", Text, nullable=False, unique=True),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("merchant_id", String(30), ForeignKey("merchants.id")),  # None: the programme itself
    Column("points", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),  # what the ledger calls whoever proposed it
    Column("created_at", UtcTime, nullable=False),
    Column(
        "state", String(8), CheckConstraint("state in ('open','approved','declined')", name="state"), nullable=False
    ),
    Column("decided_by", Text),
    Column("decided_at", UtcTime),
    Column("operation_id", String(30)),  # the adjustment that it became, made in the same transaction
    Index(
        "ix_proposals_open", "created_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")
    ),
)
