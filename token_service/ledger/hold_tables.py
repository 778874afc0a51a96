"""What is set aside of members' points until it is captured or released."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, text

from token_service.ledger.schema import UtcTime, metadata

holds = Table(  # cached: from the facts `held` and `released`, and redemptions of holds
    "holds",
    metadata,
    Column("operation_id", String(30), ForeignKey("operations.id"), primary_key=True),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column(
        "state",
        String(8),
        CheckConstraint("state in ('open','captured','released','expired')", name="state"),
        nullable=False,
    ),
    Column("lots", JSON, nullable=False),  # [[lot, points], …]: what an open one sets aside, in the order of use
    Index("ix_holds_member", "member_id"),
    Index("ix_holds_open", "expires_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)
