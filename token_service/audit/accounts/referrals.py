"""Referrals: each counts once on each side, behind a purchase that was kept, and once more after it was taken back. When the
invited one has no purchase left that was kept, both sides are taken back with the refund.

Who knows whom can be seen by nobody outside. The two sides are leaves of two accounts: where one of them does not open, or was
not replayed to its end, nothing is said about the other one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from token_service.audit.accounts.account import Account, Operation, Referral
from token_service.audit.accounts.step import Step
from token_service.audit.accounts.storage import Storage
from token_service.audit.report import Finding, printable
from token_service.program.action_schema import REFERRED
from token_service.program.event_facts import EventFacts
from token_service.program.events import INVITED, REFERRALS_MAX, needs_earned_points

SURELY_LATER: Final = timedelta(minutes=5)
"""What was recorded so much later has a higher number, whichever process's clock said when."""
COMES_WITHIN: Final = timedelta(hours=1)
"""How long what belongs to a refund may take to be settled behind it."""
_SERVICE: Final = "service"


def count(step: Step, facts: EventFacts) -> None:
    """An event of one side: the first one of its referral, or the next one after that was taken back."""
    if facts.event not in (REFERRED, INVITED):
        return
    account, subject = step.account, facts.subject or ""
    before = account.referrals.get(_key(facts))
    is_first = step.storage.name("referral", facts.event, subject)
    may_again = (
        before is not None and before.back_at is not None and not before.is_final and before.times < REFERRALS_MAX
    )
    if not (is_first if before is None else may_again):
        step.differs("history", "a referral is counted twice", expected="once", found=facts.subject)
    if facts.event == INVITED and not _keeps_a_purchase(account):
        detail = "somebody was invited who bought nothing"
        step.differs("history", detail, expected="a purchase before it, and kept", found="none")
    earned = facts.earned_points or 0
    if facts.event == INVITED and needs_earned_points(step.ruleset()):
        step.same("awards", "what a friend's first purchase keeps", _first_kept(account), earned)
    times = 1 if before is None else before.times + 1
    operation_id = step.leaf.text_of("operation_id")
    account.referrals[_key(facts)] = Referral(operation_id, facts.event, subject, times, earned_points=earned)


def taken_back(step: Step, event: Operation, facts: EventFacts) -> None:
    """One side's event counts for nothing any more; what a person took back is not earned again."""
    account = step.account
    found = account.referrals.get(_key(facts))
    if found is None or found.operation != event.id:
        return
    found.back_at = step.leaf.recorded_at
    found.is_final = step.leaf.detail.get("actor") != _SERVICE
    if _key(facts) in account.owes_referrals:
        account.owes_referrals.remove(_key(facts))
    if facts.event == INVITED and not found.is_final and INVITED in account.once:
        account.once.remove(INVITED)


def refunded(step: Step) -> None:
    """After a refund: what was given for a purchase that was kept must follow if there is none left."""
    account = step.account
    standing = [key for key, one in account.referrals.items() if one.event == INVITED and one.back_at is None]
    if standing and not _keeps_a_purchase(account):
        account.owes_referrals = standing
        account.owes_referrals_at = step.leaf.recorded_at


def check_owed(step: Step) -> None:
    """What a refund took the reason from must have been taken back before this leaf, which begins something else."""
    account, leaf = step.account, step.leaf
    if not account.owes_referrals:
        return
    comes_along = leaf.operation in (None, "reversal") or leaf.detail.get("pays_debt") is True
    if leaf.recorded_at == account.owes_referrals_at and comes_along:
        return
    step.differs("reversals", _KEPT, expected=", ".join(account.owes_referrals), found=leaf.kind)
    account.owes_referrals = []


def untold(storage: Storage, now: datetime) -> Iterator[Finding]:
    """What is still there at the end though nothing is left of what was bought: of the invited ones, and of who invited them."""
    for account in storage.with_owed_referrals():
        at = account.owes_referrals_at
        if account.is_whole and at is not None and now - at > COMES_WITHIN:
            yield Finding("reversals", _KEPT, expected=", ".join(account.owes_referrals), found=account.address)
    for address, subject, back_at in storage.referrals_kept_by_inviters(INVITED, REFERRED):
        account = storage.account(address)
        last = account.last_recorded_at
        if account.is_whole and last is not None and last > back_at + SURELY_LATER:
            expected = f"taken back with {INVITED}/{subject}"
            yield Finding("reversals", _KEPT, expected=printable(expected), found=f"kept by {account.address}")
    for subject, invited, referred in storage.referrals_told_in_two_ways(INVITED, REFERRED):
        said = f"{referred} in {REFERRED}/{subject}"
        yield Finding("awards", _EARNED, expected=str(invited), found=printable(said))


_EARNED: Final = "what a friend's first purchase keeps is told in two ways"
_KEPT: Final = "an invitation is still paid for, and nothing was kept of what the invited member bought"


def _keeps_a_purchase(account: Account) -> bool:
    return any(one.orders for one in account.history.values())


def _first_kept(account: Account) -> int:
    """What the earliest purchase keeps that was neither given back nor left undelivered; of one instant the first id."""
    kept = [
        (one.at, operation, one.points)
        for operation, one in account.history.items()
        if one.orders and operation not in account.lapsed
    ]
    return min(kept)[2] if kept else 0


def _key(facts: EventFacts) -> str:
    return f"{facts.event}/{facts.subject or ''}"
