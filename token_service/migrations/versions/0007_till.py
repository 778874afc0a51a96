"""Wrong codes that tills gave, counted so that nobody guesses a member's; and what finds a till's day and who did it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table and the indexes."""
    op.create_table(
        "member_code_attempts",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_member_code_attempts_merchant_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_member_code_attempts")),
    )
    op.create_index(
        "ix_member_code_attempts_merchant", "member_code_attempts", ["merchant_id", "created_at"], unique=False
    )
    op.create_index("ix_member_code_attempts_created_at", "member_code_attempts", ["created_at"], unique=False)
    op.create_index("ix_operations_merchant_recorded_at", "operations", ["merchant_id", "recorded_at"], unique=False)
    op.create_index("ix_staff_actions_object", "staff_actions", ["object_id"], unique=False)


def downgrade() -> None:
    """Drops them."""
    op.drop_index("ix_staff_actions_object", table_name="staff_actions")
    op.drop_index("ix_operations_merchant_recorded_at", table_name="operations")
    op.drop_table("member_code_attempts")
