"""Who works with the programme: people with a role, their sessions, what they did; and what a till is shown.

`staff_actions` is append-only: the trail. Sessions, failed attempts and members' codes are deleted when they are of no
more use. No password, token or code is stored, only what recognises it.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    false,
    text,
)

from token_service.ledger.schema import Serial, UtcTime, metadata

staff = Table(
    "staff",
    metadata,
    Column("id", String(30), primary_key=True),  # stf_
    Column("email", Text, nullable=False, unique=True),  # normalised: what they sign in with
    Column("name", Text, nullable=False),
    Column(
        "role",
        String(10),
        CheckConstraint("role in ('owner','manager','support','cashier','auditor')", name="role"),
        nullable=False,
    ),
    Column("merchant_id", String(30), ForeignKey("merchants.id")),  # of a cashier, whose till it is; else None
    Column("store_id", String(30), ForeignKey("stores.id")),  # the shop that a cashier's till stands in
    Column("password_hash", Text, nullable=False),  # argon2id
    Column("must_change", Boolean, nullable=False, server_default=false()),  # the password was drawn by us
    Column("locale", String(16)),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
    CheckConstraint("(role = 'cashier') = (merchant_id is not null)", name="merchant"),
    CheckConstraint("store_id is null or merchant_id is not null", name="store"),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("id", String(30), primary_key=True),  # sst_
    Column("token_hash", String(64), nullable=False, unique=True),  # SHA-256 hex of the cookie's 256 random bits
    Column("staff_id", String(30), ForeignKey("staff.id"), nullable=False),
    Column("device", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("ix_staff_sessions_staff", "staff_id"),
    Index("ix_staff_sessions_expires_at", "expires_at"),
)

staff_attempts = Table(  # failed ones, of known and unknown addresses alike
    "staff_attempts",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("email", Text, nullable=False),
    Column("client_address", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_staff_attempts_email", "email", "created_at"),
    Index("ix_staff_attempts_client_address", "client_address", "created_at"),
    Index("ix_staff_attempts_created_at", "created_at"),
)

staff_actions = Table(
    "staff_actions",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # act_
    Column("staff_id", String(30), ForeignKey("staff.id"), nullable=False),
    Column("action", String(40), nullable=False),  # "member.adjusted", "ruleset.published": noun.verb_past
    Column("object_id", String(66)),  # what it was done to: an id, or a ruleset's hash
    Column("member_id", String(30), ForeignKey("members.id")),  # whose story it belongs to
    Column("merchant_id", String(30), ForeignKey("merchants.id")),
    Column("reason", Text),
    Column("detail", JSON, nullable=False),  # figures that explain it; never personal data or a secret
    Column("created_at", UtcTime, nullable=False),
    Index("ix_staff_actions_staff", "staff_id", "seq"),
    Index("ix_staff_actions_member", "member_id", "seq"),
    Index("ix_staff_actions_merchant", "merchant_id", "seq"),
    Index("ix_staff_actions_object", "object_id"),
)

member_codes = Table(  # what a member's page shows to a till: short-lived
    "member_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),  # SHA-256 hex
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("ix_member_codes_member", "member_id"),
    Index("ix_member_codes_expires_at", "expires_at"),
)

member_code_attempts = Table(  # wrong codes, so that nobody guesses on
    "member_code_attempts",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("merchant_id", String(30), ForeignKey("merchants.id"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_member_code_attempts_merchant", "merchant_id", "created_at"),
    Index("ix_member_code_attempts_created_at", "created_at"),
)

_HAS_END = text("expires_at is not null and expired_at is null and used_at is null and cancelled_at is null")
_IS_USED = text("used_at is not null")
vouchers = Table(  # what a reward bought in the wallet is shown as; its code is derived, never stored
    "vouchers",
    metadata,
    Column("id", String(30), primary_key=True),  # vch_
    Column("operation_id", String(30), ForeignKey("operations.id"), nullable=False, unique=True),  # the redemption
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("reward_id", Text, nullable=False),
    Column("code_hash", String(64), nullable=False, unique=True),  # SHA-256 hex
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Column("used_by_merchant_id", String(30), ForeignKey("merchants.id")),
    Column("used_reference", Text),  # the merchant's name for the use
    Column("discount_cents", BigInteger),  # what came off the order that it was used for
    Column("cancelled_at", UtcTime),  # its redemption was given back
    Column("expires_at", UtcTime),  # when it ends, where its rules say so
    Column("expired_at", UtcTime),  # when that was recorded, of one that nobody had used
    CheckConstraint("(used_at is null) = (used_by_merchant_id is null)", name="used"),
    CheckConstraint("(used_at is null) = (used_reference is null)", name="reference"),
    CheckConstraint("used_at is null or cancelled_at is null", name="ends_once"),
    CheckConstraint(
        "expired_at is null or (expires_at is not null and used_at is null and cancelled_at is null)", name="expired"
    ),
    Index("ix_vouchers_member", "member_id"),
    Index("ix_vouchers_used_at", "used_at", sqlite_where=_IS_USED, postgresql_where=_IS_USED),
    Index("ix_vouchers_expires_at", "expires_at", sqlite_where=_HAS_END, postgresql_where=_HAS_END),
    Index(
        "uq_vouchers_used_reference",
        "used_by_merchant_id",
        "used_reference",
        unique=True,
    ),
)
