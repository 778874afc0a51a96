"""What the programme knows: merchants, members, operations, entries, lots, debts, facts.

Append-only sources (DESIGN §3.1): `operations`, `entries`, `lot_uses`, `facts`, `debts` (hold events come with
holds). Everything marked *cached* is rebuilt from them (rebuild.py). Settlement of what is recorded here is in
settlement_tables.py: one leaf for each entry or fact.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from token_service.ledger.schema import Serial, UtcTime, metadata

program = Table(
    "program",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="single"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("contract_address", String(42)),  # None until deployed
    Column("deployed_at_block", BigInteger),
    Column("genesis_hash", String(66)),
    Column("promise_address", String(42), nullable=False),  # who signs promises
    Column("embedded", Boolean, nullable=False),
    Column("notice_period_seconds", BigInteger, nullable=False),
    Column("paused", Boolean, nullable=False, server_default=false()),  # cached from the chain by the indexer
    Column("sunset_at", UtcTime),  # cached from the chain by the indexer
    Column(
        "unknown_references", JSON(none_as_null=True)
    ),  # merchants whose references the chain may know and the ledger not; ["*"]: all; None: nobody's
    Column("created_at", UtcTime, nullable=False),
)

rulesets = Table(
    "rulesets",
    metadata,
    Column("hash", String(66), primary_key=True),
    Column("document", Text, nullable=False),  # RFC 8785 JSON, exactly what is hashed
    Column("base_hash", String(66), ForeignKey("rulesets.hash")),  # set for an addendum
    Column(
        "state",
        String(12),
        CheckConstraint("state in ('draft','publishing','published')", name="state"),
        nullable=False,
    ),
    Column("effective_at", UtcTime),  # set when publishing; the first one's is 1970
    Column("created_at", UtcTime, nullable=False),
    Column("published_at", UtcTime),
    Column("drafted_by", Text),  # what the ledger calls whoever drafted it, and whoever published it
    Column("published_by", Text),
)

merchants = Table(
    "merchants",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("party", Integer, nullable=False, unique=True),  # 1 is the programme itself
    Column("name", Text, nullable=False, unique=True),
    Column("ceiling_points", BigInteger, nullable=False),
    Column("ceiling_period_seconds", BigInteger, nullable=False),  # 0 = for ever
    Column("next_ceiling_points", BigInteger),  # a raised ceiling acts after the notice period
    Column("next_ceiling_period_seconds", BigInteger),
    Column("next_ceiling_at", UtcTime),
    # A counter of what counts against the ceiling, set afresh from the leaves at the start of each window
    # (ceilings.py).
    Column("window_number", BigInteger),
    Column("window_points", BigInteger, nullable=False, server_default="0"),
    Column("created_at", UtcTime, nullable=False),
)

ceiling_slots = Table(  # cached: room that a merchant's counter has counted and nobody has issued (ceiling_slots.py)
    "ceiling_slots",
    metadata,
    Column("merchant_id", String(30), ForeignKey("merchants.id"), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("window_number", BigInteger, nullable=False),
    Column("points_left", BigInteger, nullable=False),
    CheckConstraint("points_left >= 0", name="not_negative"),
)

stores = Table(
    "stores",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("merchant_id", String(30), ForeignKey("merchants.id"), nullable=False),
    Column("external_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("merchant_id", "external_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),  # SHA-256 hex; keys are 256 random bits
    Column("name", Text, nullable=False),
    Column("merchant_id", String(30), ForeignKey("merchants.id")),  # None for an admin key
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

_HAS_ONE = text("birthday_due_on is not null")
_IS_TOLD = text("notice_due_at is not null")
_IS_LOOKED_AT = text("tier_due_at is not null")
members = Table(
    "members",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("merchant_id", String(30), ForeignKey("merchants.id"), nullable=False),  # who enrolled
    Column("content_hash", String(64), nullable=False),  # SHA-256 hex of the JCS of what was asked at enrolment
    Column("email", Text),
    Column("name", Text),
    Column("locale", String(16)),
    Column("birth_date", Date),
    Column("birthday_due_on", Date),  # the next local date on which to look whether it is the birthday
    Column("anniversary_due_on", Date),  # the same of the day on which they joined
    Column("referral_code", Text),
    Column("address", String(42), nullable=False, unique=True),
    Column("sealed_salt_key", LargeBinary),  # None once erased
    Column("lane", Integer, nullable=False),
    Column(
        "state",
        String(10),
        CheckConstraint("state in ('active','leaving','left','closed')", name="state"),
        nullable=False,
    ),
    Column("frozen", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcTime, nullable=False),
    # cached
    Column("available", BigInteger, nullable=False, server_default="0"),
    Column("held", BigInteger, nullable=False, server_default="0"),
    Column("pending", BigInteger, nullable=False, server_default="0"),
    Column("debt", BigInteger, nullable=False, server_default="0"),
    Column("issued", BigInteger, nullable=False, server_default="0"),
    Column("redeemed", BigInteger, nullable=False, server_default="0"),
    Column("expired", BigInteger, nullable=False, server_default="0"),
    Column("reversed", BigInteger, nullable=False, server_default="0"),
    Column("tier", Text),
    Column("tier_due_at", UtcTime),  # when the tier is looked at again
    Column("notice_due_at", UtcTime),  # when to look what the member is to be told of (notice_looks.py)
    Column("purchase_count", BigInteger, nullable=False, server_default="0"),
    Column("last_activity_at", UtcTime),  # the latest purchase or redemption
    Column("leaf_count", BigInteger, nullable=False, server_default="0"),  # numbers the member's leaves
    Column("segments", Text),  # ids with blanks between them, sorted
    Column("merged_into", String(30)),  # the account that this one became part of
    Column("carried_visit", String(60)),  # the last visit of both, until the next purchase (program/merging.py)
    CheckConstraint("available >= 0 and held >= 0 and pending >= 0 and debt >= 0", name="not_negative"),
    Index("ix_members_email", "email"),
    Index("ix_members_tier_due_at", "tier_due_at", "id", sqlite_where=_IS_LOOKED_AT, postgresql_where=_IS_LOOKED_AT),
    Index("ix_members_lane", "lane"),
    Index("ix_members_merged_into", "merged_into"),
    Index("ix_members_birthday_due_on", "birthday_due_on", "id", sqlite_where=_HAS_ONE, postgresql_where=_HAS_ONE),
    Index("ix_members_anniversary_due_on", "anniversary_due_on", "id"),
    Index("ix_members_notice_due_at", "notice_due_at", "id", sqlite_where=_IS_TOLD, postgresql_where=_IS_TOLD),
)

member_keys = Table(
    "member_keys",
    metadata,
    Column("member_id", String(30), ForeignKey("members.id"), primary_key=True),
    Column("address", String(42), nullable=False),
    Column("sealed_key", LargeBinary, nullable=False),  # libsodium sealed box; opened by the signer only
    Column("created_at", UtcTime, nullable=False),
)

member_merchants = Table(
    "member_merchants",
    metadata,
    Column("merchant_id", String(30), ForeignKey("merchants.id"), primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("since", UtcTime, nullable=False),
    UniqueConstraint("merchant_id", "member_id"),
)

IS_SPENDING = text("kind in ('redemption','donation')")
operations = Table(
    "operations",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # pur_ ref_ iss_ red_ adj_ rev_ res_ …
    Column("kind", String(16), nullable=False),  # purchase refund issuance redemption adjustment reversal restoration …
    Column("merchant_id", String(30), ForeignKey("merchants.id"), nullable=False),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("parent_id", String(30), ForeignKey("operations.id")),  # what a refund, reversal or restoration takes back
    Column("store_id", String(30), ForeignKey("stores.id")),
    Column("reference", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),  # SHA-256 hex of the JCS of the resolved body
    Column("ruleset_hash", String(66), ForeignKey("rulesets.hash"), nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Column("facts", JSON, nullable=False),  # what the rules read, and what was asked
    Column("result", JSON, nullable=False),  # breakdown, points, kept …: what was answered, rebuilt from here on replay
    UniqueConstraint("merchant_id", "kind", "reference"),
    Index("ix_operations_member_seq", "member_id", "seq"),
    Index("ix_operations_spent", "member_id", "recorded_at", sqlite_where=IS_SPENDING, postgresql_where=IS_SPENDING),
    Index(  # all of them: the condition keeps PostgreSQL from looking for a merchant's reference here while it has no statistics
        "ix_operations_merchant_recorded_at",
        "merchant_id",
        "recorded_at",
        sqlite_where=text("recorded_at > 0"),
        postgresql_where=text("recorded_at > 0"),
    ),
    Index(  # most have none
        "ix_operations_parent",
        "parent_id",
        sqlite_where=text("parent_id is not null"),
        postgresql_where=text("parent_id is not null"),
    ),
)

purchases = Table(  # cached: what a purchase keeps after its refunds, and what it counts for
    "purchases",
    metadata,
    Column("operation_id", String(30), ForeignKey("operations.id"), primary_key=True),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("local_date", String(10), nullable=False),  # in the programme's time zone
    Column("awarded", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),  # reversed, made debt, or never issued
    Column("refunded_cents", BigInteger, nullable=False),
    Column("tier_spend_cents", BigInteger, nullable=False),
    Column("tier_points", BigInteger, nullable=False),
    Column("tier_orders", BigInteger, nullable=False),
    Column("tier_engagement", BigInteger, nullable=False, server_default="0"),
    Column("visit_number", BigInteger),  # of a purchase, as its facts say
    Column("visit_receipt", BigInteger),
    Index("ix_purchases_member_occurred_at", "member_id", "occurred_at"),
)

campaign_uses = Table(  # cached: purchases and events that keep points of a limited campaign or rule
    "campaign_uses",
    metadata,
    Column("id", String(80), primary_key=True),  # operation and campaign
    Column("operation_id", String(30), ForeignKey("operations.id"), nullable=False),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("campaign_id", String(40), nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("subject", String(200)),  # what an event was about
    Index("ix_campaign_uses_member", "member_id", "campaign_id"),
    Index("ix_campaign_uses_operation", "operation_id"),
)

campaign_budgets = Table(  # cached: their sums; whoever spends of a budget locks its row
    "campaign_budgets",
    metadata,
    Column("campaign_id", String(40), primary_key=True),
    Column("used_points", BigInteger, nullable=False),
    CheckConstraint("used_points >= 0", name="used_points"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", String(30), primary_key=True),  # merchant id, or 'admin'
    Column("key", String(255), primary_key=True),
    Column("content_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("object_ids", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # fct_
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column(
        "kind", String(24), nullable=False
    ),  # purchase, award_pending, award_changed, award_cancelled, tier, frozen, closing …
    Column("operation_id", String(30), ForeignKey("operations.id")),
    Column("due_at", UtcTime),  # for a pending award: when its window ends
    Column("points", BigInteger, nullable=False, server_default="0"),  # of a pending award: by how much it changes
    Column("occurred_at", UtcTime, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_facts_member_seq", "member_id", "seq"),
)

awards = Table(  # cached: pending awards, from facts
    "awards",
    metadata,
    Column("operation_id", String(30), ForeignKey("operations.id"), primary_key=True),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("delivery_by", UtcTime),  # until when a delivery is waited for; None: for none, or no longer
    CheckConstraint("points > 0", name="positive"),
    Index("ix_awards_due_at", "due_at"),
)

_SUMMARISED_AT_ONCE = {"autosummarize": "on", "pages_per_range": 32}  # not at the next vacuum; times follow the numbers
entries = Table(
    "entries",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # ent_
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column(
        "kind", Integer, nullable=False
    ),  # units.EntryKind; a void keeps the kind of what it undoes, with `voids` set
    Column("points", BigInteger, CheckConstraint("points <> 0", name="moves"), nullable=False),  # signed
    Column("party", Integer, nullable=False),
    Column("operation_id", String(30), ForeignKey("operations.id")),
    Column(
        "voids", String(30), ForeignKey("entries.id")
    ),  # the finally skipped entry that this one undoes, all or part of it
    Column("ruleset_hash", String(66), ForeignKey("rulesets.hash"), nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Column("balance_after", BigInteger, CheckConstraint("balance_after >= 0", name="balance"), nullable=False),
    Column("detail", Text, nullable=False),  # RFC 8785 JSON, exactly what is committed to
    Index("ix_entries_member_seq", "member_id", "seq"),
    Index("ix_entries_operation", "operation_id"),
    Index("ix_entries_recorded_at", "recorded_at", postgresql_using="brin", postgresql_with=_SUMMARISED_AT_ONCE),
)

lots = Table(  # cached: from entries and lot_uses
    "lots",
    metadata,
    Column("entry_id", String(30), ForeignKey("entries.id"), primary_key=True),  # the credit that made the lot
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("operation_id", String(30), ForeignKey("operations.id")),
    Column("points", BigInteger, nullable=False),
    Column("points_left", BigInteger, nullable=False),
    Column("points_held", BigInteger, nullable=False, server_default="0"),  # of them: set aside by holds
    Column("party", Integer, nullable=False),  # who issued
    Column("ruleset_hash", String(66), ForeignKey("rulesets.hash"), nullable=False),  # whose expiry model holds
    Column("issued_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),  # None = never
    Column("keeps_date", Boolean, nullable=False, server_default=false()),  # an expiry of its own: no activity moves it
    CheckConstraint("points_left >= 0 and points_left <= points", name="left"),
    Index("ix_lots_member_points_left", "member_id", "points_left"),
    Index("ix_lots_operation", "operation_id"),
    Index(  # of open lots alone: those that are used up are many, and nobody asks for their dates
        "ix_lots_expires_at",
        "expires_at",
        sqlite_where=text("points_left > 0"),
        postgresql_where=text("points_left > 0"),
    ),
)

lot_uses = (
    Table(  # every change of a lot, in order: made, consumed, brought back by an entry; or its date moved by activity
        "lot_uses",
        metadata,
        Column("seq", Serial, primary_key=True),
        Column("lot_id", String(30), ForeignKey("entries.id"), nullable=False),
        Column("entry_id", String(30), ForeignKey("entries.id")),
        Column("operation_id", String(30), ForeignKey("operations.id")),  # the activity that moved the date
        Column("points", BigInteger, nullable=False),  # signed; 0 when only the date moves
        Column("expires_at", UtcTime),  # the lot's date from here on
        CheckConstraint("(points = 0) = (entry_id is null)", name="moves"),
        UniqueConstraint("entry_id", "lot_id"),
        Index("ix_lot_uses_lot", "lot_id"),
    )
)

debts = Table(
    "debts",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # dbt_
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("operation_id", String(30), ForeignKey("operations.id")),  # the refund or reversal that could not take all
    Column("voids", String(30), ForeignKey("entries.id")),  # or the skipped credit that the balance could not cover
    Column("points", BigInteger, CheckConstraint("points <> 0", name="moves"), nullable=False),  # + owed, − paid
    Column("entry_id", String(30), ForeignKey("entries.id")),  # the reversal (or void) that paid
    Column("party", Integer, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    CheckConstraint("(operation_id is null) <> (voids is null)", name="cause"),
    CheckConstraint("(points < 0) = (entry_id is not null)", name="paid"),
    Index("ix_debts_member", "member_id"),
)
