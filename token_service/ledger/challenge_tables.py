"""What purchases and events count for in challenges, and which challenges members completed; both follow from the operations."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text

from token_service.ledger.schema import metadata

challenge_steps = Table(
    "challenge_steps",
    metadata,
    Column("id", Text, primary_key=True),  # operation/challenge
    Column("operation_id", String(30), ForeignKey("operations.id"), nullable=False),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("challenge_id", Text, nullable=False),
    Column("local_date", String(10), nullable=False),
    Column("amount", BigInteger, nullable=False),  # what is left of it after refunds
    Index("ix_challenge_steps_member", "member_id", "challenge_id"),
)

challenge_completions = Table(
    "challenge_completions",
    metadata,
    Column("operation_id", String(30), ForeignKey("operations.id"), primary_key=True),  # the event
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("subject", Text, nullable=False),  # challenge/which
    Column("is_taken_back", Boolean, nullable=False),
    Index("ix_challenge_completions_member", "member_id"),
)
