"""By what a person is known whom a shop has verified: keyed hashes of e-mail addresses and telephones, never the texts."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table

from token_service.ledger.schema import UtcTime, metadata

member_contacts = Table(
    "member_contacts",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Column("contact_hash", String(64), primary_key=True),
    Column("kind", String(5), CheckConstraint("kind in ('email','phone')", name="kind"), nullable=False),
    Column("verified_at", UtcTime, nullable=False),
    Index("ix_member_contacts_hash", "contact_hash"),
)

waiting_welcomes = Table(  # members whose welcome waits until somebody says who they are
    "waiting_welcomes",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Column("since", UtcTime, nullable=False),
)
