"""What limits and ceilings refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table, empty: what was refused before is in logs only."""
    op.create_table(
        "refusals",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.String(30)),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("reference", sa.Text()),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("key", sa.String(60)),
        sa.Column("points", sa.BigInteger()),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_refusals")),
        sa.UniqueConstraint("name", name=op.f("uq_refusals_name")),
    )
    op.create_index("ix_refusals_merchant", "refusals", ["merchant_id", "seq"])
    op.create_index("ix_refusals_last_at", "refusals", ["last_at"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_index("ix_refusals_last_at", "refusals")
    op.drop_index("ix_refusals_merchant", "refusals")
    op.drop_table("refusals")
