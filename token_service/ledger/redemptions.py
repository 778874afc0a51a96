"""Spending points, by amount or for a reward, and giving them back (DESIGN §3.5, API.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select

from token_service.errors import AlreadyReversed, Conflict, ProgramPaused, Refused
from token_service.ledger import checks, operations, stored_lots, tables, views
from token_service.ledger.accounts import Account
from token_service.ledger.context import Actor, Context
from token_service.ledger.hold_rows import free_lapsed
from token_service.ledger.inputs import NewRedemption, NewReversal
from token_service.ledger.moving_on import move_on
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.orders import content_of, fitted_redemption, said_of
from token_service.ledger.outcomes import outcome, simulated
from token_service.ledger.posting import change_lots, sweep_expired
from token_service.ledger.reversal_views import reversal_view
from token_service.ledger.reward_uses import whose
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import Operation
from token_service.ledger.stock import put_piece_back, take_piece
from token_service.ledger.tiers import review_if_due
from token_service.ledger.transaction import Transaction, read
from token_service.ledger.voucher_rows import cancel_if_open, check_restorable, voucher_row
from token_service.program import lots as engine
from token_service.program.lots import Use
from token_service.program.rewards import check_redemption, value_of
from token_service.units import EntryKind

NOTHING_ELSE: Final[Mapping[str, Any]] = MappingProxyType({})


def redeem(context: Context, actor: Actor, new: NewRedemption) -> views.Outcome[views.Redemption]:
    """The redemption; the first one again when its reference is known with the same content.

    Raises InsufficientBalance (with `missing_points`), RewardUnavailable (also for an order that the reward is not for),
    WrongCurrency, ReferenceConflict, NotFound, InvalidInput, MemberFrozen, MemberLeaving, ProgramPaused, BacklogFull.
    """
    return outcome(context, lambda tx: _redeem(tx, actor, new), redemption_view, asked_by(actor, "redemption", new))


def simulate_redemption(context: Context, actor: Actor, new: NewRedemption) -> views.Simulation[views.Redemption]:
    """What `redeem` would answer now, or the refusal with what is missing; nothing is recorded."""

    def member_of(tx: Transaction) -> str:
        merchant_id = actor.acting_merchant(new.merchant_id)
        return tx.member_of(merchant_id, member_id=new.member_id, external_id=None).id

    named = new if new.reference else replace(new, reference=context.new_id("sim"))
    return simulated(context, lambda tx: _redeem(tx, actor, named), redemption_view, member_of)


def restore(context: Context, actor: Actor, redemption_id: str, new: NewReversal) -> views.Outcome[views.Reversal]:
    """Gives points of a redemption back to the lots they came from, all that is left of it or `points`.

    A voucher bought with it is cancelled (ledger/voucher_rows.py says when a used one allows it). Raises NotFound,
    ReferenceConflict, InvalidInput, AlreadyReversed when all was given back before, VoucherUsed, ProgramPaused.
    """
    return outcome(context, lambda tx: _restore(tx, actor, redemption_id, new), reversal_view)


def get_redemption(context: Context, actor: Actor, redemption_id: str) -> views.Redemption:
    """Raises NotFound."""
    return read(context, lambda tx: redemption_view(tx, operations.get(tx, actor, redemption_id, "redemption")))


def find_redemption(context: Context, actor: Actor, reference: str, merchant_id: str | None = None) -> views.Redemption:
    """The merchant's redemption of that reference. Raises NotFound."""
    merchant = actor.acting_merchant(merchant_id)
    return read(context, lambda tx: redemption_view(tx, operations.find(tx, merchant, "redemption", reference)))


def _redeem(tx: Transaction, actor: Actor, new: NewRedemption) -> Done:
    merchant_id = actor.acting_merchant(new.merchant_id)
    return spend(tx, merchant_id, tx.member_of(merchant_id, member_id=new.member_id, external_id=None), new)


