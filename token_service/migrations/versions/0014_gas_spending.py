"""What a transaction's gas cost, and when: so that a day's spending can be bounded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns. What was mined before is not counted."""
    op.add_column("transactions", sa.Column("fee_gwei", sa.BigInteger(), nullable=True))
    op.add_column("transactions", sa.Column("mined_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_transactions_mined_at", "transactions", ["mined_at"], unique=False)


def downgrade() -> None:
    """Drops them."""
    op.drop_index("ix_transactions_mined_at", table_name="transactions")
    for name in ("mined_at", "fee_gwei"):
        op.drop_column("transactions", name)
