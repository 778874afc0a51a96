"""Uses of benefits that levels, memberships and campaigns grant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table, empty: nothing was used before."""
    op.create_table(
        "benefit_uses",
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("benefit", sa.String(length=40), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("reversed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_benefit_uses_operation_id_operations")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_benefit_uses_member_id_members")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_benefit_uses")),
    )
    op.create_index("ix_benefit_uses_member", "benefit_uses", ["member_id", "benefit"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_index("ix_benefit_uses_member", "benefit_uses")
    op.drop_table("benefit_uses")