def spend(
    tx: Transaction,
    merchant_id: str,
    account: Account,
    new: NewRedemption,
    *,
    voucher_id: str | None = None,
    renewal_cents: int | None = None,
) -> Done:
    """The redemption of this account's points, accepted by the merchant; the caller has looked who may, and makes the voucher
    that it names. `renewal_cents`: the bill of which a standing order pays part. Raises as `redeem`.
    """
    checks.reference(new.reference)
    content = operations.content_hash(content_of(new) | {"merchant_id": merchant_id})
    first = operations.known(tx, merchant_id=merchant_id, kind="redemption", reference=new.reference, content=content)
    if first is not None:
        return Done(first, replayed=True)
    operations.check_spending(account)
    check_running(tx)
    free_lapsed(tx, account)
    review_if_due(tx, account)  # a level that has ended sets no price any more, and its leaf comes before this one
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    ruleset = tx.ruleset(ruleset_hash)
    at = stored_lots.consumption_time(tx)
    usable = engine.available(stored_lots.open_lots(tx, account), at)
    points = check_redemption(
        ruleset, points=new.points, reward_id=new.reward_id, available=usable, whose=whose(tx, account), at=tx.now
    )
    more = (
        said_of(fitted_redemption(tx, new)) if voucher_id is None else {"voucher": voucher_id}
    )  # whose use says the order
    more = more if renewal_cents is None else {**more, "renewal": {"amount": renewal_cents}}
    take_piece(tx, new.reward_id)
    sweep_expired(tx, account)
    facts = {"points": points, "reward_id": new.reward_id, "value": value_of(ruleset, points), **more}
    operation = _start(
        tx, account, {"merchant_id": merchant_id, "reference": new.reference, "content_hash": content}, facts
    )
    uses = engine.consume(stored_lots.open_lots(tx, account), points, at=at)
    _take(tx, account, operation, uses, more)
    return Done(operation, replayed=False)


def redeem_held(tx: Transaction, account: Account, hold: Operation, new: NewRedemption, uses: Sequence[Use]) -> Done:
    """The redemption of points that a hold had set aside, by what it names of lots. Raises ReferenceConflict, BacklogFull."""
    merchant_id, points = hold.merchant_id, -sum(use.points for use in uses)
    checks.reference(new.reference)
    content = operations.content_hash(content_of(new) | {"merchant_id": merchant_id, "hold": hold.id})
    operations.known(tx, merchant_id=merchant_id, kind="redemption", reference=new.reference, content=content)
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    facts = {"points": points, "reward_id": None, "value": value_of(ruleset, points)}
    named = {"merchant_id": merchant_id, "reference": new.reference, "content_hash": content, "parent_id": hold.id}
    operation = _start(tx, account, named, facts)
    _take(tx, account, operation, uses, {})
    return Done(operation, replayed=False)


def _start(tx: Transaction, account: Account, named: Mapping[str, Any], facts: dict[str, Any]) -> Operation:
    """The operation of a redemption now; `named` says whose it is and what it is called."""
    operation = Operation(
        id=tx.new_id("red"),
        kind="redemption",
        member_id=account.id,
        ruleset_hash=tx.ruleset_hash_at(tx.now),
        occurred_at=tx.now,
        recorded_at=tx.now,
        facts=facts,
        result={},
        **named,
    )
    return operations.start(tx, operation)


def _take(
    tx: Transaction, account: Account, operation: Operation, uses: Sequence[Use], said: Mapping[str, Any]
) -> None:
    """The entry, which says this besides, and what an activity of the member does."""
    facts, party = operation.facts, tx.merchant(operation.merchant_id).party
    more = {"reward": facts["reward_id"], "price": facts["points"], "value": facts["value"], **said}
    change_lots(tx, account, operation, kind=EntryKind.REDEMPTION, uses=uses, party=party, more=more)
    stored_lots.extend_lots(tx, account, activity_at=tx.now, operation_id=operation.id)
    account.last_activity_at = max(tx.now, account.last_activity_at or tx.now)


def _restore(tx: Transaction, actor: Actor, redemption_id: str, new: NewReversal) -> Done:
    redemption = operations.get(tx, actor, redemption_id, "redemption")
    account = tx.heir(tx.account(redemption.member_id))
    checks.reference(new.reference)
    checks.optional_text("/reason", new.reason)
    content = operations.content_hash(asdict(new) | {"of": redemption_id})
    first = operations.known(
        tx, merchant_id=redemption.merchant_id, kind="restoration", reference=new.reference, content=content
    )
    if first is not None:
        return Done(first, replayed=True)
    earlier = operations.children(tx, redemption_id, "restoration")
    left = redemption.facts["points"] - sum(operation.facts["points"] for operation in earlier)
    if left == 0:
        raise AlreadyReversed("this redemption was given back before", existing_id=earlier[-1].id)
    _check_not_voided(tx, redemption)
    if redemption.facts.get("by_signature"):
        raise Conflict("points that a member spent with their own signature do not come back: issue points instead")
    points = left if new.points is None else checks.points("/points", new.points)
    if points > left:
        raise checks.wrong("/points", "more would come back than is left of the redemption")
    voucher = voucher_row(tx, vouchers.c.operation_id == redemption_id)
    if voucher is not None:
        check_restorable(voucher, actor, at=tx.now, points=points, left=left, reason=new.reason)
    check_running(tx)
    named = {"reference": new.reference, "content_hash": content}
    operation = give_back(tx, redemption, earlier, points, named, reason=new.reason, actor_name=actor.name)
    cancel_if_open(tx, redemption_id)
    if points == left and (voucher is None or voucher.expired_at is None):  # at its end the piece came back already
        put_piece_back(tx, redemption.facts["reward_id"])
    payer = payer_of(tx, redemption_id)
    if payer is not account:
        move_on(tx, payer)
    return Done(operation, replayed=False)


