"""The segments that members are in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column, empty: nobody is in a segment so far."""
    op.add_column("members", sa.Column("segments", sa.Text()))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("members", "segments")
