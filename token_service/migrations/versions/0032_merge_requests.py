"""Merges of accounts with so many points that a second person must ask for the same."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table, empty."""
    op.create_table(
        "merge_requests",
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.Column("into_id", sa.String(30), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_merge_requests_member_id_members")),
        sa.ForeignKeyConstraint(["into_id"], ["members.id"], name=op.f("fk_merge_requests_into_id_members")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_merge_requests")),
    )


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("merge_requests")
