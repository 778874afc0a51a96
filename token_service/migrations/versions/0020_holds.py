"""Holds: points set aside at checkout, and the lots that they name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; nothing was held before."""
    op.add_column("lots", sa.Column("points_held", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "holds",
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("lots", sa.JSON(), nullable=False),
        sa.CheckConstraint("state in ('open','captured','released','expired')", name=op.f("ck_holds_state")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_holds_operation_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_holds_member_id")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_member", "holds", ["member_id"], unique=False)
    op.create_index(
        "ix_holds_open",
        "holds",
        ["expires_at"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    """Takes them away. Holds stay among the operations."""
    op.drop_table("holds")
    op.drop_column("lots", "points_held")
