"""Who else signs in to a member: the people of a company."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from token_service.ledger.schema import UtcTime, metadata

member_users = Table(
    "member_users",
    metadata,
    Column("id", String(30), primary_key=True),  # usr_
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("email", Text, nullable=False),  # normalised
    Column("name", Text),
    Column("since", UtcTime, nullable=False),
    Column("added_by", Text, nullable=False),  # what the ledger calls whoever added them
    UniqueConstraint("member_id", "email"),
    Index("ix_member_users_email", "email"),
)
