"""The member's cached tier, and the facts that record each change of it."""

from __future__ import annotations

from datetime import datetime

from token_service.ledger.accounts import Account
from token_service.ledger.posting import fact
from token_service.ledger.purchase_facts import history
from token_service.ledger.transaction import Transaction
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import Standing, next_review_at, standing_at


def review(tx: Transaction, account: Account) -> bool:
    """Brings the cached tier up to date under the ruleset in force; a change is a fact with its leaf. True if it
    changed.
    """
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    ruleset = tx.ruleset(ruleset_hash)
    standing, goes_down_at = _standing(tx, account, ruleset)
    due_at = min((at for at in (goes_down_at, tx.next_rules_at) if at is not None), default=None)
    if due_at != account.tier_due_at:
        account.tier_due_at, account.is_changed = due_at, True
    if standing.tier == account.tier:
        return False
    more = {"from": account.tier, "to": standing.tier, "figure": standing.figure}
    fact(tx, account, "tier", operation=None, more=more, ruleset_hash=ruleset_hash)
    account.tier, account.is_changed = standing.tier, True
    return True


def review_if_due(tx: Transaction, account: Account) -> None:
    """Records a change of level whose time has come, so that what is recorded next is decided by the right one."""
    if _is_due(tx, account):
        review(tx, account)


def level_now(tx: Transaction, account: Account) -> str | None:
    """The level that the member holds now, also where the change to it is not recorded yet."""
    return standing_of(tx, account).tier if _is_due(tx, account) else account.tier


def _is_due(tx: Transaction, account: Account) -> bool:
    return account.tier_due_at is not None and account.tier_due_at <= tx.now


def standing_of(tx: Transaction, account: Account) -> Standing:
    """Where the member stands now, and the way to the next level."""
    return _standing(tx, account, tx.ruleset(tx.ruleset_hash_at(tx.now)))[0]


def _standing(tx: Transaction, account: Account, ruleset: Ruleset) -> tuple[Standing, datetime | None]:
    if ruleset.tiers is None:
        return standing_at(ruleset, (), tx.now), None
    entries = history(tx, account).values()
    standing = standing_at(ruleset, entries, tx.now)
    return standing, next_review_at(ruleset, entries, tx.now, standing)
