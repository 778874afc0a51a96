"""Challenges: what each purchase and event counts for is recomputed; a completion must be due, and what is due must be given.

A completion comes right behind what completes it, one after the other; what a refund makes undone is taken back right behind it,
unless it was a voucher that somebody honoured.
"""

from __future__ import annotations

from datetime import datetime

from token_service.audit.accounts.account import Account, Operation
from token_service.audit.accounts.opened import opened_event, opened_facts
from token_service.audit.accounts.step import Step
from token_service.program.challenge_limits import gives_its_award
from token_service.program.challenges import (
    AT_ONCE_MAX,
    COMPLETED,
    Counted,
    challenge_named,
    challenge_of,
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


def count(step: Step, ruleset: Ruleset, operation_id: str, facts: PurchaseFacts | EventFacts) -> None:
    """A purchase or event counts; the completions that it brings may follow."""
    is_purchase = isinstance(facts, PurchaseFacts)
    counts = purchase_counts(ruleset, facts) if is_purchase else event_counts(ruleset, facts)  # type: ignore[arg-type]
    if not counts:
        return
    account = step.account
    for challenge_id, amount in counts.items():
        account.challenges.steps.setdefault(challenge_id, {})[operation_id] = Counted(facts.local.date, amount)
    account.challenges.trigger = operation_id
    account.challenges.may_complete = list(counts)
    account.challenges.given_now = {}
    account.challenges.at = step.leaf.recorded_at


def completed(step: Step, ruleset: Ruleset, facts: EventFacts, operation: Operation, award: Award) -> None:
    """The event of a completion: it must be the next one that is due, and give what the rules give for it."""
    leaf, state = step.leaf, step.account.challenges
    challenge_id, subject = challenge_of(facts.subject), facts.subject or ""
    challenge = challenge_named(ruleset, challenge_id)
    due: tuple[str, ...] = ()
    if challenge is not None and challenge_id in state.may_complete and leaf.detail.get("of") == state.trigger:
        now = state.given_now.get(challenge_id, 0)
        steps = state.steps.get(challenge_id, {}).values()
        due = new_keys(challenge, steps, _given(step.account, challenge_id)) if now < AT_ONCE_MAX else ()
    if not due or subject != subject_of(challenge_id, due[0]):
        expected = subject_of(challenge_id, due[0]) if due else "no completion"
        step.differs("awards", "a challenge is completed that is not due", expected=expected, found=subject)
    reward = challenge.award.reward if challenge is not None and gives_its_award(challenge, award) else None
    step.same("awards", "the reward of a challenge", reward, leaf.detail.get("reward"))
    operation.reward, operation.at = reward, leaf.recorded_at
    state.given_now[challenge_id] = state.given_now.get(challenge_id, 0) + 1
    state.completions[subject] = operation.id


def recount(step: Step, operation: Operation, refunds: tuple[Refund, ...] | None) -> None:
    """After a refund, or the reversal of an event (None), the operation counts for less; what that makes undone must follow."""
    account, state = step.account, step.account.challenges
    ruleset = step.ruleset_of(operation.ruleset)
    if refunds is None:
        counts = dict.fromkeys(event_counts(ruleset, opened_event(operation.text)), 0)
    else:
        counts = purchase_counts(ruleset, opened_facts(operation.text), refunds)
    at = step.leaf.recorded_at
    hash_ = step.rulebook.in_force(at)
    if not counts or hash_ is None:
        return
    rules, certain = step.ruleset_of(hash_), step.rulebook.is_certain(at, at)
    for challenge_id, amount in counts.items():
        steps = state.steps.setdefault(challenge_id, {})
        before = steps.get(operation.id)
        if before is None or before.amount == amount:
            continue
        was = list(steps.values())
        steps[operation.id] = Counted(before.date, amount)
        challenge = challenge_named(rules, challenge_id)
        if challenge is not None:
            lost = lost_keys(challenge, was, list(steps.values()), _given(account, challenge_id))
            subjects = [subject_of(challenge_id, key) for key in lost]
            for subject in subjects:
                given = step.storage.operation(state.completions[subject])
                if given is None or not given.is_used:
                    state.owes_back.append(subject)
                # whether a voucher was honoured of an account that became part of this one, leaves say that no number puts
                # before or behind this one
                certain = certain and (given is None or given.reward is None or given.account == account.home)
    state.is_certain, state.at = certain, at


def taken_back(step: Step, operation: Operation, facts: EventFacts) -> None:
    """The reversal of a completion: it must be one that a refund made undone."""
    state = step.account.challenges
    names = (name for name, event in state.completions.items() if event == operation.id)
    subject = next(names, facts.subject or "")  # another one than the event's where two accounts became one
    if subject in state.owes_back:
        state.owes_back.remove(subject)
    elif state.is_certain:
        step.differs("reversals", "a challenge is taken back that is still complete", expected="kept", found=subject)
    if state.completions.get(subject) == operation.id:
        del state.completions[subject]
    operation.is_void = True
    if operation.account != step.account.home:
        operation.void_at = step.leaf.recorded_at


def check_owed(step: Step) -> None:
    """What was due must have come before this leaf, which begins something else."""
    leaf, state = step.leaf, step.account.challenges
    if not (state.may_complete or state.owes_back) or _belongs(step):
        return
    if state.owes_back and state.is_certain:
        detail = "a challenge that a refund made undone was not taken back"
        step.differs("reversals", detail, expected=", ".join(state.owes_back), found=leaf.kind)
    missing = _missing(step, state.at) if state.at is not None else []
    if missing:
        detail = "a challenge that was completed was not awarded"
        step.differs("awards", detail, expected=", ".join(missing), found=leaf.kind)
    state.may_complete, state.owes_back, state.given_now = [], [], {}


def _missing(step: Step, at: datetime) -> list[str]:
    """Completions that the trigger brought and no leaf told of, by the rules that were in force then."""
    hash_, state = step.rulebook.in_force(at), step.account.challenges
    if hash_ is None or not step.rulebook.is_certain(at, at):
        return []
    rules = step.ruleset_of(hash_)
    found = []
    for challenge_id in state.may_complete:
        challenge = challenge_named(rules, challenge_id)
        if challenge is not None and state.given_now.get(challenge_id, 0) < AT_ONCE_MAX:
            due = new_keys(challenge, state.steps[challenge_id].values(), _given(step.account, challenge_id))
            found += [subject_of(challenge_id, key) for key in due[:1]]
    return found


def _belongs(step: Step) -> bool:
    """Whether the leaf is recorded together with what counted, and follows from it."""
    leaf, state = step.leaf, step.account.challenges
    if leaf.recorded_at != state.at:
        return False
    if leaf.operation == "event" and leaf.entry_kind in (0, 1):
        return leaf.mapping("facts").get("event") == COMPLETED
    return leaf.operation in (None, "reversal") or leaf.detail.get("pays_debt") is True


def _given(account: Account, challenge_id: str) -> set[str]:
    prefix = subject_of(challenge_id, "")
    return {name.removeprefix(prefix) for name in account.challenges.completions if name.startswith(prefix)}
