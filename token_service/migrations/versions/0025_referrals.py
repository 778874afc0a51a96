"""Referrals: members' own codes, devices by their hash, and who invited whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "invitations",
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_invitations_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("code", name=op.f("uq_invitations_code")),
    )
    op.create_table(
        "member_devices",
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("device_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_devices_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_devices")),
    )
    op.create_index(op.f("ix_member_devices_device_hash"), "member_devices", ["device_hash"])
    op.create_table(
        "referrals",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("referee_id", sa.String(length=30), nullable=False),
        sa.Column("referrer_id", sa.String(length=30), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state in ('waiting','paid','refused')", name=op.f("ck_referrals_state")),
        sa.ForeignKeyConstraint(["referee_id"], ["members.id"], name=op.f("fk_referrals_referee_id")),
        sa.ForeignKeyConstraint(["referrer_id"], ["members.id"], name=op.f("fk_referrals_referrer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
        sa.UniqueConstraint("referee_id", name=op.f("uq_referrals_referee_id")),
    )
    op.create_index(op.f("ix_referrals_referrer_id"), "referrals", ["referrer_id"])
    op.create_index("ix_referrals_due", "referrals", ["due_at"])


def downgrade() -> None:
    """Takes them away. What was paid stays among the operations."""
    op.drop_table("referrals")
    op.drop_table("member_devices")
    op.drop_table("invitations")
