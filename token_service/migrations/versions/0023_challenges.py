"""Challenges: what counts for them, and which were completed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes both tables, empty: no ruleset before had challenges."""
    op.create_table(
        "challenge_steps",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("challenge_id", sa.Text(), nullable=False),
        sa.Column("local_date", sa.String(length=10), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_challenge_steps_operation_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_challenge_steps_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenge_steps")),
    )
    op.create_index("ix_challenge_steps_member", "challenge_steps", ["member_id", "challenge_id"])
    op.create_table(
        "challenge_completions",
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("is_taken_back", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_challenge_completions_operation_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_challenge_completions_member_id")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_challenge_completions")),
    )
    op.create_index("ix_challenge_completions_member", "challenge_completions", ["member_id"])


def downgrade() -> None:
    """Takes both away."""
    op.drop_table("challenge_completions")
    op.drop_table("challenge_steps")
