"""Staff, their sessions and trail; the codes that members show; vouchers. As they stood when they came.

Explicit on purpose: a migration says what it did then, whatever the tables become.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    "staff",
    "staff_sessions",
    "staff_attempts",
    "staff_actions",
    "member_codes",
    "vouchers",
)


def upgrade() -> None:
    """Makes the tables and their indexes."""
    _staff()
    _staff_sessions()
    _staff_attempts()
    _staff_actions()
    _member_codes()
    _vouchers()


def downgrade() -> None:
    """Drops them all."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("merchant_id", sa.String(length=30), nullable=True),
        sa.Column("store_id", sa.String(length=30), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role in ('owner','manager','support','cashier','auditor')", name=op.f("ck_staff_role")),
        sa.CheckConstraint("(role = 'cashier') = (merchant_id is not null)", name=op.f("ck_staff_merchant")),
        sa.CheckConstraint("store_id is null or merchant_id is not null", name=op.f("ck_staff_store")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_staff_merchant_id")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_staff_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_email")),
    )


def _staff_sessions() -> None:
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=30), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_sessions_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_sessions_token_hash")),
    )
    op.create_index("ix_staff_sessions_expires_at", "staff_sessions", ["expires_at"], unique=False)
    op.create_index("ix_staff_sessions_staff", "staff_sessions", ["staff_id"], unique=False)


def _staff_attempts() -> None:
    op.create_table(
        "staff_attempts",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("client_address", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_staff_attempts")),
    )
    op.create_index(
        "ix_staff_attempts_client_address", "staff_attempts", ["client_address", "created_at"], unique=False
    )
    op.create_index("ix_staff_attempts_created_at", "staff_attempts", ["created_at"], unique=False)
    op.create_index("ix_staff_attempts_email", "staff_attempts", ["email", "created_at"], unique=False)


def _staff_actions() -> None:
    op.create_table(
        "staff_actions",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("staff_id", sa.String(length=30), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.String(length=66), nullable=True),
        sa.Column("member_id", sa.String(length=30), nullable=True),
        sa.Column("merchant_id", sa.String(length=30), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_staff_actions_member_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_staff_actions_merchant_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_actions_staff_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_staff_actions")),
        sa.UniqueConstraint("id", name=op.f("uq_staff_actions_id")),
    )
    op.create_index("ix_staff_actions_member", "staff_actions", ["member_id", "seq"], unique=False)
    op.create_index("ix_staff_actions_merchant", "staff_actions", ["merchant_id", "seq"], unique=False)
    op.create_index("ix_staff_actions_staff", "staff_actions", ["staff_id", "seq"], unique=False)


def _member_codes() -> None:
    op.create_table(
        "member_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_codes_member_id")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_member_codes")),
    )
    op.create_index("ix_member_codes_expires_at", "member_codes", ["expires_at"], unique=False)
    op.create_index("ix_member_codes_member", "member_codes", ["member_id"], unique=False)


def _vouchers() -> None:
    op.create_table(
        "vouchers",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("operation_id", sa.String(length=30), nullable=False),
        sa.Column("member_id", sa.String(length=30), nullable=False),
        sa.Column("reward_id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("used_by_merchant_id", sa.String(length=30), nullable=True),
        sa.Column("used_reference", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(used_at is null) = (used_by_merchant_id is null)", name=op.f("ck_vouchers_used")),
        sa.CheckConstraint("(used_at is null) = (used_reference is null)", name=op.f("ck_vouchers_reference")),
        sa.CheckConstraint("used_at is null or cancelled_at is null", name=op.f("ck_vouchers_ends_once")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_vouchers_member_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_vouchers_operation_id")),
        sa.ForeignKeyConstraint(
            ["used_by_merchant_id"], ["merchants.id"], name=op.f("fk_vouchers_used_by_merchant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vouchers")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_vouchers_code_hash")),
        sa.UniqueConstraint("operation_id", name=op.f("uq_vouchers_operation_id")),
    )
    op.create_index("ix_vouchers_member", "vouchers", ["member_id"], unique=False)
    op.create_index("uq_vouchers_used_reference", "vouchers", ["used_by_merchant_id", "used_reference"], unique=True)
