"""Referrals whose events were taken back, because nothing was kept of what the invited one bought.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0033"
branch_labels = None
depends_on = None

_STATES = "state in ('waiting','paid','refused'{more})"


def upgrade() -> None:
    """One more state, with a longer word."""
    _allow(_STATES.format(more=",'taken_back'"), length=10, before=8)


def downgrade() -> None:
    """What was taken back was refused, for those who know no other word."""
    op.execute(
        "update referrals set state = 'refused', reason = 'no_purchase', due_at = null where state = 'taken_back'"
    )
    _allow(_STATES.format(more=""), length=8, before=10)


def _allow(states: str, *, length: int, before: int) -> None:
    with op.batch_alter_table("referrals") as table:
        table.drop_constraint(op.f("ck_referrals_state"), type_="check")
        table.alter_column("state", type_=sa.String(length), existing_type=sa.String(before), existing_nullable=False)
        table.create_check_constraint(op.f("ck_referrals_state"), states)
