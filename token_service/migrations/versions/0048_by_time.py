"""Indexes for what is asked by time: a period's entries and vouchers, a member's spending of today, whose level or day is due, a
merchant's newest notices.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_IS_SPENDING = "kind in ('redemption','donation')"
_IS_USED = "used_at is not null"
_IS_DUE = "tier_due_at is not null"
_HAS_ONE = "birthday_due_on is not null"


def upgrade() -> None:
    """Makes them. Times of entries follow their numbers, so that PostgreSQL needs no entry of an index for each of them; without
    `autosummarize` it would read all that came since the last vacuum.
    """
    op.create_index(
        "ix_entries_recorded_at",
        "entries",
        ["recorded_at"],
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": 32},
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("alter index ix_notices_created_at set (autosummarize = on)")
    _partial("ix_operations_spent", "operations", ["member_id", "recorded_at"], _IS_SPENDING)
    _partial("ix_vouchers_used_at", "vouchers", ["used_at"], _IS_USED)
    op.create_index("ix_notices_member_seq", "notices", ["member_id", "seq"])
    for name in ("ix_members_tier_due_at", "ix_members_birthday_due_on", "ix_members_anniversary_due_on"):
        op.drop_index(name, "members")
    _partial("ix_members_tier_due_at", "members", ["tier_due_at", "id"], _IS_DUE)
    _partial("ix_members_birthday_due_on", "members", ["birthday_due_on", "id"], _HAS_ONE)
    op.create_index("ix_members_anniversary_due_on", "members", ["anniversary_due_on", "id"])


def downgrade() -> None:
    """Takes them away."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("alter index ix_notices_created_at reset (autosummarize)")
    for name in ("ix_members_tier_due_at", "ix_members_birthday_due_on", "ix_members_anniversary_due_on"):
        op.drop_index(name, "members")
    op.create_index("ix_members_tier_due_at", "members", ["tier_due_at"])
    _partial("ix_members_birthday_due_on", "members", ["birthday_due_on"], _HAS_ONE)
    op.create_index("ix_members_anniversary_due_on", "members", ["anniversary_due_on"])
    op.drop_index("ix_notices_member_seq", "notices")
    op.drop_index("ix_vouchers_used_at", "vouchers")
    op.drop_index("ix_operations_spent", "operations")
    op.drop_index("ix_entries_recorded_at", "entries")


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
