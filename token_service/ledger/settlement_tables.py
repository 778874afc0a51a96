"""How what is recorded gets to the chain: leaves, lanes, batches, transactions, blocks (DESIGN §5).

States, guarded by CHECK: leaf `accepted → batched → mined ⇄ batched → final | skipped`; batch and transaction follow
reference/settlement-engines.md §2.3. A leaf is the settlement side of one entry or one fact and has its id.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
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

leaves = Table(
    "leaves",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # the entry's (ent_) or the fact's (fct_)
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("lane", Integer, nullable=False),
    Column("account", String(42), nullable=False),
    Column("kind", Integer, nullable=False),  # units.EntryKind; 0 is a fact
    Column("party", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("commitment", String(66), nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Column("settle_by", UtcTime, nullable=False),
    Column("promise", String(132), nullable=False),  # 65-byte signature, hex
    Column(
        "state",
        String(8),
        CheckConstraint("state in ('accepted','batched','mined','final','skipped','void')", name="state"),
        nullable=False,
    ),
    Column("batch_id", BigInteger, ForeignKey("batches.id")),
    Column("position", Integer),  # the leaf's index in its batch
    Column("skip_reason", Integer),  # the contract's word on the last skip
    Column("deferred_count", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcTime),  # a deferred leaf, and its member's later ones, wait until then
    CheckConstraint("(state in ('accepted','void')) = (batch_id is null)", name="batched"),
    CheckConstraint("(batch_id is null) = (position is null)", name="position"),
    UniqueConstraint("batch_id", "position"),
    Index("ix_leaves_state_lane_seq", "state", "lane", "seq"),
    Index("ix_leaves_member_seq", "member_id", "seq"),
    Index(  # few leaves are deferred: the others need no place in it
        "ix_leaves_not_before",
        "not_before",
        sqlite_where=text("not_before is not null"),
        postgresql_where=text("not_before is not null"),
    ),
)

deferrals = Table(  # places in batches where a leaf was skipped and then planned again elsewhere
    "deferrals",
    metadata,
    Column("batch_id", BigInteger, ForeignKey("batches.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("leaf_id", String(30), ForeignKey("leaves.id"), nullable=False),
    Column("reason", Integer, nullable=False),
    Index("ix_deferrals_leaf", "leaf_id"),
)

lanes = Table(
    "lanes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("operator", String(42), nullable=False, unique=True),
    Column("next_nonce", BigInteger, nullable=False),
    Column("next_seq", BigInteger, nullable=False),
    Column(
        "state",
        String(8),
        CheckConstraint("state in ('active','draining','blocked','halted','disabled')", name="state"),
        nullable=False,
    ),
    Column("reason", Text),  # in words
    Column("reason_code", String(24)),  # a code of chain/settlement/lanes.py
    Column(
        "is_retiring", Boolean, nullable=False, server_default=false()
    ),  # takes no new members, ends when it is empty
    Column("cleared_at", UtcTime),  # when a person last decided that it may go on …
    Column("cleared_because", Text),  # … and why
)

leases = Table(  # who works on what for a while, so that several workers don't all do the same; never a matter of right or wrong
    "leases",
    metadata,
    Column("name", String(48), primary_key=True),  # lane:0, chain; worker:… says only that it lives
    Column("holder", String(48), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

worker_figures = Table(  # what only workers know, for /metrics
    "worker_figures",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("labels", String(400), primary_key=True),  # their values, as a JSON list
    Column("value", Float, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("operator", String(42), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("ruleset_hash", String(66), nullable=False),
    Column("receipts_root", String(66), nullable=False),
    Column("word_count", Integer, nullable=False),
    Column("leaf_count", Integer, nullable=False),
    Column(
        "state",
        String(8),
        CheckConstraint("state in ('planned','mined','final','reverted')", name="state"),
        nullable=False,
    ),
    Column("created_at", UtcTime, nullable=False),
    Column("block_number", BigInteger),
    Column("block_hash", String(66)),
    Column("block_time", UtcTime),
    Column("transaction_hash", String(66)),
    Column("gas_used", BigInteger),
    Column("minted", BigInteger),
    Column("burned", BigInteger),
    Column("repair", BigInteger),  # the repair that wrote it again after the ledger was restored
    Column(
        "is_file_lost", Boolean, nullable=False, server_default=false()
    ),  # its leaves are what the transaction's words say, without commitments
    UniqueConstraint("operator", "seq"),
    Index("ix_batches_state", "state"),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("operator", String(42), nullable=False),  # the sending account: a lane's operator, or an admin role's key
    Column("nonce", BigInteger, nullable=False),
    Column(
        "purpose", String(8), CheckConstraint("purpose in ('batch','admin','filler')", name="purpose"), nullable=False
    ),
    Column("batch_id", BigInteger, ForeignKey("batches.id")),
    Column("admin_operation_id", String(30), ForeignKey("admin_operations.id")),
    Column("to", String(42)),  # None: contract creation
    Column("data", LargeBinary, nullable=False),
    Column(
        "state",
        String(8),
        CheckConstraint("state in ('signed','sent','mined','final','reverted','foreign')", name="state"),
        nullable=False,
    ),
    Column("succeeded", Boolean),  # the receipt's status, None until mined
    Column("block_number", BigInteger),
    Column("block_hash", String(66)),
    Column("fee_gwei", BigInteger),  # what its gas cost, rounded up; None until that is known
    Column("mined_at", UtcTime),  # its block's time
    UniqueConstraint("operator", "nonce"),
    Index("ix_transactions_state", "state", "operator"),
    Index("ix_transactions_mined_at", "mined_at"),
    CheckConstraint("(purpose = 'batch') = (batch_id is not null)", name="batch"),
    CheckConstraint("(purpose = 'admin') = (admin_operation_id is not null)", name="admin"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("transaction_id", BigInteger, ForeignKey("transactions.id"), nullable=False),
    Column("bump", Integer, nullable=False),
    Column("hash", String(66), nullable=False, unique=True),
    Column("raw", LargeBinary, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee_per_gas", BigInteger, nullable=False),
    Column("max_priority_fee_per_gas", BigInteger, nullable=False),
    Column("sent_count", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    UniqueConstraint("transaction_id", "bump"),
)

admin_operations = Table(
    "admin_operations",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # adm_
    Column(
        "kind", String(24), nullable=False
    ),  # publish_ruleset, publish_addendum, register_party, set_ceiling, pause, unpause, set_frozen …
    Column("role", String(8), nullable=False),  # admin, rules, issuers, guard
    Column("arguments", JSON, nullable=False),
    Column(
        "state",
        String(8),
        CheckConstraint("state in ('accepted','sent','final','failed')", name="state"),
        nullable=False,
    ),
    Column("error", Text),
    Column("created_at", UtcTime, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
    Column("hash", String(66), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("parent_hash", String(66), nullable=False),
    Column("timestamp", UtcTime, nullable=False),
    Column("state", String(8), CheckConstraint("state in ('seen','final','orphaned')", name="state"), nullable=False),
    Index(
        "ix_blocks_number",
        "number",
        unique=True,
        sqlite_where=text("state <> 'orphaned'"),
        postgresql_where=text("state <> 'orphaned'"),
    ),
    Index("ix_blocks_height", "number"),
)

chain_events = Table(
    "chain_events",
    metadata,
    Column("block_hash", String(66), ForeignKey("blocks.hash"), primary_key=True),
    Column("log_index", Integer, primary_key=True),
    Column("block_number", BigInteger, nullable=False),
    Column("transaction_hash", String(66), nullable=False),
    Column("name", String(40), nullable=False),
    Column("arguments", JSON, nullable=False),
    Index("ix_chain_events_block_number", "block_number"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", String(24), primary_key=True),  # 'indexed', 'final'
    Column("number", BigInteger, nullable=False),
    Column("hash", String(66), nullable=False),
)

reconciliations = Table(  # ledger and chain compared as of one final block
    "reconciliations",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", String(66), nullable=False),
    Column("accounts", BigInteger, nullable=False),  # whose balances were compared
    Column("last_member", String(30)),  # where the next round of some members goes on; None: at the start
    Column("mismatches", JSON, nullable=False),
)
