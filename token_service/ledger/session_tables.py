"""Who is signed in on the pages: codes sent by e-mail, sessions, and the demo's mails.

None of this is a source of points (DESIGN §3.1): rows here are deleted when they are of no more use. Neither a code nor
a session token is stored, only what recognises it: a stolen copy of the database signs nobody in.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from token_service.ledger.schema import Serial, UtcTime, metadata

sign_in_codes = Table(
    "sign_in_codes",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("ticket_hash", String(64), nullable=False, unique=True),  # SHA-256 hex of the browser's 256-bit ticket
    Column("code_hash", String(64), nullable=False),  # SHA-256 hex of ticket ‖ code: useless without the ticket
    Column("email", Text, nullable=False),  # normalised; a row is made for unknown addresses too
    Column("client_address", String(64), nullable=False),  # IPv4, or the /64 of an IPv6: whom the limits count
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    CheckConstraint("attempts >= 0", name="attempts"),
    Index("ix_sign_in_codes_email", "email", "created_at"),
    Index("ix_sign_in_codes_client_address", "client_address", "created_at"),
    Index("ix_sign_in_codes_created_at", "created_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(30), primary_key=True),  # ses_
    Column("token_hash", String(64), nullable=False, unique=True),  # SHA-256 hex of the cookie's 256 random bits
    Column("email", Text, nullable=False),  # what was proved: whoever reads this address signed in
    Column("member_id", String(30), ForeignKey("members.id")),  # None until one of several members is chosen
    Column("device", Text, nullable=False),  # browser and system in a few words, for the list of sessions
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("ix_sessions_email", "email"),
    Index("ix_sessions_expires_at", "expires_at"),
)

mails = Table(  # the demo's mailbox only: with a mail server nothing is kept
    "mails",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_mails_created_at", "created_at"),
)
