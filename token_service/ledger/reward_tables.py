"""How many of a reward are left. Stock is no rule: it changes from hour to hour, and no promise is made of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text

from token_service.ledger.schema import UtcTime, metadata

reward_stock = Table(
    "reward_stock",
    metadata,
    Column("reward_id", Text, primary_key=True),
    Column("pieces_left", BigInteger, nullable=False),
    Column("set_at", UtcTime, nullable=False),
    Column("set_by", Text, nullable=False),
    CheckConstraint("pieces_left >= 0", name="not_negative"),
)
