"""Uses of vouchers that were undone; they follow from the facts of their accounts. A use that stands is in its voucher's row."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from token_service.ledger.schema import UtcTime, metadata

undone_voucher_uses = Table(
    "undone_voucher_uses",
    metadata,
    Column("operation_id", String(30), ForeignKey("operations.id"), primary_key=True),  # what undid it
    Column("voucher_id", String(30), nullable=False),  # no foreign key: a rebuild writes vouchers' rows anew
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),  # whose account has the voucher
    Column("used_at", UtcTime, nullable=False),
    Column("merchant_id", String(30), ForeignKey("merchants.id"), nullable=False),
    Column("reference", Text, nullable=False),  # the merchant's name for the use
    Column("discount_cents", BigInteger),
    Column("undone_at", UtcTime, nullable=False),
    Index("ix_undone_voucher_uses_voucher", "voucher_id"),
    Index("ix_undone_voucher_uses_member", "member_id"),
    Index("ix_undone_voucher_uses_used_at", "used_at"),
    Index("ix_undone_voucher_uses_undone_at", "undone_at"),
    Index("uq_undone_voucher_uses_reference", "merchant_id", "reference", unique=True),
)
