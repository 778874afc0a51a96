"""What was refused by a limit or a ceiling: nothing else remembers it, since everything that was asked is rolled back."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from token_service.ledger.schema import UtcTime, metadata

refusals = Table(
    "refusals",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column(
        "name", String(64), nullable=False, unique=True
    ),  # a hash of merchant, kind, reference and code: repetitions add up
    Column("merchant_id", String(30)),  # None: the programme itself
    Column("actor", Text, nullable=False),  # what the ledger calls whoever asked
    Column("kind", String(20), nullable=False),  # of the operation that was asked for
    Column("reference", Text),
    Column("code", String(40), nullable=False),
    Column("key", String(60)),  # the limit's place in the rules
    Column("points", BigInteger),  # as many as were asked for, where the caller named them
    Column("times", Integer, nullable=False),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Index("ix_refusals_merchant", "merchant_id", "seq"),
    Index("ix_refusals_last_at", "last_at"),
)
