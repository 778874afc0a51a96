"""Challenges at work (docs/rulesets.md "Challenges"): each purchase and event is counted; what that completes is an event of its
own, recorded and awarded with it; a refund takes back what it makes undone.

Purchases count by the rules of their day; what is complete, and what that gives, is decided by the rules in force now. A voucher
that was honoured stays: the next one is due when its own number is reached.
"""

from __future__ import annotations

from token_service.ledger import operations, tiers
from token_service.ledger.accounts import Account
from token_service.ledger.challenge_rows import completions, read_steps, step_id, step_of, steps_of
from token_service.ledger.event_awards import keep_nothing, record_own
from token_service.ledger.issuances import take_part_back
from token_service.ledger.notices import tell
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import Completion, NewVoucherRow, Operation
from token_service.ledger.transaction import Transaction
from token_service.ledger.voucher_rows import cancel_if_open, drawn_voucher, ends_at, voucher_row
from token_service.program import notices
from token_service.program.challenge_limits import gives_its_award
from token_service.program.challenge_schema import Challenge
from token_service.program.challenges import (
    COMPLETED,
    Counted,
    challenge_named,
    event_counts,
    lost_keys,
    new_keys,
    purchase_counts,
    subject_of,
)
from token_service.program.earning import Award
from token_service.program.event_facts import EventFacts
from token_service.program.facts import PurchaseFacts
from token_service.program.refunds import Refund
from token_service.program.ruleset import Ruleset


def after_purchase(tx: Transaction, account: Account, purchase: Operation, facts: PurchaseFacts) -> None:
    """Counts the purchase, and records what it completes. Raises what awarding raises: CeilingReached, ProgramPaused."""
    _count(tx, account, purchase, facts.local.date, purchase_counts(tx.ruleset(purchase.ruleset_hash), facts))


def after_event(tx: Transaction, account: Account, event: Operation) -> None:
    """Counts the event, and records what it completes. Raises as `after_purchase`."""
    facts = EventFacts.from_json(event.facts)
    _count(tx, account, event, facts.local.date, event_counts(tx.ruleset(event.ruleset_hash), facts))


def after_refund(
    tx: Transaction, account: Account, purchase: Operation, facts: PurchaseFacts, refunds: tuple[Refund, ...]
) -> None:
    """Counts what is left of the purchase, and takes back what that makes undone."""
    _recount(tx, account, purchase, purchase_counts(tx.ruleset(purchase.ruleset_hash), facts, refunds))


def after_reversal(tx: Transaction, account: Account, event: Operation) -> None:
    """An event that was taken back counts for nothing."""
    _recount(tx, account, event, {})


def _count(tx: Transaction, account: Account, operation: Operation, day: str, counts: dict[str, int]) -> None:
    if not counts:
        return
    read_steps(tx, account, tuple(counts))
    for challenge_id, amount in counts.items():
        counted = Counted(day, amount)
        account.challenge_steps[challenge_id][operation.id] = counted
        tx.staged.challenge_steps.append(step_of(operation, challenge_id, counted))
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    for challenge_id in counts:
        challenge = challenge_named(ruleset, challenge_id)
        if challenge is not None:
            _complete(tx, account, operation, ruleset, challenge)


def _complete(tx: Transaction, account: Account, operation: Operation, ruleset: Ruleset, challenge: Challenge) -> None:
    counted = account.challenge_steps[challenge.id].values()
    given = completions(tx, account)
    for key in new_keys(challenge, counted, _keys_given(given, challenge.id)):
        subject = subject_of(challenge.id, key)
        event = _record(tx, account, operation, challenge, subject)
        given[subject] = event.id
        _tell(tx, account, challenge, event)


def _tell(tx: Transaction, account: Account, challenge: Challenge, event: Operation) -> None:
    result = event.result
    gave = {"points": result["points"], "reward": result.get("reward"), "voucher_id": result.get("voucher")}
    tell(tx, account.id, notices.COMPLETED, cause=event.id, data={"challenge": challenge.id, **gave})
    if challenge.award.badge:
        tell(tx, account.id, notices.BADGE, cause=event.id, data={"badge": challenge.id})


def _keys_given(given: dict[str, str], challenge_id: str) -> set[str]:
    prefix = subject_of(challenge_id, "")
    return {subject.removeprefix(prefix) for subject in given if subject.startswith(prefix)}


def _record(tx: Transaction, account: Account, operation: Operation, challenge: Challenge, subject: str) -> Operation:
    """The event of one completion, with its voucher if that is what it gives."""
    reward, reference = challenge.award.reward, f"{COMPLETED}/{subject}/{operation.id}"
    if reward is None:
        event = record_own(tx, account, COMPLETED, reference, subject=subject, parent_id=operation.id)
    else:
        voucher_id, code_hash = drawn_voucher(tx, account.id)

        def won(award: Award) -> dict[str, str]:
            return {"reward": reward, "voucher": voucher_id} if gives_its_award(challenge, award) else {}

        event = record_own(tx, account, COMPLETED, reference, subject=subject, parent_id=operation.id, won=won)
    if reward is not None and "voucher" in event.result:
        until = ends_at(tx, event.ruleset_hash, reward, tx.now)
        tx.staged.vouchers.append(NewVoucherRow(voucher_id, event.id, account.id, reward, code_hash, tx.now, until))
    tx.staged.completions.append(Completion(event.id, account.id, subject))
    return event


def _recount(tx: Transaction, account: Account, operation: Operation, counts: dict[str, int]) -> None:
    before = steps_of(tx, operation.id)
    changed = {name: counts.get(name, 0) for name, step in before.items() if counts.get(name, 0) != step.amount}
    if not changed:
        return
    read_steps(tx, account, tuple(changed))
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    for challenge_id, amount in changed.items():
        steps = account.challenge_steps[challenge_id]
        was = list(steps.values())
        steps[operation.id] = Counted(before[challenge_id].date, amount)
        tx.staged.changed_steps.append((step_id(operation.id, challenge_id), amount))
        challenge = challenge_named(ruleset, challenge_id)
        if challenge is not None:
            _undo(tx, account, challenge, was, list(steps.values()))


def _undo(tx: Transaction, account: Account, challenge: Challenge, was: list[Counted], now: list[Counted]) -> None:
    given = completions(tx, account)
    for key in lost_keys(challenge, was, now, _keys_given(given, challenge.id)):
        subject = subject_of(challenge.id, key)
        if _take_back(tx, account, given[subject]):
            del given[subject]


def _take_back(tx: Transaction, account: Account, event_id: str) -> bool:
    """Whether what the completion gave was taken back: not if it was a voucher that somebody honoured."""
    voucher = voucher_row(tx, vouchers.c.operation_id == event_id)
    if voucher is not None and voucher.used_at is not None:
        return False
    event = operations.loaded(tx, [event_id])[event_id]
    reversal = take_part_back(
        tx,
        account,
        event,
        asked=event.result["points"],
        named=(f"{COMPLETED}/back/{event_id}", operations.content_hash({"of": event_id})),
        reason=None,
        actor_name="service",
    )
    keep_nothing(tx, account, event, reversal)
    cancel_if_open(tx, event_id)
    tx.staged.taken_back.append(event_id)
    tiers.review(tx, account)
    return True
