"""Run by alembic: migrates on the connection that `token_service.migrations` hands over."""

from __future__ import annotations

from alembic import context

from token_service.ledger import (
    benefit_tables,
    cause_tables,
    challenge_tables,
    contact_tables,
    hold_tables,
    import_tables,
    membership_tables,
    merge_tables,
    profile_tables,
    proposal_tables,
    referral_tables,
    refusal_tables,
    repair_tables,
    reward_tables,
    session_tables,
    settlement_tables,
    staff_tables,
    standing_tables,
    tables,
    user_tables,
    wallet_tables,
)
from token_service.ledger.schema import metadata

__all__ = [
    "benefit_tables",
    "cause_tables",
    "challenge_tables",
    "contact_tables",
    "hold_tables",
    "import_tables",
    "membership_tables",
    "merge_tables",
    "profile_tables",
    "proposal_tables",
    "referral_tables",
    "refusal_tables",
    "repair_tables",
    "reward_tables",
    "session_tables",
    "settlement_tables",
    "staff_tables",
    "standing_tables",
    "tables",
    "user_tables",
    "wallet_tables",
]

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=False)
with context.begin_transaction():
    context.run_migrations()