def give_back(
    tx: Transaction,
    redemption: Operation,
    earlier: Sequence[Operation],
    points: int,
    named: Mapping[str, Any],
    *,
    reason: str | None,
    actor_name: str,
    said: Mapping[str, Any] = NOTHING_ELSE,
) -> Operation:
    """Stages the restoration of so many of a redemption's points to the lots they came from; `earlier` came back before, `said`
    is what its leaf says besides. The caller has looked whether they may, and sends them on from an account that became part of
    another one. Raises BacklogFull.
    """
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("res"),
            kind="restoration",
            merchant_id=redemption.merchant_id,
            member_id=tx.heir(tx.account(redemption.member_id)).id,
            parent_id=redemption.id,
            **named,
            ruleset_hash=ruleset_hash,
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts={"points": points, "reason": reason, **said},
            result={"reversed": points, "debt": 0},
        ),
    )
    uses = stored_lots.uses_of_entries(tx, _entries_of(tx, [redemption.id, *(one.id for one in earlier)]))
    payer = payer_of(tx, redemption.id)
    lots = stored_lots.lots_named(tx, payer, {use.lot_id for use in uses})
    back = engine.restore(uses, lots, points, ruleset=tx.ruleset(ruleset_hash), now=tx.now)
    party = tx.merchant(redemption.merchant_id).party
    more = {"reason": reason, "actor": actor_name, **said}
    change_lots(tx, payer, operation, kind=EntryKind.RESTORATION, uses=back, party=party, more=more)
    return operation


def payer_of(tx: Transaction, redemption_id: str) -> Account:
    """The account whose points were used: another one than the operation's where two became one."""
    columns = tables.entries.c
    query = select(columns.member_id).where(
        columns.operation_id == redemption_id, columns.kind == int(EntryKind.REDEMPTION)
    )
    return tx.account(tx.connection.execute(query.limit(1)).scalar_one())


def _entries_of(tx: Transaction, operation_ids: list[str]) -> list[str]:
    columns = tables.entries.c
    kinds = (int(EntryKind.REDEMPTION), int(EntryKind.RESTORATION))
    query = select(columns.id).where(columns.operation_id.in_(operation_ids), columns.kind.in_(kinds))
    return list(tx.connection.execute(query).scalars())


def void_of(tx: Transaction, redemption: Operation) -> str | None:
    """The entry that gave the points back because the chain refused the redemption (DESIGN §3.7); None: it did not."""
    columns = tables.entries.c
    query = select(columns.id).where(columns.voids.in_(_entries_of(tx, [redemption.id]))).limit(1)
    found: str | None = tx.connection.execute(query).scalar_one_or_none()
    return found


def _check_not_voided(tx: Transaction, redemption: Operation) -> None:
    """Raises AlreadyReversed when the chain refused the redemption."""
    void_id = void_of(tx, redemption)
    if void_id is not None:
        raise AlreadyReversed("this redemption was refused by the contract, and given back then", existing_id=void_id)


def check_running(tx: Transaction) -> None:
    """Raises ProgramPaused. The programme's end stops no redemption: points go on buying what they buy."""
    refusal = _pause(tx)
    if refusal is not None:
        raise refusal


def spending_refusal(tx: Transaction, account: Account) -> Refused | None:
    """Why this account's points buy nothing now, whatever is asked for: what `operations.check_spending` and `check_running`
    would raise. None: nothing stands in the way.
    """
    return operations.spending_refusal(account) or _pause(tx)


def _pause(tx: Transaction) -> Refused | None:
    return ProgramPaused("the program is paused") if tx.program.paused else None


def redemption_view(tx: Transaction, operation: Operation) -> views.Redemption:
    """The view of a redemption operation."""
    off = operation.facts.get("discount")
    return views.Redemption(
        id=operation.id,
        created_at=operation.recorded_at,
        reference=operation.reference,
        merchant_id=operation.merchant_id,
        member_id=operation.member_id,
        points=operation.facts["points"],
        reward_id=operation.facts["reward_id"],
        value=views.Money(operation.facts["value"], tx.program.currency),
        discount=None if off is None else views.Money(off, tx.program.currency),
        reversed=sum(child.facts["points"] for child in operations.children(tx, operation.id, "restoration")),
        ruleset=operation.ruleset_hash,
    )
