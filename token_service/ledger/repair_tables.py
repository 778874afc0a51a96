"""What `mereau repair` did after an old ledger was restored, and what of the chain it could not open.

A row of `unopened_leaves` is a place in a batch whose detail nobody here can read any more. Its points are in the ledger, under
an entry that stands in for the lost one, so that balances equal the chain.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from token_service.ledger import settlement_tables, tables
from token_service.ledger.schema import Serial, UtcTime, metadata

__all__ = ["repairs", "settlement_tables", "tables", "unopened_leaves"]

repairs = Table(
    "repairs",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("begun_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),  # None: it was cut off, nothing is settled until it went on
    Column("batch_count", Integer, nullable=False, server_default="0"),
    Column("opened_count", Integer, nullable=False, server_default="0"),  # leaves that were written again
    Column("unknown_merchants", JSON, nullable=False),  # whose references of the gap nobody knows; ["*"]: everybody's
    Column("accepted_at", UtcTime),  # when a person decided that their references may be used again …
    Column("accepted_because", Text),  # … and why
)

unopened_leaves = Table(
    "unopened_leaves",
    metadata,
    Column("batch_id", BigInteger, ForeignKey("batches.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("leaf_id", String(30), unique=True),  # None: the contract skipped it, and nobody knows what it was
    Column("member_id", String(30), ForeignKey("members.id")),
    Column("account", String(42), nullable=False),
    Column("kind", Integer, nullable=False),
    Column("party", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False),
    CheckConstraint(
        "reason in ('file_lost','member','erased','sealed','merchant','rules','origin','unknown')", name="reason"
    ),
    Index("ix_unopened_leaves_member", "member_id"),
)
