"""Repairs after an old ledger was restored: what was rebuilt, what could not be opened, whose references are unknown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REASONS = "reason in ('file_lost','member','erased','sealed','merchant','rules','origin','unknown')"


def upgrade() -> None:
    """Makes the tables and the columns."""
    op.create_table(
        "repairs",
        sa.Column("seq", SERIAL, nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("batch_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opened_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unknown_merchants", sa.JSON(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_repairs")),
    )
    op.create_table(
        "unopened_leaves",
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("leaf_id", sa.String(length=30), nullable=True),
        sa.Column("member_id", sa.String(length=30), nullable=True),
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.CheckConstraint(REASONS, name=op.f("ck_unopened_leaves_reason")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_unopened_leaves_batch_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_unopened_leaves_member_id")),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_unopened_leaves")),
        sa.UniqueConstraint("leaf_id", name=op.f("uq_unopened_leaves_leaf_id")),
    )
    op.create_index("ix_unopened_leaves_member", "unopened_leaves", ["member_id"], unique=False)
    op.add_column("batches", sa.Column("repair", sa.BigInteger(), nullable=True))
    op.add_column("batches", sa.Column("is_file_lost", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("program", sa.Column("unknown_references", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drops them."""
    op.drop_column("program", "unknown_references")
    for name in ("is_file_lost", "repair"):
        op.drop_column("batches", name)
    op.drop_index("ix_unopened_leaves_member", table_name="unopened_leaves")
    for table in ("unopened_leaves", "repairs"):
        op.drop_table(table)
