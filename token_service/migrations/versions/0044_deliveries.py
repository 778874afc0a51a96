"""What a purchase's refunds took before it was issued counts as taken; until when awards wait for a delivery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column, empty: nothing waited before."""
    _take("+")
    op.add_column("awards", sa.Column("delivery_by", sa.BigInteger()))


def downgrade() -> None:
    """Takes the column away."""
    op.drop_column("awards", "delivery_by")
    _take("-")


def _take(sign: str) -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    points = (
        "(r.result->>'pending_cancelled')::bigint"
        if is_postgresql
        else "cast(json_extract(r.result, '$.pending_cancelled') as integer)"
    )
    op.execute(
        f"update purchases set taken = taken {sign} cut.points from "
        f"(select r.parent_id as id, sum({points}) as points from operations r where r.kind = 'refund' "
        f"group by r.parent_id having sum({points}) > 0) as cut where cut.id = purchases.operation_id"
    )
