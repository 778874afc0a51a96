"""The member's cached tier, and the facts that record each change of it."""

from __future__ import annotations

from datetime import datetime

from token_service.ledger.accounts import Account
from token_service.ledger.notices import look_by, tell
from token_service.ledger.posting import fact
from token_service.ledger.purchase_facts import history
from token_service.ledger.staged import Fact
from token_service.ledger.transaction import Transaction
from token_service.program.notices import DOWNGRADE_AHEAD, may_be_lost, tier_kind
from token_service.program.ruleset import Ruleset
from token_service.program.tiers import Standing, next_review_at, standing_at


def review(tx: Transaction, account: Account, *, is_only_more: bool = False) -> bool:
    """Brings the cached tier up to date under the ruleset in force; a change is a fact with its leaf, and the member is told.
    True if it changed. `is_only_more`: by the same rules as at the last review, and nothing that counted then counts less, so
    that a level that stays ends no earlier than it would have.
    """
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    ruleset = tx.ruleset(ruleset_hash)
    standing, goes_down_at = _standing(tx, account, ruleset)
    due_at = min((at for at in (goes_down_at, tx.next_rules_at) if at is not None), default=None)
    if due_at != account.tier_due_at:
        account.tier_due_at, account.is_changed = due_at, True
    is_new = standing.tier != account.tier
    if (is_new or not is_only_more) and goes_down_at is not None and may_be_lost(ruleset, standing.tier):
        look_by(account, goes_down_at - DOWNGRADE_AHEAD)
    if is_new:
        _change(tx, account, ruleset, ruleset_hash, standing)
    return is_new


def _change(tx: Transaction, account: Account, ruleset: Ruleset, ruleset_hash: str, standing: Standing) -> None:
    more = {"from": account.tier, "to": standing.tier, "figure": standing.figure}
    recorded = fact(tx, account, "tier", operation=None, more=more, ruleset_hash=ruleset_hash)
    tell_change(tx, recorded, ruleset, before=account.tier, after=standing.tier)
    account.tier, account.is_changed = standing.tier, True


def tell_change(tx: Transaction, recorded: Fact, ruleset: Ruleset, *, before: str | None, after: str | None) -> None:
    """The one notice of the fact that records a change of level."""
    kind, said = tier_kind(ruleset, before, after), {"from": before, "to": after}
    tell(tx, recorded.member_id, kind, cause=recorded.id, data=said, at=recorded.recorded_at)


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
