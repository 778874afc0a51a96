"""A member is frozen, or no longer: here at once, on the chain soon; by a person, or because they bought too fast."""

from __future__ import annotations

from typing import Final

from token_service.ledger.accounts import Account
from token_service.ledger.posting import fact
from token_service.ledger.transaction import Transaction
from token_service.program.earning import is_too_fast
from token_service.program.facts import PurchaseFacts
from token_service.program.ruleset import Ruleset

RULES: Final = "rules"
"""Who froze a member when no person did."""


def set_frozen(tx: Transaction, account: Account, *, reason: str, actor: str, frozen: bool) -> None:
    """Stages the change, the fact that records it and the chain's own."""
    freeze_account(tx, account, reason=reason, actor=actor, frozen=frozen)
    tx.staged.admin_operations.append(("set_frozen", "guard", {"account": account.address, "frozen": frozen}))


def freeze_account(tx: Transaction, account: Account, *, reason: str, actor: str, frozen: bool) -> None:
    """Stages the change here and the fact that records it."""
    account.frozen, account.is_changed = frozen, True
    fact(tx, account, "frozen" if frozen else "unfrozen", operation=None, more={"reason": reason, "actor": actor})


def freeze_if_too_fast(tx: Transaction, account: Account, ruleset: Ruleset, facts: PurchaseFacts) -> None:
    """Freezes a member who went on buying after `limits.velocity`, where the rules say so: a person looks and decides."""
    velocity = ruleset.limits.velocity
    if velocity is None or not velocity.freeze or not is_too_fast(ruleset, facts):
        return
    reason = f"more than {velocity.purchases} purchases in {velocity.every} (limits.velocity)"
    set_frozen(tx, account, reason=reason, actor=RULES, frozen=True)
