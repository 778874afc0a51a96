"""What members were told of, each once, and up to where a member has seen it.

Rows of `notices` are only ever added. They are numbered as they are written, not as they become visible: `stored_at`, by the
database's own clock, lets a reader know how far all are there (notices.py).
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, String, Table, UniqueConstraint, text

from token_service.ledger.schema import Serial, UtcTime, metadata

notices = Table(
    "notices",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # ntc_
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("kind", String(24), nullable=False),  # program/notices.py
    Column("cause", String(120), nullable=False),  # what it is about: with member and kind, it is said once
    Column("created_at", UtcTime, nullable=False),
    Column("data", JSON, nullable=False),
    # microseconds since 1970; the migration has PostgreSQL's clock fill it in, and SQLite writes one after the other anyhow
    Column("stored_at", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("member_id", "kind", "cause"),
    Index("ix_notices_member_seq", "member_id", "seq"),
    Index(  # times follow the numbers
        "ix_notices_created_at", "created_at", postgresql_using="brin", postgresql_with={"autosummarize": "on"}
    ),
)

seen_notices = Table(
    "seen_notices",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Column("seq", BigInteger, nullable=False),  # of the newest one that was on the page
    Column("seen_at", UtcTime, nullable=False),
)
