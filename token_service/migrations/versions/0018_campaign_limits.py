"""What limited campaigns have given: uses by member, and sums against budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables; no campaign had limits before."""
    op.create_table(
        "campaign_uses",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("campaign_id", sa.String(length=40), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_campaign_uses_operation_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_campaign_uses_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_uses")),
    )
    op.create_index("ix_campaign_uses_member", "campaign_uses", ["member_id", "campaign_id"], unique=False)
    op.create_index("ix_campaign_uses_operation", "campaign_uses", ["operation_id"], unique=False)
    op.create_table(
        "campaign_budgets",
        sa.Column("campaign_id", sa.String(length=40), nullable=False),
        sa.Column("used_points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used_points >= 0", name=op.f("ck_campaign_budgets_used_points")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_budgets")),
    )


def downgrade() -> None:
    """Takes them away."""
    op.drop_table("campaign_budgets")
    op.drop_table("campaign_uses")
