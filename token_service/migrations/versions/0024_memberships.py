"""Paid memberships."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "member_memberships",
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("membership", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=False),
        sa.Column("bought_at", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("keeps_until", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("is_renewal", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_member_memberships_operation_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_memberships_member_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_member_memberships_merchant_id")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_member_memberships")),
    )
    op.create_index("ix_member_memberships_member", "member_memberships", ["member_id"])
    op.create_index("ix_member_memberships_bought", "member_memberships", ["bought_at"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("member_memberships")
