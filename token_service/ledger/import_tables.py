"""Files of members that were brought in from an earlier programme, each decided about as a whole."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, Text, text

from token_service.ledger.schema import UtcTime, metadata

imports = Table(
    "imports",
    metadata,
    Column("id", String(30), primary_key=True),  # imp_
    Column("file_hash", String(64), nullable=False, unique=True),  # SHA-256 of its bytes, hex
    Column("source", Text, nullable=False),  # what the earlier programme was called
    Column("merchant_id", String(30), ForeignKey("merchants.id"), nullable=False),
    Column("welcomes", Boolean, nullable=False),  # whether its members get what joining brings
    Column("members", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("proposed_by", Text, nullable=False),  # what the ledger calls whoever vouches for it
    Column("created_at", UtcTime, nullable=False),
    Column(
        "state",
        String(8),
        CheckConstraint("state in ('alone','open','approved','declined')", name="state"),
        nullable=False,
    ),
    Column("decided_by", Text),
    Column("decided_at", UtcTime),
    Index(
        "ix_imports_open", "created_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")
    ),
)
