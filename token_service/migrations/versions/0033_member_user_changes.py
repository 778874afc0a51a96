"""The trail of who was let in to a company's wallet and who was shut out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table, empty: what was changed before is not known."""
    op.create_table(
        "member_user_changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.Column("user_id", sa.String(30), nullable=False),
        sa.Column("change", sa.String(10), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("is_by_user", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("change in ('added','removed')", name=op.f("ck_member_user_changes_change")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_user_changes_member_id_members")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_member_user_changes")),
    )
    op.create_index("ix_member_user_changes_member", "member_user_changes", ["member_id", "seq"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_index("ix_member_user_changes_member", "member_user_changes")
    op.drop_table("member_user_changes")
