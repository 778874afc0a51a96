"""Programme, rulesets, merchants, members and keys, as they stood at the first release.

Explicit on purpose: a migration says what it did then, whatever the tables become.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "idempotency_keys",
    "merchants",
    "program",
    "rulesets",
    "api_keys",
    "members",
    "stores",
    "member_keys",
    "member_merchants",
)


def upgrade() -> None:
    """Makes the tables and their indexes."""
    _idempotency_keys()
    _merchants()
    _program()
    _rulesets()
    _api_keys()
    _members()
    _stores()
    _member_keys()
    _member_merchants()


def downgrade() -> None:
    """Drops them all."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.String(length=30), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("object_ids", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency_keys")),
    )


def _merchants() -> None:
    op.create_table(
        "merchants",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ceiling_points", sa.BigInteger(), nullable=False),
        sa.Column("ceiling_period_seconds", sa.BigInteger(), nullable=False),
        sa.Column("next_ceiling_points", sa.BigInteger(), nullable=True),
        sa.Column("next_ceiling_period_seconds", sa.BigInteger(), nullable=True),
        sa.Column("next_ceiling_at", sa.BigInteger(), nullable=True),
        sa.Column("window_number", sa.BigInteger(), nullable=True),
        sa.Column("window_points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchants")),
        sa.UniqueConstraint("name", name=op.f("uq_merchants_name")),
        sa.UniqueConstraint("party", name=op.f("uq_merchants_party")),
    )


def _program() -> None:
    op.create_table(
        "program",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_address", sa.String(length=42), nullable=True),
        sa.Column("deployed_at_block", sa.BigInteger(), nullable=True),
        sa.Column("genesis_hash", sa.String(length=66), nullable=True),
        sa.Column("promise_address", sa.String(length=42), nullable=False),
        sa.Column("embedded", sa.Boolean(), nullable=False),
        sa.Column("notice_period_seconds", sa.BigInteger(), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("sunset_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_program_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program")),
    )


def _rulesets() -> None:
    op.create_table(
        "rulesets",
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("base_hash", sa.String(length=66), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state in ('draft','publishing','published')", name=op.f("ck_rulesets_state")),
        sa.ForeignKeyConstraint(["base_hash"], ["rulesets.hash"], name=op.f("fk_rulesets_base_hash")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_rulesets")),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_api_keys_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("locale", sa.String(length=16), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("referral_code", sa.Text(), nullable=True),
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("sealed_salt_key", sa.LargeBinary(), nullable=True),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("frozen", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("debt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("issued", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("redeemed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expired", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reversed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("tier_due_at", sa.BigInteger(), nullable=True),
        sa.Column("purchase_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_activity_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state in ('active','leaving','left','closed')", name=op.f("ck_members_state")),
        sa.CheckConstraint(
            "available >= 0 and held >= 0 and pending >= 0 and debt >= 0", name=op.f("ck_members_not_negative")
        ),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_members_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("address", name=op.f("uq_members_address")),
    )
    op.create_index("ix_members_email", "members", ["email"], unique=False)
    op.create_index("ix_members_tier_due_at", "members", ["tier_due_at"], unique=False)


def _stores() -> None:
    op.create_table(
        "stores",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_stores_merchant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stores")),
        sa.UniqueConstraint("merchant_id", "external_id", name=op.f("uq_stores_merchant_id_external_id")),
    )


def _member_keys() -> None:
    op.create_table(
        "member_keys",
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_keys_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_keys")),
    )


def _member_merchants() -> None:
    op.create_table(
        "member_merchants",
        sa.Column("merchant_id", sa.String(length=30), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_merchants_member_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_member_merchants_merchant_id")),
        sa.PrimaryKeyConstraint("merchant_id", "external_id", name=op.f("pk_member_merchants")),
        sa.UniqueConstraint("merchant_id", "member_id", name=op.f("uq_member_merchants_merchant_id_member_id")),
    )
