"""Members count their leaves, so that each detail can say its number and a leaf that is kept back shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Counts what was recorded so far; those details have no number."""
    op.add_column("members", sa.Column("leaf_count", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        sa.text("update members set leaf_count = (select count(*) from leaves where leaves.member_id = members.id)")
    )


def downgrade() -> None:
    """Forgets the count."""
    op.drop_column("members", "leaf_count")
