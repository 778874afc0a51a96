"""Referrals whose events were taken back, because nothing was kept of what the invited one bought; and which visit each purchase
was, beside its facts.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_COLUMNS = ("visit_number", "visit_receipt")
_STATES = "state in ('waiting','paid','refused'{more})"


def upgrade() -> None:
    """One more state, with a longer word; two columns, filled from the facts."""
    _allow(_STATES.format(more=",'taken_back'"), length=10, before=8)
    for name in _COLUMNS:
        op.add_column("purchases", sa.Column(name, sa.BigInteger()))
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    number, receipt = (
        f"(o.facts->'visit'->>'{part}')::bigint" if is_postgresql else f"json_extract(o.facts, '$.visit.{part}')"
        for part in ("number", "receipt")
    )
    op.execute(
        f"update purchases set visit_number = {number}, visit_receipt = {receipt} "
        "from operations o where o.id = purchases.operation_id and o.kind = 'purchase'"
    )


def downgrade() -> None:
    """What was taken back was refused, for those who know no other word; the facts say what the columns said."""
    for name in _COLUMNS:
        op.drop_column("purchases", name)
    op.execute(
        "update referrals set state = 'refused', reason = 'no_purchase', due_at = null where state = 'taken_back'"
    )
    _allow(_STATES.format(more=""), length=8, before=10)


def _allow(states: str, *, length: int, before: int) -> None:
    with op.batch_alter_table("referrals") as table:
        table.drop_constraint(op.f("ck_referrals_state"), type_="check")
        table.alter_column("state", type_=sa.String(length), existing_type=sa.String(before), existing_nullable=False)
        table.create_check_constraint(op.f("ck_referrals_state"), states)
