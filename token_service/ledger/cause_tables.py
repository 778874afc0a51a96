"""To whom members give points: parties of the contract that issue none."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from token_service.ledger.schema import UtcTime, metadata

causes = Table(
    "causes",
    metadata,
    Column("id", String(30), primary_key=True),  # cau_
    Column("party", Integer, nullable=False, unique=True),  # of merchants and causes no two have the same
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
)
