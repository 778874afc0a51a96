"""Merges: those that wait for a second person; and points on the way, which come in once what goes out is on the chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from token_service.ledger.schema import Serial, UtcTime, metadata

member_moves = Table(
    "member_moves",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("operation_id", String(30), ForeignKey("operations.id"), nullable=False),
    Column("out_leaf_seq", BigInteger, nullable=False),  # the last leaf of the account that the points leave
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),  # where they go
    Column("in_leaf_seq", BigInteger, nullable=False),  # the first leaf there that waits
    Index("ix_member_moves_member", "member_id"),
)

merge_requests = Table(
    "merge_requests",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),  # the account that would go
    Column("into_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
