"""What members are told of, and when to look what there is to tell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_CLOCK = sa.text("(extract(epoch from clock_timestamp()) * 1000000)::bigint")
_HAS_ONE = "notice_due_at is not null"


def upgrade() -> None:
    """Makes the tables, empty: changes of levels before were told to nobody. Everybody is looked at once."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "notices",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("cause", sa.String(120), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column(
            "stored_at", sa.BigInteger(), server_default=_CLOCK if is_postgresql else sa.text("0"), nullable=False
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_notices_member_id_members")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_notices")),
        sa.UniqueConstraint("id", name=op.f("uq_notices_id")),
        sa.UniqueConstraint("member_id", "kind", "cause", name=op.f("uq_notices_member_id_kind_cause")),
    )
    op.create_index("ix_notices_created_at", "notices", ["created_at"], postgresql_using="brin")
    op.create_table(
        "seen_notices",
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_seen_notices_member_id_members")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_seen_notices")),
    )
    op.add_column("members", sa.Column("notice_due_at", sa.BigInteger(), nullable=True))
    op.execute("update members set notice_due_at = 0 where merged_into is null and state <> 'closed'")
    op.create_index(
        "ix_members_notice_due_at",
        "members",
        ["notice_due_at", "id"],
        sqlite_where=sa.text(_HAS_ONE),
        postgresql_where=sa.text(_HAS_ONE),
    )


def downgrade() -> None:
    """Takes them away, with what was told."""
    op.drop_index("ix_members_notice_due_at", "members")
    op.drop_column("members", "notice_due_at")
    op.drop_table("seen_notices")
    op.drop_index("ix_notices_created_at", "notices")
    op.drop_table("notices")
