"""When to look at an anniversary, and how far scheduled bonuses have been given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

LONG_AGO = "1970-01-01"


def upgrade() -> None:
    """Adds them; everybody is looked at when anniversaries are next due."""
    op.add_column("members", sa.Column("anniversary_due_on", sa.Date(), nullable=True))
    op.execute(f"update members set anniversary_due_on = '{LONG_AGO}' where merged_into is null")
    op.create_index("ix_members_anniversary_due_on", "members", ["anniversary_due_on"])
    op.create_table(
        "schedule_runs",
        sa.Column("schedule_id", sa.String(40), nullable=False),
        sa.Column("period", sa.String(10), nullable=False),
        sa.Column("place", sa.String(30), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("schedule_id", "period", name=op.f("pk_schedule_runs")),
    )
    op.create_table(
        "schedule_waits",
        sa.Column("schedule_id", sa.String(40), nullable=False),
        sa.Column("period", sa.String(10), nullable=False),
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_schedule_waits_member_id_members")),
        sa.PrimaryKeyConstraint("schedule_id", "period", "member_id", name=op.f("pk_schedule_waits")),
    )
    op.create_index("ix_schedule_waits_member", "schedule_waits", ["member_id"])


def downgrade() -> None:
    """Takes them away. What was given stays among the operations."""
    op.drop_index("ix_schedule_waits_member", "schedule_waits")
    op.drop_table("schedule_waits")
    op.drop_table("schedule_runs")
    op.drop_index("ix_members_anniversary_due_on", "members")
    op.drop_column("members", "anniversary_due_on")
