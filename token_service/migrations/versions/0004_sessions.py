"""Signing in on the pages, as they stood at the first release.

Explicit on purpose: a migration says what it did then, whatever the tables become.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = (
    "mails",
    "sign_in_codes",
    "sessions",
)


def upgrade() -> None:
    """Makes the tables and their indexes."""
    _mails()
    _sign_in_codes()
    _sessions()


def downgrade() -> None:
    """Drops them all."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _mails() -> None:
    op.create_table(
        "mails",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_mails")),
    )
    op.create_index("ix_mails_created_at", "mails", ["created_at"], unique=False)


def _sign_in_codes() -> None:
    op.create_table(
        "sign_in_codes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("client_address", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_sign_in_codes_attempts")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_sign_in_codes")),
        sa.UniqueConstraint("ticket_hash", name=op.f("uq_sign_in_codes_ticket_hash")),
    )
    op.create_index("ix_sign_in_codes_client_address", "sign_in_codes", ["client_address", "created_at"], unique=False)
    op.create_index("ix_sign_in_codes_created_at", "sign_in_codes", ["created_at"], unique=False)
    op.create_index("ix_sign_in_codes_email", "sign_in_codes", ["email", "created_at"], unique=False)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_sessions_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index("ix_sessions_email", "sessions", ["email"], unique=False)
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)
