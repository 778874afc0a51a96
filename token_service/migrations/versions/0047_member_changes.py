"""The trail of what was changed of members' own data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table, empty: nothing could be changed before."""
    op.create_table(
        "member_changes",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_changes_member_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_member_changes")),
    )
    op.create_index("ix_member_changes_member", "member_changes", ["member_id", "seq"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("member_changes")
