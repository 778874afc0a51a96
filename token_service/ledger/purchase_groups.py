"""Purchases that share a transaction: a hundred of a batch, or single ones that arrive together (sharing.py).

`record` records one of them in a transaction; refused ones leave nothing, the others are written at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from token_service.errors import CallerError, MereauError
from token_service.ledger import challenge_rows, checks, membership_rows, operations, purchase_facts, views
from token_service.ledger.balances import balances_of
from token_service.ledger.context import Actor, Context
from token_service.ledger.entry_views import entries_of, promises_of
from token_service.ledger.inputs import NewPurchase
from token_service.ledger.noting_refusals import NOTED, asked_by, note
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome
from token_service.ledger.purchase_views import purchase_view
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.visit_rows import read_visited
from token_service.program.challenges import counted_challenges
from token_service.program.facts import local_time
from token_service.program.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Ask:
    """Who wants which purchase recorded."""

    actor: Actor
    new: NewPurchase


Record = Callable[[Transaction, Actor, NewPurchase], Done]
Item = views.BatchOutcome[views.Purchase]
Single = views.Outcome[views.Purchase]


def record_alone(context: Context, ask: Ask, record: Record) -> Single:
    """One purchase in a transaction of its own. Raises what `record` raises."""
    asked = asked_by(ask.actor, "purchase", ask.new)
    return outcome(context, lambda tx: record(tx, ask.actor, ask.new), purchase_view, asked)


def record_together(context: Context, asks: Sequence[Ask], record: Record) -> Sequence[Single | MereauError]:
    """As `record_alone` for each, or its refusal, in one transaction; balances are those after all of them. Raises what refuses
    the whole transaction (CeilingReached when another one took the room meanwhile).
    """
    if len(asks) == 1:
        return [record_alone(context, asks[0], record)]
    return write(context, partial(_together, asks=asks, record=record))


def _together(tx: Transaction, asks: Sequence[Ask], record: Record) -> Sequence[Single | MereauError]:
    items = _recorded(tx, asks, record)
    members = {
        item.value.member_id: tx.account(item.value.member_id) for item in items if not isinstance(item, MereauError)
    }
    balances = balances_of(tx, list(members.values())) if members else {}
    return [
        item
        if isinstance(item, MereauError)
        else views.Outcome(
            value=item.value,
            replayed=item.replayed,
            entries=item.entries,
            balance=balances[item.value.member_id],
            promise=item.promise,
        )
        for item in items
    ]


def record_chunk(context: Context, asks: Sequence[Ask], record: Record) -> list[Item | MereauError]:
    """One answer for each, in order; when the transaction is refused, each is tried alone."""
    first = asked_by(asks[0].actor, "purchase", asks[0].new) if len(asks) == 1 else None
    try:
        return write(context, lambda tx: _recorded(tx, asks, record), first)
    except CallerError as error:  # the flush found a ceiling reached meanwhile: find out by which item
        if len(asks) == 1:
            return [error]
        return [answer for ask in asks for answer in record_chunk(context, [ask], record)]


def _recorded(tx: Transaction, asks: Sequence[Ask], record: Record) -> list[Item | MereauError]:
    _prepare(tx, asks)
    done = [tx.attempt(partial(record, tx, ask.actor, ask.new)) for ask in asks]
    for ask, item in zip(asks, done, strict=True):
        if isinstance(item, NOTED):
            note(tx.connection, asked_by(ask.actor, "purchase", ask.new), item, tx.now)
    tx.flush()
    ids = [item.operation.id for item in done if isinstance(item, Done)]
    entries, promises = entries_of(tx, ids), promises_of(tx, ids)
    return [
        item
        if isinstance(item, MereauError)
        else views.BatchOutcome(
            value=purchase_view(tx, item.operation),
            replayed=item.replayed,
            entries=tuple(entries[item.operation.id]),
            promise=promises.get(item.operation.id),
        )
        for item in done
    ]


def _prepare(tx: Transaction, asks: Sequence[Ask]) -> None:
    """Locks the members in one order and reads which references are known, both at once, and what each will ask of its member."""
    by_merchant: dict[str, list[NewPurchase]] = {}
    for ask in asks:
        try:
            by_merchant.setdefault(ask.actor.acting_merchant(ask.new.merchant_id), []).append(ask.new)
        except CallerError:
            continue  # the item itself will say so
    for merchant_id, items in by_merchant.items():
        tx.look_up_members(merchant_id, [new.external_id for new in items if new.external_id is not None])
        operations.look_up_references(tx, merchant_id, "purchase", [new.reference for new in items])
    tx.lock_accounts(
        tx.known_members.get((merchant_id, new.external_id or ""), new.member_id or "")
        for merchant_id, items in by_merchant.items()
        for new in items
    )
    ruleset, accounts = tx.ruleset(tx.ruleset_hash_at(tx.now)), tuple(tx.accounts())
    purchase_facts.read_ahead_many(tx, accounts, _local_dates(asks, ruleset, tx.now + tx.context.clock_skew))
    if ruleset.tiers is not None or ruleset.limits.velocity is not None:
        purchase_facts.read_histories(tx, accounts)
    if ruleset.visits is not None:
        read_visited(tx, accounts)
    challenge_rows.read_many(tx, accounts, [one.id for one in counted_challenges(ruleset)])
    if ruleset.memberships:
        membership_rows.read_many(tx, accounts)


def _local_dates(asks: Sequence[Ask], ruleset: Ruleset, last: datetime) -> set[str]:
    """The days on which these were bought; of what is no time, or none that can be, the item itself says so."""
    zone = ruleset.program.time_zone
    times = (ask.new.occurred_at for ask in asks if ask.new.occurred_at.tzinfo is not None)
    return {local_time(at, zone).date for at in times if checks.FIRST_INSTANT <= at <= last}
