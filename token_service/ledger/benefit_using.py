"""A member uses a benefit at a merchant, once under its reference, and it is taken back (docs/rulesets.md "benefits").

It moves no points, so it is a fact with its leaf: the auditor counts uses with the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, Select, select

from token_service.errors import AlreadyReversed, NotFound
from token_service.ledger import checks, cursors, operations, stores, tables, views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import visible_account
from token_service.ledger.benefit_rows import USE, USE_REVERSAL, end_use, stage_use, uses_of
from token_service.ledger.benefit_tables import benefit_uses
from token_service.ledger.benefits import holder_of
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewBenefitUse, NewUseReversal
from token_service.ledger.operations import Done
from token_service.ledger.posting import fact
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction, read, write
from token_service.program.benefit_facts import UseFacts
from token_service.program.benefit_grants import Holder
from token_service.program.benefits import decide_use


def use_benefit(context: Context, actor: Actor, member_id: str, benefit: str, new: NewBenefitUse) -> views.UseOutcome:
    """The use and what is left behind it; the first one again when its reference is known with the same content.

    Raises ReferenceConflict, NotFound (member, benefit, merchant, store), InvalidInput, TierNeeded, MembershipNeeded,
    CampaignNeeded, BenefitUsedUp, MemberFrozen, MemberLeaving (closed), BacklogFull.
    """
    return _outcome(context, lambda tx: _use(tx, actor, member_id, benefit, new))


def reverse_use(
    context: Context, actor: Actor, new: NewUseReversal, *, use_id: str, member_id: str, benefit: str
) -> views.UseOutcome:
    """The use, taken back: it counts no more. Raises NotFound, ReferenceConflict, InvalidInput, AlreadyReversed, BacklogFull."""
    return _outcome(context, lambda tx: _reverse(tx, _own(tx, actor, use_id, member_id, benefit), new))


def get_use(context: Context, actor: Actor, use_id: str, member_id: str, benefit: str) -> views.BenefitUsed:
    """One use of the member's. Raises NotFound."""
    return read(context, lambda tx: _view_of(tx, _own(tx, actor, use_id, member_id, benefit).id))


def get_use_here(context: Context, actor: Actor, use_id: str) -> views.BenefitUsed:
    """One use at the actor's merchant, whosever it is. Raises NotFound."""
    return read(context, lambda tx: _view_of(tx, operations.get(tx, actor, use_id, USE).id))


def list_uses(
    context: Context,
    actor: Actor,
    member_id: str,
    *,
    benefit: str | None = None,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
) -> views.Page[views.BenefitUsed]:
    """What the member used, newest first; of a merchant what was used there. Raises NotFound."""
    cursors.check_limit(limit)
    columns = tables.operations.c
    query = _query().order_by(columns.seq.desc()).limit(limit + 1)
    if benefit is not None:
        query = query.where(benefit_uses.c.benefit == benefit)
    if actor.merchant_id is not None:
        query = query.where(columns.merchant_id == actor.merchant_id)
    if cursor is not None:
        query = query.where(columns.seq < cursors.decode_number(cursor))

    def work(tx: Transaction) -> views.Page[views.BenefitUsed]:
        account = visible_account(tx, actor, member_id)
        rows = tx.connection.execute(query.where(benefit_uses.c.member_id == account.id)).all()
        return cursors.page(rows, limit, "seq", _view)

    return read(context, work)


def _outcome(context: Context, work: Callable[[Transaction], Done]) -> views.UseOutcome:
    def run(tx: Transaction) -> views.UseOutcome:
        done = work(tx)
        tx.flush()
        used = done.operation.parent_id if done.operation.kind == USE_REVERSAL else done.operation.id
        return views.UseOutcome(_view_of(tx, str(used)), done.replayed)

    return write(context, run)


def _use(tx: Transaction, actor: Actor, member_id: str, benefit: str, new: NewBenefitUse) -> Done:
    merchant_id = actor.acting_merchant(new.merchant_id)
    account = operations.member_named(tx, merchant_id, member_id, None)
    tx.merchant(merchant_id)
    checks.reference(new.reference)
    if new.note is not None:
        checks.text("/note", new.note)

    def content(member_id: str) -> str:
        asked = {"merchant_id": merchant_id, "member_id": member_id, "benefit": benefit}
        return operations.content_hash(asdict(new) | asked)

    named = {"merchant_id": merchant_id, "kind": USE, "reference": new.reference}
    first = operations.known_of(tx, account, content, **named)
    if first is not None:
        return Done(first, replayed=True)
    operations.check_active(account)
    store_id = None if new.store_id is None else str(stores.store_of(tx, merchant_id, new.store_id).id)
    asked = _facts(benefit, merchant_id, store_id, new.note)
    operation = _recorded(tx, account, asked, named | {"content_hash": content(account.id), "store_id": store_id})
    return Done(operation, replayed=False)


