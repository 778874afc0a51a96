"""Who invited whom: members' own codes, and what became of each invitation. Devices and households are known by their
hashes only.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table, Text

from token_service.ledger.schema import UtcTime, metadata

invitations = Table(
    "invitations",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Column("code", String(8), nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
)

member_devices = Table(
    "member_devices",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Column("device_hash", String(64), nullable=False, index=True),
)

member_households = Table(
    "member_households",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Column("household_hash", String(64), nullable=False, index=True),  # keyed: addresses can be guessed
)

referrals = Table(
    "referrals",
    metadata,
    Column("id", String(30), primary_key=True),  # rfl_
    Column("referee_id", String(30), ForeignKey("members.id"), nullable=False, unique=True),
    Column("referrer_id", String(30), ForeignKey("members.id"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", Text),  # why it was refused
    Column("due_at", UtcTime),  # when it is looked at: never before the first purchase
    Column("decided_at", UtcTime),
    CheckConstraint("state in ('waiting','paid','refused','taken_back')", name="state"),
    Index("ix_referrals_due", "due_at"),
)
