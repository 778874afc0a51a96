"""The trail of what was changed of members' own data: which fields, by whom, when. Never what they were or became."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from token_service.ledger.schema import Serial, UtcTime, metadata

member_changes = Table(  # append-only
    "member_changes",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("fields", Text, nullable=False),  # names of columns of members with blanks between them, sorted
    Column("done_by", Text, nullable=False),  # what the ledger calls whoever did it
    Column("created_at", UtcTime, nullable=False),
    Index("ix_member_changes_member", "member_id", "seq"),
)
