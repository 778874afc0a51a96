"""How many of a reward are left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table, empty: every reward can be had without end, as before."""
    op.create_table(
        "reward_stock",
        sa.Column("reward_id", sa.Text(), nullable=False),
        sa.Column("pieces_left", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.CheckConstraint("pieces_left >= 0", name=op.f("ck_reward_stock_not_negative")),
        sa.PrimaryKeyConstraint("reward_id", name=op.f("pk_reward_stock")),
    )


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("reward_stock")
