"""Levels: each change of a member's level is a leaf, and it must be the one that the history gives (program.tiers)."""

from __future__ import annotations

from token_service.audit.accounts.lots import prolong
from token_service.audit.accounts.step import Step
from token_service.program.tiers import first_tier, standing_at


def changed(step: Step) -> None:
    """A `tier` leaf: from the level held so far, to the one of the history at that instant, with its figure."""
    leaf, account = step.leaf, step.account
    standing = standing_at(step.ruleset(), account.history.values(), leaf.recorded_at)
    if account.is_tier_known:
        step.same("tiers", "the level before this change", account.tier, leaf.detail.get("from"))
    told = leaf.detail.get("to")
    if told != standing.tier:
        step.differs("tiers", "the history gives another level", expected=standing.tier, found=told)
    step.same("tiers", "the figure that the level counts", standing.figure, leaf.detail.get("figure"))
    account.tiers_left.append((leaf.recorded_at, account.tier))
    account.tier = None if told is None else str(told)
    account.is_tier_known, account.owes_tier = True, None


def joined(step: Step) -> None:
    """Leaf number 1: since when the account is a member, and the level of a member without history."""
    account = step.account
    account.joined_at = step.leaf.instant_of("joined_at")
    if account.joined_at is None:
        step.differs("history", "the first leaf does not say when the member joined", expected="joined_at")
        return
    if account.joined_at > step.leaf.recorded_at:
        step.differs(
            "history", "the member joined after this", expected=f"≤ {step.leaf.recorded_at}", found=account.joined_at
        )
    hash_ = step.rulebook.in_force(account.joined_at)
    if hash_ is not None:
        account.tier = first_tier(step.ruleset_of(hash_))
        account.is_tier_known = step.rulebook.is_certain(account.joined_at, account.joined_at)


def close(step: Step) -> None:
    """What the ledger did behind the last leaf of a purchase or refund, once another one begins: lots were prolonged, and a
    level that the history changed must be the next leaf.
    """
    account = step.account
    closing, account.closing = account.closing, None
    if closing is None:
        return
    if closing.activity_at is not None:
        prolong(step, closing.activity_at)
        account.last_activity_at = max(closing.activity_at, account.last_activity_at or closing.activity_at)
    at = closing.recorded_at
    hash_ = step.rulebook.in_force(at)
    if hash_ is None or not account.is_tier_known:
        return
    ruleset = step.ruleset_of(hash_)
    if (ruleset.tiers is None and account.tier is None) or not step.rulebook.is_certain(at, at):
        return
    tier = standing_at(ruleset, account.history.values(), at).tier if ruleset.tiers is not None else None
    if tier != account.tier:
        account.owes_tier = [tier]
        check_owed(step)


def check_owed(step: Step) -> None:
    """A change of level that is due must be the very next leaf."""
    account, leaf = step.account, step.leaf
    owed, account.owes_tier = account.owes_tier, None
    if owed is not None and leaf.kind != "tier":
        step.differs("tiers", "the level changed and no leaf says so", expected=owed[0], found=account.tier)
