"""Members that became part of another one, and their points on the way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds what is empty for every member so far."""
    op.add_column("members", sa.Column("merged_into", sa.String(30)))
    op.add_column("members", sa.Column("carried_visit", sa.String(60)))
    op.create_index("ix_members_merged_into", "members", ["merged_into"])
    op.create_table(
        "member_moves",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("operation_id", sa.String(30), nullable=False),
        sa.Column("out_leaf_seq", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.Column("in_leaf_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_member_moves_operation_id_operations")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_moves_member_id_members")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_member_moves")),
    )
    op.create_index("ix_member_moves_member", "member_moves", ["member_id"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_index("ix_member_moves_member", "member_moves")
    op.drop_table("member_moves")
    op.drop_index("ix_members_merged_into", "members")
    op.drop_column("members", "carried_visit")
    op.drop_column("members", "merged_into")
