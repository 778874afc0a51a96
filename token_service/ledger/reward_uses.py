"""What of a member decides which rewards they may have, and at what price: level, memberships, segments, and how often they had
those that are limited.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from token_service.ledger import tables
from token_service.ledger.accounts import Account
from token_service.ledger.membership_rows import held
from token_service.ledger.purchase_facts import segments_of
from token_service.ledger.spendings import spent_by, voided
from token_service.ledger.tiers import level_now
from token_service.ledger.transaction import Transaction
from token_service.program.rewards import Whose

_HAD = ("redemption", "donation")


def whose(tx: Transaction, account: Account) -> Whose:
    """As it is now. Without rewards that are limited, nobody's redemptions are looked at."""
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    limited = {reward.id for reward in ruleset.rewards if reward.per_member is not None}
    memberships = tuple(one.id for one in held(tx, account, tx.now))
    had = _had(tx, account, limited) if limited else {}
    return Whose(level_now(tx, account), memberships, segments_of(account), had, spent_by(tx, account))


def _had(tx: Transaction, account: Account, reward_ids: set[str]) -> dict[str, list[datetime]]:
    """When the member had these rewards, without what came back whole."""
    done = tables.operations.c
    own = select(tables.operations).where(done.member_id == account.id, done.kind.in_((*_HAD, "restoration")))
    rows = tx.connection.execute(own.order_by(done.seq)).all()
    given_back: dict[str, int] = {}
    for row in rows:
        if row.kind == "restoration":
            given_back[row.parent_id] = given_back.get(row.parent_id, 0) + row.facts["points"]
    redeemed = [row for row in rows if row.kind in _HAD and row.facts.get("reward_id") in reward_ids]
    refused = voided(tx, [row.id for row in redeemed])
    found: dict[str, list[datetime]] = {}
    for row in redeemed:
        if row.id not in refused and given_back.get(row.id, 0) < row.facts["points"]:
            found.setdefault(row.facts["reward_id"], []).append(row.occurred_at)
    return found
