"""Who else signs in to a member: the people of a company; and the trail of who let them in and shut them out."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from token_service.ledger.schema import Serial, UtcTime, metadata

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

member_user_changes = Table(  # append-only
    "member_user_changes",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("user_id", String(30), nullable=False),  # no longer a row of member_users once removed
    Column("change", String(10), CheckConstraint("change in ('added','removed')", name="change"), nullable=False),
    Column("email", Text, nullable=False),  # of whoever was let in or shut out
    Column("name", Text),
    Column("done_by", Text, nullable=False),  # the address of one of the company, else what the ledger calls them
    Column("is_by_user", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_member_user_changes_member", "member_id", "seq"),
)
