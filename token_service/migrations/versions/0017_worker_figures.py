"""What only workers know, for /metrics: calls to nodes, how nodes stand, what the signer did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "worker_figures",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("labels", sa.String(length=400), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "labels", name=op.f("pk_worker_figures")),
    )


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("worker_figures")
