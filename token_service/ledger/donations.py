"""Points that a member gives to a cause: burnt, and counted for the cause in public (docs/api.md "Give points away")."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row

from token_service.errors import Conflict, Forbidden, InvalidInput, RewardUnavailable
from token_service.ledger import checks, operations, stored_lots, views
from token_service.ledger.accounts import Account
from token_service.ledger.causes import cause_row, open_cause_named
from token_service.ledger.context import Actor, Context
from token_service.ledger.hold_rows import free_lapsed
from token_service.ledger.inputs import NewDonation
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.outcomes import outcome, simulated
from token_service.ledger.posting import change_lots, sweep_expired
from token_service.ledger.redemptions import check_running
from token_service.ledger.reward_uses import whose
from token_service.ledger.spendings import given_by
from token_service.ledger.staged import Operation
from token_service.ledger.stock import take_piece
from token_service.ledger.tiers import review_if_due
from token_service.ledger.transaction import Transaction, read
from token_service.program import lots as engine
from token_service.program.donations import (
    Given,
    check_donation,
    check_reward_given,
    donation_reward,
    given_value,
)
from token_service.program.ruleset import Ruleset
from token_service.units import EntryKind


def donate(context: Context, actor: Actor, new: NewDonation) -> views.Outcome[views.Donation]:
    """The donation; the first one again when its reference is known with the same content. A member gives under the programme's
    own name.

    Raises InsufficientBalance (with `missing_points`), ReferenceConflict, NotFound (member, cause), Conflict (closed cause),
    LimitExceeded (what the rules bound), RewardUnavailable (a reward that is closed to the member, gives to no open cause, or
    has another price than was agreed to), InvalidInput, MemberFrozen, MemberLeaving, ProgramPaused, BacklogFull.
    """
    return outcome(context, lambda tx: _donate(tx, actor, new), donation_view, asked_by(actor, "donation", new))


def simulate_donation(context: Context, actor: Actor, new: NewDonation) -> views.Simulation[views.Donation]:
    """What `donate` would answer now, or the refusal with what is missing; nothing is recorded."""
    named = new if new.reference else replace(new, reference=context.new_id("sim"))
    return simulated(
        context, lambda tx: _donate(tx, actor, named), donation_view, lambda tx: _giver(tx, actor, new)[1].id
    )


def get_donation(context: Context, actor: Actor, donation_id: str) -> views.Donation:
    """Raises NotFound."""
    return read(context, lambda tx: donation_view(tx, operations.get(tx, actor, donation_id, "donation")))


def find_donation(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Donation:
    """The merchant's donation of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(context, lambda tx: donation_view(tx, operations.find(tx, merchant, "donation", reference)))


def donation_view(tx: Transaction, operation: Operation) -> views.Donation:
    """The view of a donation operation."""
    return views.Donation(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        cause_id=operation.facts["cause"],
        cause_name=operation.facts["cause_name"],
        points=operation.facts["points"],
        value=views.Money(operation.facts["value"], tx.program.currency),
        ruleset=operation.ruleset_hash,
        reward_id=operation.facts.get("reward_id"),
    )


def _donate(tx: Transaction, actor: Actor, new: NewDonation) -> Done:
    merchant_id, account = _giver(tx, actor, new)
    checks.reference(new.reference)
    if new.points is not None:
        checks.points("/points", new.points)
    content = operations.content_hash(_content(new) | {"merchant_id": merchant_id})
    first = operations.known(tx, merchant_id=merchant_id, kind="donation", reference=new.reference, content=content)
    if first is not None:
        return Done(first, replayed=True)
    named = None if new.reward_id is not None else _open_cause(tx, new)
    operations.check_spending(account)
    check_running(tx)
    free_lapsed(tx, account)
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    ruleset = tx.ruleset(ruleset_hash)
    given, cause = _of_reward(tx, account, ruleset, new) if named is None else (_amount(new, named), named)
    at = stored_lots.consumption_time(tx)
    usable = engine.available(stored_lots.open_lots(tx, account), at)
    check_donation(ruleset, given, available=usable, before=given_by(tx, account), at=tx.now)
    take_piece(tx, new.reward_id)
    sweep_expired(tx, account)
    facts = {"cause": cause.id, "cause_name": cause.name, "value": given_value(ruleset, given.points)}
    said = {"points": given.points} | ({} if new.reward_id is None else {"reward_id": new.reward_id})
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("don"),
            kind="donation",
            merchant_id=merchant_id,
            member_id=account.id,
            reference=new.reference,
            content_hash=content,
            ruleset_hash=ruleset_hash,
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts=facts | said,
            result={},
        ),
    )
    uses = engine.consume(stored_lots.open_lots(tx, account), given.points, at=at)
    more = facts | ({} if new.reward_id is None else {"reward": new.reward_id})
    change_lots(tx, account, operation, kind=EntryKind.DONATION, uses=uses, party=cause.party, more=more)
    return Done(operation, replayed=False)


def _giver(tx: Transaction, actor: Actor, new: NewDonation) -> tuple[str, Account]:
    """Under whose name it is given, and the account whose points are."""
    if actor.member_id is None:
        merchant_id = actor.acting_merchant(new.merchant_id)
        return merchant_id, tx.member_of(merchant_id, member_id=new.member_id, external_id=None)
    if actor.member_id != new.member_id:
        raise Forbidden("only the member gives the member's points")
    return tx.own_merchant.id, tx.account(new.member_id)


def _content(new: NewDonation) -> dict[str, Any]:
    """What a reference stands for. A gift without a reward is what it was before rewards could give."""
    return {name: value for name, value in asdict(new).items() if name != "reward_id" or value is not None}


def _open_cause(tx: Transaction, new: NewDonation) -> Row[Any]:
    if new.points is None or new.cause_id is None:
        raise InvalidInput("Name either the points and the cause, or the reward.")
    cause = cause_row(tx, new.cause_id)
    if cause.closed_at is not None:
        raise Conflict("this cause takes no more points")
    return cause


def _amount(new: NewDonation, cause: Row[Any]) -> Given:
    assert new.points is not None
    return Given(new.points, cause.name)


def _of_reward(tx: Transaction, account: Account, ruleset: Ruleset, new: NewDonation) -> tuple[Given, Row[Any]]:
    """What a reward gives now, to which cause. Raises RewardUnavailable, InvalidInput."""
    if new.reward_id is None or new.cause_id is not None:
        raise InvalidInput("Name either the points and the cause, or the reward.")
    reward = donation_reward(ruleset, new.reward_id)
    review_if_due(tx, account)  # as for any reward: the level's end comes before what its price would have been
    points = check_reward_given(ruleset, reward, agreed=new.points, whose=whose(tx, account), at=tx.now)
    cause = open_cause_named(tx, reward.cause or "")
    if cause is None:
        raise RewardUnavailable("The cause of this reward takes no points.", reason="cause_closed", cause=reward.cause)
    return Given(points, cause.name, is_amount=False), cause
