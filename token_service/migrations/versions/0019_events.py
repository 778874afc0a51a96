"""Events: what they count for in levels, what they were about, and when to look at a birthday."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

LONG_AGO = "1970-01-01"


def upgrade() -> None:
    """Adds the columns; whoever told a birth date is looked at when birthdays are next due."""
    op.add_column("purchases", sa.Column("tier_engagement", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("campaign_uses", sa.Column("subject", sa.String(length=200), nullable=True))
    op.add_column("members", sa.Column("birthday_due_on", sa.Date(), nullable=True))
    op.execute(f"update members set birthday_due_on = '{LONG_AGO}' where birth_date is not null")
    op.create_index(
        "ix_members_birthday_due_on",
        "members",
        ["birthday_due_on"],
        sqlite_where=sa.text("birthday_due_on is not null"),
        postgresql_where=sa.text("birthday_due_on is not null"),
    )


def downgrade() -> None:
    """Takes them away. Events stay among the operations."""
    op.drop_index("ix_members_birthday_due_on", "members")
    op.drop_column("members", "birthday_due_on")
    op.drop_column("campaign_uses", "subject")
    op.drop_column("purchases", "tier_engagement")
