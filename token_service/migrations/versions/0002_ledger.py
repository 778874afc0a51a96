"""Operations, entries, lots, debts and facts, as they stood at the first release.

Explicit on purpose: a migration says what it did then, whatever the tables become.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    "operations",
    "awards",
    "entries",
    "facts",
    "purchases",
    "debts",
    "lot_uses",
    "lots",
)


def upgrade() -> None:
    """Makes the tables and their indexes."""
    _operations()
    _awards()
    _entries()
    _facts()
    _purchases()
    _debts()
    _lot_uses()
    _lots()


def downgrade() -> None:
    """Drops them all."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("parent_id", sa.String(length=30), nullable=True),
        sa.Column("store_id", sa.String(length=30), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("ruleset_hash", sa.String(length=66), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_operations_member_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_operations_merchant_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["operations.id"], name=op.f("fk_operations_parent_id")),
        sa.ForeignKeyConstraint(["ruleset_hash"], ["rulesets.hash"], name=op.f("fk_operations_ruleset_hash")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_operations_store_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_operations")),
        sa.UniqueConstraint("id", name=op.f("uq_operations_id")),
        sa.UniqueConstraint("merchant_id", "kind", "reference", name=op.f("uq_operations_merchant_id_kind_reference")),
    )
    op.create_index("ix_operations_member_seq", "operations", ["member_id", "seq"], unique=False)
    op.create_index("ix_operations_parent", "operations", ["parent_id"], unique=False)


def _awards() -> None:
    op.create_table(
        "awards",
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_awards_positive")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_awards_member_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_awards_operation_id")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_awards")),
    )
    op.create_index("ix_awards_due_at", "awards", ["due_at"], unique=False)


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.String(length=30), nullable=True),
        sa.Column("voids", sa.String(length=30), nullable=True),
        sa.Column("ruleset_hash", sa.String(length=66), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("points <> 0", name=op.f("ck_entries_moves")),
        sa.CheckConstraint("balance_after >= 0", name=op.f("ck_entries_balance")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_entries_member_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_entries_operation_id")),
        sa.ForeignKeyConstraint(["ruleset_hash"], ["rulesets.hash"], name=op.f("fk_entries_ruleset_hash")),
        sa.ForeignKeyConstraint(["voids"], ["entries.id"], name=op.f("fk_entries_voids")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_entries")),
        sa.UniqueConstraint("id", name=op.f("uq_entries_id")),
    )
    op.create_index("ix_entries_member_seq", "entries", ["member_id", "seq"], unique=False)
    op.create_index("ix_entries_operation", "entries", ["operation_id"], unique=False)


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("operation_id", sa.String(length=30), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_facts_member_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_facts_operation_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_facts")),
        sa.UniqueConstraint("id", name=op.f("uq_facts_id")),
    )
    op.create_index("ix_facts_member_seq", "facts", ["member_id", "seq"], unique=False)


def _purchases() -> None:
    op.create_table(
        "purchases",
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("local_date", sa.String(length=10), nullable=False),
        sa.Column("awarded", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("refunded_cents", sa.BigInteger(), nullable=False),
        sa.Column("tier_spend_cents", sa.BigInteger(), nullable=False),
        sa.Column("tier_points", sa.BigInteger(), nullable=False),
        sa.Column("tier_orders", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_purchases_member_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_purchases_operation_id")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_purchases")),
    )
    op.create_index("ix_purchases_member_occurred_at", "purchases", ["member_id", "occurred_at"], unique=False)


def _debts() -> None:
    op.create_table(
        "debts",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("operation_id", sa.String(length=30), nullable=True),
        sa.Column("voids", sa.String(length=30), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.String(length=30), nullable=True),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points <> 0", name=op.f("ck_debts_moves")),
        sa.CheckConstraint("(operation_id is null) <> (voids is null)", name=op.f("ck_debts_cause")),
        sa.CheckConstraint("(points < 0) = (entry_id is not null)", name=op.f("ck_debts_paid")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_debts_entry_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_debts_member_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_debts_operation_id")),
        sa.ForeignKeyConstraint(["voids"], ["entries.id"], name=op.f("fk_debts_voids")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_debts")),
        sa.UniqueConstraint("id", name=op.f("uq_debts_id")),
    )
    op.create_index("ix_debts_member", "debts", ["member_id"], unique=False)


def _lot_uses() -> None:
    op.create_table(
        "lot_uses",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lot_id", sa.String(length=30), nullable=False),
        sa.Column("entry_id", sa.String(length=30), nullable=True),
        sa.Column("operation_id", sa.String(length=30), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(points = 0) = (entry_id is null)", name=op.f("ck_lot_uses_moves")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_lot_uses_entry_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["entries.id"], name=op.f("fk_lot_uses_lot_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_lot_uses_operation_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_lot_uses")),
        sa.UniqueConstraint("entry_id", "lot_id", name=op.f("uq_lot_uses_entry_id_lot_id")),
    )
    op.create_index("ix_lot_uses_lot", "lot_uses", ["lot_id"], unique=False)


def _lots() -> None:
    op.create_table(
        "lots",
        sa.Column("entry_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("operation_id", sa.String(length=30), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("points_left", sa.BigInteger(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("ruleset_hash", sa.String(length=66), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("points_left >= 0 and points_left <= points", name=op.f("ck_lots_left")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_lots_entry_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_lots_member_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_lots_operation_id")),
        sa.ForeignKeyConstraint(["ruleset_hash"], ["rulesets.hash"], name=op.f("fk_lots_ruleset_hash")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_lots")),
    )
    op.create_index(
        "ix_lots_expires_at",
        "lots",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("points_left > 0"),
        postgresql_where=sa.text("points_left > 0"),
    )
    op.create_index("ix_lots_member_points_left", "lots", ["member_id", "points_left"], unique=False)
    op.create_index("ix_lots_operation", "lots", ["operation_id"], unique=False)
