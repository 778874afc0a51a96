"""When a voucher ends that nobody used, and that it has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_ENDS = "expired_at is null or (expires_at is not null and used_at is null and cancelled_at is null)"
_OPEN = "expires_at is not null and expired_at is null and used_at is null and cancelled_at is null"


def upgrade() -> None:
    """Adds the columns, empty: no rules before gave a voucher an end."""
    with op.batch_alter_table("vouchers") as table:
        table.add_column(sa.Column("expires_at", sa.BigInteger()))
        table.add_column(sa.Column("expired_at", sa.BigInteger()))
        table.create_check_constraint(op.f("ck_vouchers_expired"), _ENDS)
    op.create_index(
        "ix_vouchers_expires_at",
        "vouchers",
        ["expires_at"],
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )


def downgrade() -> None:
    """Takes them away: those that have ended are open again, for those who know no end."""
    op.drop_index("ix_vouchers_expires_at", "vouchers")
    with op.batch_alter_table("vouchers") as table:
        table.drop_constraint(op.f("ck_vouchers_expired"), type_="check")
        table.drop_column("expired_at")
        table.drop_column("expires_at")
