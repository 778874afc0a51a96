"""Who drafted a ruleset and who published it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds both, empty: of the versions so far it is not known."""
    for name in ("drafted_by", "published_by"):
        op.add_column("rulesets", sa.Column(name, sa.Text()))


def downgrade() -> None:
    """Takes them away."""
    for name in ("published_by", "drafted_by"):
        op.drop_column("rulesets", name)
