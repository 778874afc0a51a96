"""Adjustments that wait for a second person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "proposals",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("operation_id", sa.String(length=30), nullable=True),
        sa.CheckConstraint("state in ('open','approved','declined')", name=op.f("ck_proposals_state")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_proposals_member_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_proposals_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
        sa.UniqueConstraint("reference", name=op.f("uq_proposals_reference")),
    )
    op.create_index(
        "ix_proposals_open",
        "proposals",
        ["created_at"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    """Takes it away. What was approved stays among the operations."""
    op.drop_table("proposals")
