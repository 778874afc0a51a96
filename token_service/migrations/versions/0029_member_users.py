"""Who else signs in to a member: the people of a company."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table, empty: each member is one person's, as before."""
    op.create_table(
        "member_users",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_users_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_users")),
        sa.UniqueConstraint("member_id", "email", name=op.f("uq_member_users_member_id_email")),
    )
    op.create_index("ix_member_users_email", "member_users", ["email"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_index("ix_member_users_email", "member_users")
    op.drop_table("member_users")
