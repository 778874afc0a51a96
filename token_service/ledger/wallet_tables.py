"""Members who keep their points in a wallet of their own: what they sign, and what the chain says that they did (DESIGN §3.8).

`mandates` are orders that a member's signature makes valid: to leave, to come back, to spend. `wallet_accounts` follow what the
contract says of accounts that were ever bound or signed. `wallet_events` are what final blocks say of members' accounts, in the
chain's order; one waits while an entry of the ledger that it depends on is on its way.
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
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from token_service.ledger import settlement_tables, tables
from token_service.ledger.schema import Serial, UtcTime, metadata

__all__ = ["mandates", "settlement_tables", "tables", "wallet_accounts", "wallet_events"]

_ONE_MOVE = "kind <> 'redemption' and state in ('unsigned','waiting','sent')"

mandates = Table(
    "mandates",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("id", String(30), nullable=False, unique=True),  # man_
    Column("kind", String(10), CheckConstraint("kind in ('leave','return','redemption')", name="kind"), nullable=False),
    Column(
        "state",
        String(9),
        CheckConstraint("state in ('unsigned','waiting','sent','final','failed','cancelled')", name="state"),
        nullable=False,
    ),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("actor", Text, nullable=False),  # who asked
    Column("from_address", String(42), nullable=False),
    Column("to_address", String(42)),  # of a leave or a return
    Column("sealed_key", LargeBinary),  # of a return: the key of the fresh address
    Column("expires_at", BigInteger),  # of a leave, unix seconds: from then on points may expire there; 0 = never
    Column("merchant_id", String(30), ForeignKey("merchants.id")),  # of a redemption, as what follows
    Column("reference", Text),
    Column("party", Integer),
    Column("points", BigInteger),
    Column("reward_id", Text),
    Column("quote", Text),  # RFC 8785 JSON whose hash is signed
    Column("quote_hash", String(66), unique=True),
    Column("nonce", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),  # unix seconds: the contract refuses the signature after it
    Column("signature", Text),  # hex
    Column("ready_at", UtcTime),  # of a leave to the address that we keep: when its key may be shown …
    Column("exported_at", UtcTime),  # … and when it was first
    Column("after_seq", BigInteger),  # of a leave or a return: the member's later leaves wait until it has ended
    Column("admin_operation_id", String(30), ForeignKey("admin_operations.id")),
    Column("because", Text),  # why it failed
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    UniqueConstraint("merchant_id", "reference"),
    Index("ix_mandates_member", "member_id", "seq"),
    Index("ix_mandates_state", "state", sqlite_where=text("state in ('waiting','sent')"),
          postgresql_where=text("state in ('waiting','sent')")),
    Index("ix_mandates_one_move", "member_id", unique=True, sqlite_where=text(_ONE_MOVE), postgresql_where=text(_ONE_MOVE)),
)  # fmt: skip

wallet_accounts = Table(  # cached from the chain by the indexer
    "wallet_accounts",
    metadata,
    Column("address", String(42), primary_key=True),
    Column("nonce", BigInteger, nullable=False),  # the next one
    Column("is_self_custody", Boolean, nullable=False, server_default=false()),
    Column("expires_at", BigInteger, nullable=False, server_default="0"),  # unix seconds, 0 = never
)

wallet_events = Table(
    "wallet_events",
    metadata,
    Column("transaction_hash", String(66), primary_key=True),
    Column("log_index", Integer, primary_key=True),
    Column("block_hash", String(66)),  # None: written again after a restored backup
    Column("block_number", BigInteger, nullable=False),
    Column("block_time", UtcTime, nullable=False),
    Column("member_id", String(30), ForeignKey("members.id"), nullable=False),
    Column("name", String(24), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("state", String(6), CheckConstraint("state in ('waits','posted')", name="state"), nullable=False),
    Column("entry_id", String(30), ForeignKey("entries.id"), unique=True),  # what it posted: such an entry has no leaf
    Index("ix_wallet_events_member", "member_id"),
    Index(
        "ix_wallet_events_waits",
        "state",
        sqlite_where=text("state = 'waits'"),
        postgresql_where=text("state = 'waits'"),
    ),
)
