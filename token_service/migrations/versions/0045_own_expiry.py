"""Which lots keep their date whatever the member does: their award had an expiry of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column: no award had an expiry of its own before."""
    op.add_column("lots", sa.Column("keeps_date", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("lots", "keeps_date")
