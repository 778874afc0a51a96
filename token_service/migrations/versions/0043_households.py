"""Households of members, by their keyed hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table, empty: nobody said a household before."""
    op.create_table(
        "member_households",
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("household_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_households_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_households")),
    )
    op.create_index(op.f("ix_member_households_household_hash"), "member_households", ["household_hash"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("member_households")
