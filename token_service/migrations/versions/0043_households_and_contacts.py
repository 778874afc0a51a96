"""Households and verified contacts of members, by their keyed hashes; whose welcome waits for one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables, empty: nobody said any of it before."""
    op.create_table(
        "member_households",
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("household_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_households_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_households")),
    )
    op.create_index(op.f("ix_member_households_household_hash"), "member_households", ["household_hash"])
    op.create_table(
        "member_contacts",
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("contact_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind in ('email','phone')", name=op.f("ck_member_contacts_kind")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_contacts_member_id")),
        sa.PrimaryKeyConstraint("member_id", "contact_hash", name=op.f("pk_member_contacts")),
    )
    op.create_index("ix_member_contacts_hash", "member_contacts", ["contact_hash"])
    op.create_table(
        "waiting_welcomes",
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_waiting_welcomes_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_waiting_welcomes")),
    )


def downgrade() -> None:
    """Takes them away."""
    op.drop_table("waiting_welcomes")
    op.drop_table("member_contacts")
    op.drop_table("member_households")
