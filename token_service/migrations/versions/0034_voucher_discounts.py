"""What vouchers took off the orders that they were used for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column, empty: of earlier uses no order was said."""
    op.add_column("vouchers", sa.Column("discount_cents", sa.BigInteger()))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("vouchers", "discount_cents")
