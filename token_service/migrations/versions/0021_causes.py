"""Causes: to whom members give points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "causes",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_causes")),
        sa.UniqueConstraint("party", name=op.f("uq_causes_party")),
        sa.UniqueConstraint("name", name=op.f("uq_causes_name")),
    )


def downgrade() -> None:
    """Takes it away. Donations stay among the operations."""
    op.drop_table("causes")
