"""Members' own wallets: what they sign, the accounts that are theirs, and what final blocks say of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = "state in ('waiting','sent')"
ONE_MOVE = "kind <> 'redemption' and state in ('unsigned','waiting','sent')"
WAITS = "state = 'waits'"


def upgrade() -> None:
    """Makes the tables."""
    _mandates()
    op.create_table(
        "wallet_accounts",
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("is_self_custody", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_wallet_accounts")),
    )
    op.create_table(
        "wallet_events",
        sa.Column("transaction_hash", sa.String(length=66), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("block_hash", sa.String(length=66), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_time", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=6), nullable=False),
        sa.Column("entry_id", sa.String(length=30), nullable=True),
        sa.CheckConstraint("state in ('waits','posted')", name=op.f("ck_wallet_events_state")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_wallet_events_entry_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_wallet_events_member_id")),
        sa.PrimaryKeyConstraint("transaction_hash", "log_index", name=op.f("pk_wallet_events")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_wallet_events_entry_id")),
    )
    op.create_index("ix_wallet_events_member", "wallet_events", ["member_id"], unique=False)
    _index("ix_wallet_events_waits", "wallet_events", "state", WAITS)


def _index(name: str, table: str, column: str, where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], unique=unique, sqlite_where=condition, postgresql_where=condition)


def _mandates() -> None:
    op.create_table(
        "mandates",
        sa.Column("seq", SERIAL, nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("from_address", sa.String(length=42), nullable=False),
        sa.Column("to_address", sa.String(length=42), nullable=True),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("merchant_id", sa.String(length=30), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("party", sa.Integer(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("reward_id", sa.Text(), nullable=True),
        sa.Column("quote", sa.Text(), nullable=True),
        sa.Column("quote_hash", sa.String(length=66), nullable=True),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("ready_at", sa.BigInteger(), nullable=True),
        sa.Column("exported_at", sa.BigInteger(), nullable=True),
        sa.Column("after_seq", sa.BigInteger(), nullable=True),
        sa.Column("admin_operation_id", sa.String(length=30), nullable=True),
        sa.Column("because", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind in ('leave','return','redemption')", name=op.f("ck_mandates_kind")),
        sa.CheckConstraint(
            "state in ('unsigned','waiting','sent','final','failed','cancelled')", name=op.f("ck_mandates_state")
        ),
        sa.ForeignKeyConstraint(
            ["admin_operation_id"], ["admin_operations.id"], name=op.f("fk_mandates_admin_operation_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_mandates_member_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_mandates_merchant_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_mandates")),
        sa.UniqueConstraint("id", name=op.f("uq_mandates_id")),
        sa.UniqueConstraint("quote_hash", name=op.f("uq_mandates_quote_hash")),
        sa.UniqueConstraint("merchant_id", "reference", name=op.f("uq_mandates_merchant_id_reference")),
    )
    op.create_index("ix_mandates_member", "mandates", ["member_id", "seq"], unique=False)
    _index("ix_mandates_state", "mandates", "state", OPEN)
    _index("ix_mandates_one_move", "mandates", "member_id", ONE_MOVE, unique=True)


def downgrade() -> None:
    """Drops them."""
    for table in ("wallet_events", "wallet_accounts", "mandates"):
        op.drop_table(table)