def _recorded(
    tx: Transaction, account: Account, facts_for: Callable[[Holder], UseFacts], named: Mapping[str, Any]
) -> Operation:
    """The use with its leaf, if the rules in force let the member have it."""
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    ruleset = tx.ruleset(ruleset_hash)
    holder = holder_of(tx, account, ruleset)
    facts = facts_for(holder)
    decision = decide_use(ruleset, holder, facts.benefit).to_json()
    new = Operation(
        id=tx.new_id("use"),
        **named,
        member_id=account.id,
        ruleset_hash=ruleset_hash,
        occurred_at=tx.now,
        recorded_at=tx.now,
        facts=facts.to_json(),
        result=decision,
    )
    operation = operations.start(tx, new)
    fact(tx, account, USE, operation=operation, more={"facts": operation.facts, "decision": decision})
    stage_use(tx, account, operation)
    return operation


def _facts(benefit: str, merchant_id: str, store_id: str | None, note: str | None) -> Callable[[Holder], UseFacts]:
    def facts(holder: Holder) -> UseFacts:
        return UseFacts(holder.at, holder.local, benefit, merchant_id, holder.member, store_id, note)

    return facts


def _own(tx: Transaction, actor: Actor, use_id: str, member_id: str, benefit: str) -> Operation:
    """The use of this benefit by this member, or by an account that became part of theirs."""
    used = operations.get(tx, actor, use_id, USE)
    is_theirs = tx.heir(tx.account(used.member_id)) is tx.heir(tx.account(member_id))
    if not is_theirs or used.facts["benefit"] != benefit:
        raise NotFound("no such use")
    return used


def _reverse(tx: Transaction, used: Operation, new: NewUseReversal) -> Done:
    account = tx.heir(tx.account(used.member_id))
    checks.reference(new.reference)
    if new.reason is not None:
        checks.text("/reason", new.reason)
    content = operations.content_hash(asdict(new) | {"use": used.id})
    named: dict[str, Any] = {"merchant_id": used.merchant_id, "kind": USE_REVERSAL, "reference": new.reference}
    first = operations.known(tx, **named, content=content)
    if first is not None:
        return Done(first, replayed=True)
    if uses_of(tx, account)[used.id].reversed_at is not None:
        earlier = operations.children(tx, used.id, USE_REVERSAL)
        raise AlreadyReversed("this use was taken back before", existing_id=earlier[0].id)
    operation = operations.start(
        tx,
        Operation(
            id=tx.new_id("rev"),
            **named,
            member_id=account.id,
            parent_id=used.id,
            content_hash=content,
            ruleset_hash=tx.ruleset_hash_at(tx.now),
            occurred_at=tx.now,
            recorded_at=tx.now,
            facts={"reason": new.reason},
            result={},
        ),
    )
    fact(tx, account, USE_REVERSAL, operation=operation, more={"reason": new.reason})
    end_use(tx, account, used.id)
    return Done(operation, replayed=False)


def _query() -> Select[Any]:
    done, merchants = tables.operations, tables.merchants
    return (
        select(*done.c, benefit_uses.c.benefit, benefit_uses.c.reversed_at, merchants.c.name.label("merchant_name"))
        .join(benefit_uses, benefit_uses.c.operation_id == done.c.id)
        .join(merchants, merchants.c.id == done.c.merchant_id)
    )


def _view_of(tx: Transaction, operation_id: str) -> views.BenefitUsed:
    return _view(tx.connection.execute(_query().where(tables.operations.c.id == operation_id)).one())


def _view(row: Row[Any]) -> views.BenefitUsed:
    return views.BenefitUsed(
        id=row.id,
        created_at=row.recorded_at,
        reference=row.reference,
        merchant_id=row.merchant_id,
        merchant_name=row.merchant_name,
        member_id=row.member_id,
        store_id=row.store_id,
        benefit=row.benefit,
        note=row.facts.get("note"),
        reversed_at=row.reversed_at,
        ruleset=row.ruleset_hash,
        **row.result,
    )
