"""What members let be used of their points on each renewal, and the renewals that were billed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes both tables, empty."""
    op.create_table(
        "standing_orders",
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_standing_orders_points")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_standing_orders_member_id_members")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_standing_orders")),
    )
    op.create_table(
        "renewals",
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("merchant_id", sa.String(30), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("member_id", sa.String(30), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("value_cents", sa.BigInteger(), nullable=False),
        sa.Column("why_none", sa.String(20)),
        sa.Column("redemption_id", sa.String(30)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(points > 0) = (redemption_id is not null)", name=op.f("ck_renewals_redemption")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_renewals_merchant_id_merchants")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_renewals_member_id_members")),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["operations.id"], name=op.f("fk_renewals_redemption_id_operations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewals")),
        sa.UniqueConstraint("merchant_id", "reference", name=op.f("uq_renewals_merchant_id_reference")),
    )
    op.create_index("ix_renewals_member", "renewals", ["member_id"])


def downgrade() -> None:
    """Takes them away."""
    op.drop_index("ix_renewals_member", "renewals")
    op.drop_table("renewals")
    op.drop_table("standing_orders")
