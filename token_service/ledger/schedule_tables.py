"""How far scheduled bonuses have been given; what was given follows from the operations."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from token_service.ledger.schema import UtcTime, metadata

schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("schedule_id", String(40), primary_key=True),
    Column("period", String(10), primary_key=True),
    Column("place", String(30), nullable=False),  # the last member who was looked at
    Column("ended_at", UtcTime),
)
schedule_waits = Table(  # members who were frozen when they were looked at
    "schedule_waits",
    metadata,
    Column("schedule_id", String(40), primary_key=True),
    Column("period", String(10), primary_key=True),
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Index("ix_schedule_waits_member", "member_id"),
)
