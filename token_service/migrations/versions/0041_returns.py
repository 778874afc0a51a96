"""Uses of vouchers that were undone, and which redemption paid part of which purchase."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

TABLE, PAYMENTS = "undone_voucher_uses", "points_payments"


def upgrade() -> None:
    """Makes the tables, empty: no use could be undone, and no purchase named a redemption, before."""
    op.create_table(
        TABLE,
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("voucher_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("discount_cents", sa.BigInteger(), nullable=True),
        sa.Column("undone_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_undone_voucher_uses_operation_id_operations")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_undone_voucher_uses_member_id_members")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.id"], name=op.f("fk_undone_voucher_uses_merchant_id_merchants")
        ),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_undone_voucher_uses")),
    )
    op.create_index("ix_undone_voucher_uses_voucher", TABLE, ["voucher_id"])
    op.create_index("ix_undone_voucher_uses_member", TABLE, ["member_id"])
    op.create_index("ix_undone_voucher_uses_used_at", TABLE, ["used_at"])
    op.create_index("ix_undone_voucher_uses_undone_at", TABLE, ["undone_at"])
    op.create_index("uq_undone_voucher_uses_reference", TABLE, ["merchant_id", "reference"], unique=True)
    op.create_table(
        PAYMENTS,
        sa.Column("purchase_id", sa.String(length=30), nullable=False),
        sa.Column("redemption_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["operations.id"], name=op.f("fk_points_payments_purchase_id_operations")
        ),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["operations.id"], name=op.f("fk_points_payments_redemption_id_operations")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_points_payments_member_id_members")),
        sa.PrimaryKeyConstraint("purchase_id", name=op.f("pk_points_payments")),
    )
    op.create_index("uq_points_payments_redemption", PAYMENTS, ["redemption_id"], unique=True)
    op.create_index("ix_points_payments_member", PAYMENTS, ["member_id"])


def downgrade() -> None:
    """Takes them away: those vouchers are open, or used another time, all the same."""
    op.drop_index("ix_points_payments_member", PAYMENTS)
    op.drop_index("uq_points_payments_redemption", PAYMENTS)
    op.drop_table(PAYMENTS)
    for name in ("voucher", "member", "used_at", "undone_at"):
        op.drop_index(f"ix_undone_voucher_uses_{name}", TABLE)
    op.drop_index("uq_undone_voucher_uses_reference", TABLE)
    op.drop_table(TABLE)
