"""Indexes without the rows that nobody looks for there, and one that is not mistaken for another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_SMALLER = (
    ("ix_leaves_not_before", "leaves", ["not_before"], "not_before is not null"),
    ("ix_operations_parent", "operations", ["parent_id"], "parent_id is not null"),
    ("ix_operations_merchant_recorded_at", "operations", ["merchant_id", "recorded_at"], "recorded_at > 0"),
)


def upgrade() -> None:
    """Makes them anew, partial."""
    for name, table, columns, condition in _SMALLER:
        op.drop_index(name, table)
        op.create_index(name, table, columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def downgrade() -> None:
    """Makes them anew, of every row."""
    for name, table, columns, _condition in _SMALLER:
        op.drop_index(name, table)
        op.create_index(name, table, columns)
