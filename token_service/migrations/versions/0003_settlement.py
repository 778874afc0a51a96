"""Leaves, batches, transactions, blocks and orders to the contract, as they stood at the first release.

Explicit on purpose: a migration says what it did then, whatever the tables become.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    "admin_operations",
    "batches",
    "blocks",
    "cursors",
    "lanes",
    "chain_events",
    "transactions",
    "attempts",
    "leaves",
    "deferrals",
)


def upgrade() -> None:
    """Makes the tables and their indexes."""
    _admin_operations()
    _batches()
    _blocks()
    _cursors()
    _lanes()
    _chain_events()
    _transactions()
    _attempts()
    _leaves()
    _deferrals()


def downgrade() -> None:
    """Drops them all."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _admin_operations() -> None:
    op.create_table(
        "admin_operations",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state in ('accepted','sent','final','failed')", name=op.f("ck_admin_operations_state")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_admin_operations")),
        sa.UniqueConstraint("id", name=op.f("uq_admin_operations_id")),
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("operator", sa.String(length=42), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("ruleset_hash", sa.String(length=66), nullable=False),
        sa.Column("receipts_root", sa.String(length=66), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("leaf_count", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.String(length=66), nullable=True),
        sa.Column("block_time", sa.BigInteger(), nullable=True),
        sa.Column("transaction_hash", sa.String(length=66), nullable=True),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.Column("minted", sa.BigInteger(), nullable=True),
        sa.Column("burned", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state in ('planned','mined','final','reverted')", name=op.f("ck_batches_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("operator", "seq", name=op.f("uq_batches_operator_seq")),
    )
    op.create_index("ix_batches_state", "batches", ["state"], unique=False)


def _blocks() -> None:
    op.create_table(
        "blocks",
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("parent_hash", sa.String(length=66), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.CheckConstraint("state in ('seen','final','orphaned')", name=op.f("ck_blocks_state")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_blocks")),
    )
    op.create_index("ix_blocks_height", "blocks", ["number"], unique=False)
    op.create_index(
        "ix_blocks_number",
        "blocks",
        ["number"],
        unique=True,
        sqlite_where=sa.text("state <> 'orphaned'"),
        postgresql_where=sa.text("state <> 'orphaned'"),
    )


def _cursors() -> None:
    op.create_table(
        "cursors",
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )


def _lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("operator", sa.String(length=42), nullable=False),
        sa.Column("next_nonce", sa.BigInteger(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('active','draining','blocked','halted','disabled')", name=op.f("ck_lanes_state")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lanes")),
        sa.UniqueConstraint("operator", name=op.f("uq_lanes_operator")),
    )


def _chain_events() -> None:
    op.create_table(
        "chain_events",
        sa.Column("block_hash", sa.String(length=66), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("transaction_hash", sa.String(length=66), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["block_hash"], ["blocks.hash"], name=op.f("fk_chain_events_block_hash")),
        sa.PrimaryKeyConstraint("block_hash", "log_index", name=op.f("pk_chain_events")),
    )
    op.create_index("ix_chain_events_block_number", "chain_events", ["block_number"], unique=False)


def _transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("operator", sa.String(length=42), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("admin_operation_id", sa.String(length=30), nullable=True),
        sa.Column("to", sa.String(length=42), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.String(length=66), nullable=True),
        sa.CheckConstraint("purpose in ('batch','admin','filler')", name=op.f("ck_transactions_purpose")),
        sa.CheckConstraint(
            "state in ('signed','sent','mined','final','reverted','foreign')", name=op.f("ck_transactions_state")
        ),
        sa.CheckConstraint(
            "(purpose = 'admin') = (admin_operation_id is not null)", name=op.f("ck_transactions_admin")
        ),
        sa.CheckConstraint("(purpose = 'batch') = (batch_id is not null)", name=op.f("ck_transactions_batch")),
        sa.ForeignKeyConstraint(
            ["admin_operation_id"], ["admin_operations.id"], name=op.f("fk_transactions_admin_operation_id")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_transactions_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sa.UniqueConstraint("operator", "nonce", name=op.f("uq_transactions_operator_nonce")),
    )
    op.create_index("ix_transactions_state", "transactions", ["state", "operator"], unique=False)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("bump", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("max_fee_per_gas", sa.BigInteger(), nullable=False),
        sa.Column("max_priority_fee_per_gas", sa.BigInteger(), nullable=False),
        sa.Column("sent_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"], name=op.f("fk_attempts_transaction_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("hash", name=op.f("uq_attempts_hash")),
        sa.UniqueConstraint("transaction_id", "bump", name=op.f("uq_attempts_transaction_id_bump")),
    )


def _leaves() -> None:
    op.create_table(
        "leaves",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("commitment", sa.String(length=66), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("settle_by", sa.BigInteger(), nullable=False),
        sa.Column("promise", sa.String(length=132), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("skip_reason", sa.Integer(), nullable=True),
        sa.Column("deferred_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state in ('accepted','batched','mined','final','skipped','void')", name=op.f("ck_leaves_state")
        ),
        sa.CheckConstraint("(state in ('accepted','void')) = (batch_id is null)", name=op.f("ck_leaves_batched")),
        sa.CheckConstraint("(batch_id is null) = (position is null)", name=op.f("ck_leaves_position")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_leaves_batch_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_leaves_member_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_leaves")),
        sa.UniqueConstraint("batch_id", "position", name=op.f("uq_leaves_batch_id_position")),
        sa.UniqueConstraint("id", name=op.f("uq_leaves_id")),
    )
    op.create_index("ix_leaves_member_seq", "leaves", ["member_id", "seq"], unique=False)
    op.create_index("ix_leaves_not_before", "leaves", ["not_before"], unique=False)
    op.create_index("ix_leaves_state_lane_seq", "leaves", ["state", "lane", "seq"], unique=False)


def _deferrals() -> None:
    op.create_table(
        "deferrals",
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("leaf_id", sa.String(length=30), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_deferrals_batch_id")),
        sa.ForeignKeyConstraint(["leaf_id"], ["leaves.id"], name=op.f("fk_deferrals_leaf_id")),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_deferrals")),
    )
    op.create_index("ix_deferrals_leaf", "deferrals", ["leaf_id"], unique=False)
