"""Several lanes: one that retires, why one stands still as a code, what a person decided, and who works on what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns and the table. A lane that is halted or blocked has no code until it changes again."""
    op.add_column("lanes", sa.Column("reason_code", sa.String(length=24), nullable=True))
    op.add_column("lanes", sa.Column("is_retiring", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("lanes", sa.Column("cleared_at", sa.BigInteger(), nullable=True))
    op.add_column("lanes", sa.Column("cleared_because", sa.Text(), nullable=True))
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=48), nullable=False),
        sa.Column("holder", sa.String(length=48), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_index("ix_members_lane", "members", ["lane"], unique=False)


def downgrade() -> None:
    """Drops them."""
    op.drop_index("ix_members_lane", table_name="members")
    op.drop_table("leases")
    for name in ("cleared_because", "cleared_at", "is_retiring", "reason_code"):
        op.drop_column("lanes", name)
