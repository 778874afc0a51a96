"""Slots of room under a merchant's ceiling. As they stood when they came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "ceiling_slots",
        sa.Column("merchant_id", sa.String(length=30), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("window_number", sa.BigInteger(), nullable=False),
        sa.Column("points_left", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points_left >= 0", name=op.f("ck_ceiling_slots_not_negative")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_ceiling_slots_merchant_id")),
        sa.PrimaryKeyConstraint("merchant_id", "slot", name=op.f("pk_ceiling_slots")),
    )


def downgrade() -> None:
    """Drops it, and lets every merchant's counter be counted anew: it holds what lay in the slots."""
    op.drop_table("ceiling_slots")
    op.execute("update merchants set window_number = null")
