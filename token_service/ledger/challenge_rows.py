"""What a member's purchases and events count for in challenges, and what they completed, as rows; and as the sources say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from token_service.ledger import direct
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.challenge_tables import challenge_completions, challenge_steps
from token_service.ledger.operations import by_parent
from token_service.ledger.staged import ChallengeStep, Completion, Operation
from token_service.ledger.transaction import Transaction
from token_service.program.challenges import COMPLETED, Counted, counted_challenges, event_counts, purchase_counts
from token_service.program.event_facts import EventFacts
from token_service.program.facts import PurchaseFacts
from token_service.program.refunds import Refund

Rows = dict[str, dict[str, Any]]
_steps, _done = challenge_steps.c, challenge_completions.c
_CHANGE: Final = update(challenge_steps).where(_steps.id == bindparam("of")).values(amount=bindparam("new_amount"))
_TAKE_BACK: Final = (
    update(challenge_completions)
    .where(_done.operation_id == bindparam("of"))
    .values(is_taken_back=bindparam("new_state"))
)
_STEPS_OF_MANY: Final = select(challenge_steps).where(
    among(_steps.member_id, "member_ids"), among(_steps.challenge_id, "challenge_ids")
)
_DONE_BY_MANY: Final = select(challenge_completions).where(
    among(_done.member_id, "member_ids"), _done.is_taken_back.is_(False)
)


def read_steps(tx: Transaction, account: Account, challenge_ids: Sequence[str]) -> None:
    """Reads what counts in these challenges, those that were not read yet; what this transaction stages is added where it is."""
    unread = [name for name in challenge_ids if name not in account.challenge_steps]
    if not unread:
        return
    for name in unread:
        account.challenge_steps[name] = {}
    query = select(_steps.challenge_id, _steps.operation_id, _steps.local_date, _steps.amount)
    for row in tx.connection.execute(query.where(_steps.member_id == account.id, _steps.challenge_id.in_(unread))):
        account.challenge_steps[row.challenge_id][row.operation_id] = Counted(row.local_date, row.amount)


def read_many(tx: Transaction, accounts: Sequence[Account], challenge_ids: Sequence[str]) -> None:
    """What a batch will ask of these members, in two queries."""
    by_id = {account.id: account for account in accounts if not account.challenge_steps and account.completions is None}
    if not by_id or not challenge_ids:
        return
    for account in by_id.values():
        account.challenge_steps = {name: {} for name in challenge_ids}
        account.completions = {}
    asked = {"member_ids": list(by_id), "challenge_ids": challenge_ids}
    for row in direct.ask(tx.connection, _STEPS_OF_MANY, asked):
        counted = Counted(row.local_date, row.amount)
        by_id[row.member_id].challenge_steps[row.challenge_id][row.operation_id] = counted
    for row in direct.ask(tx.connection, _DONE_BY_MANY, {"member_ids": list(by_id)}):
        completions(tx, by_id[row.member_id])[row.subject] = row.operation_id


def steps_of(tx: Transaction, operation_id: str) -> dict[str, Counted]:
    """By challenge, what an operation counts for now."""
    query = select(_steps.challenge_id, _steps.local_date, _steps.amount).where(_steps.operation_id == operation_id)
    found = {row.challenge_id: Counted(row.local_date, row.amount) for row in tx.connection.execute(query)}
    changed = dict(tx.staged.changed_steps)
    for step in tx.staged.challenge_steps:
        if step.operation_id == operation_id:
            found[step.challenge_id] = Counted(step.local_date, step.amount)
    return {
        name: Counted(step.date, changed.get(step_id(operation_id, name), step.amount)) for name, step in found.items()
    }


def completions(tx: Transaction, account: Account) -> dict[str, str]:
    """The events of the member's completions that stand, by subject."""
    if account.completions is None:
        query = select(_done.subject, _done.operation_id)
        here = query.where(_done.member_id == account.id, _done.is_taken_back.is_(False))
        account.completions = {row.subject: row.operation_id for row in tx.connection.execute(here)}
    return account.completions


def step_id(operation_id: str, challenge_id: str) -> str:
    """The key of a step."""
    return f"{operation_id}/{challenge_id}"


def step_of(operation: Operation, challenge_id: str, counted: Counted) -> ChallengeStep:
    """The row of what an operation counts for."""
    key = step_id(operation.id, challenge_id)
    return ChallengeStep(key, operation.id, operation.member_id, challenge_id, counted.date, counted.amount)


def write_challenges(tx: Transaction) -> None:
    """Writes what this transaction counted, gave and took back."""
    staged = tx.staged
    direct.append(tx.connection, challenge_steps, [_columns(row) for row in staged.challenge_steps])
    direct.change(tx.connection, _CHANGE, [{"of": key, "new_amount": amount} for key, amount in staged.changed_steps])
    direct.append(tx.connection, challenge_completions, [_columns(row) for row in staged.completions])
    direct.change(tx.connection, _TAKE_BACK, [{"of": key, "new_state": True} for key in staged.taken_back])


def replayed_steps(tx: Transaction, done: Sequence[Operation]) -> Rows:
    """What the member's purchases and events count for after refunds and reversals."""
    rows: Rows = {}
    refunds, reversals = by_parent(done, "refund"), by_parent(done, "reversal")
    for operation in done:
        back, is_reversed = refunds.get(operation.id, ()), operation.id in reversals
        for challenge_id, counted in _replayed(tx, operation, back, is_reversed=is_reversed).items():
            step = step_of(operation, challenge_id, counted)
            rows[step.id] = _columns(step)
    return rows


def replayed_completions(done: Sequence[Operation], renamed: Mapping[str, str]) -> Rows:
    """The events that tell of a completion; `renamed` are subjects that another account's became."""
    reversed_ = {one.parent_id for one in done if one.kind == "reversal"}
    return {
        one.id: _columns(
            Completion(one.id, one.member_id, renamed.get(one.id, one.facts["subject"]), one.id in reversed_)
        )
        for one in done
        if one.kind == "event" and one.facts["event"] == COMPLETED
    }


def _replayed(
    tx: Transaction, operation: Operation, refunds: Sequence[Operation], *, is_reversed: bool
) -> dict[str, Counted]:
    ruleset = tx.ruleset(operation.ruleset_hash)
    if not counted_challenges(ruleset):
        return {}
    if operation.kind == "purchase":
        facts = PurchaseFacts.from_json(operation.facts)
        found = purchase_counts(ruleset, facts, tuple(Refund.from_json(one.facts["refund"]) for one in refunds))
        return {name: Counted(facts.local.date, amount) for name, amount in found.items()}
    if operation.kind == "event":
        said = EventFacts.from_json(operation.facts)
        found = event_counts(ruleset, said)
        return {name: Counted(said.local.date, 0 if is_reversed else amount) for name, amount in found.items()}
    return {}


def _columns(row: ChallengeStep | Completion) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}
