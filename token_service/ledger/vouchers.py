"""Vouchers: a reward that a member buys in the wallet, shown to any till of the programme as a code, honoured once.

Buying is an ordinary redemption whose accepting merchant is the programme itself: no shop is involved yet. The code is derived
from the member's salt key and the voucher's id, so it can be shown again and is not stored. Which merchant honoured it is a fact
(`voucher_used`), for the net settlement between merchants and for the auditor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select, update

from token_service.errors import (
    AlreadyReversed,
    CallerError,
    Forbidden,
    MemberFrozen,
    NotFound,
    ReferenceConflict,
    RewardUnavailable,
    VoucherCancelled,
    VoucherUnknown,
    VoucherUsed,
)
from token_service.ledger import checks, operations, shown_codes, stores, tables, unknown_references, views
from token_service.ledger.accounts import Account
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewOrder, NewRedemption, NewVoucher, NewVoucherFor, NewVoucherUse
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.operations import Done
from token_service.ledger.orders import fitted, said_of
from token_service.ledger.outcomes import outcome
from token_service.ledger.posting import fact
from token_service.ledger.redemptions import spend
from token_service.ledger.reward_terms import terms_of
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import NewVoucherRow, Operation
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.undone_uses import USED, undone_named, undone_of
from token_service.ledger.voucher_rows import (
    CODE_LENGTH,
    drawn_voucher,
    ends_at,
    expired,
    is_over,
    state_of,
    voucher_code,
    voucher_row,
)
from token_service.program.reward_orders import Fit
from token_service.program.rewards import find_reward
from token_service.program.schema import Reward
from token_service.units import EntryKind

LISTED_MAX: Final = 100
MERCHANT_PREFIX: Final = "shop"
"""Before a merchant's id and its reference, in the programme's own: two merchants may use the same one, and no member theirs."""


def buy_reward(context: Context, actor: Actor, new: NewVoucher) -> views.Outcome[views.Voucher]:
    """The member's new voucher; the first one again when its reference is known with the same reward.

    Raises Forbidden for anybody but a member, InsufficientBalance (with `missing_points`), RewardUnavailable (also when the
    price is not the one that was agreed to), ReferenceConflict, InvalidInput, MemberFrozen, MemberLeaving, ProgramPaused,
    BacklogFull.
    """

    def work(tx: Transaction) -> Done:
        return _buy(tx, tx.account(_member_of(actor)), new)

    return outcome(context, work, _bought_view, asked_by(actor, "redemption", new))


def buy_for_member(context: Context, actor: Actor, new: NewVoucherFor) -> views.Outcome[views.Voucher]:
    """A voucher that a merchant buys with the points of its member, who asked it to, at the price of now; the first one again,
    with its code while it is open, when the merchant's reference is known with the same content.

    Raises InsufficientBalance (with `missing_points`), RewardUnavailable, ReferenceConflict, NotFound (member, merchant),
    InvalidInput, MemberFrozen, MemberLeaving, ProgramPaused, BacklogFull.
    """

    def work(tx: Transaction) -> Done:
        merchant_id = actor.acting_merchant(new.merchant_id)
        prefix = f"{MERCHANT_PREFIX}/{merchant_id}/"
        checks.text("/reference", new.reference, longest=checks.REFERENCE_LENGTH_MAX - len(prefix))
        account = tx.member_of(merchant_id, member_id=new.member_id, external_id=None)
        return _buy(tx, account, NewVoucher(prefix + new.reference, new.reward_id, None))

    return outcome(context, work, _bought_view, asked_by(actor, "redemption", new))


def list_vouchers(context: Context, actor: Actor) -> tuple[views.Voucher, ...]:
    """The member's own vouchers: open ones first, then those that are over, each newest first; at most 100.

    Raises Forbidden for anybody but a member.
    """
    member_id = _member_of(actor)
    query = _query().where(_is_theirs(member_id)).limit(LISTED_MAX)

    def work(tx: Transaction) -> tuple[views.Voucher, ...]:
        ordered = query.order_by(is_over(tx.now), tables.operations.c.seq.desc())
        rows = tx.connection.execute(ordered).all()
        undone = undone_of(tx, [row.id for row in rows])
        return tuple(_own_view(tx, row, undone[row.id]) for row in rows)

    return read(context, work)


def get_voucher(context: Context, actor: Actor, voucher_id: str) -> views.Voucher:
    """One of the member's own vouchers. Raises NotFound, Forbidden for anybody but a member."""
    member_id = _member_of(actor)

    def work(tx: Transaction) -> views.Voucher:
        row = _own_row(tx, vouchers.c.id, voucher_id)
        own = select(vouchers.c.id).join(tables.members, tables.members.c.id == vouchers.c.member_id)
        if tx.connection.execute(own.where(vouchers.c.id == row.id, _is_theirs(member_id))).first() is None:
            raise NotFound("no such voucher")
        return _own_view(tx, row, undone_of(tx, [row.id])[row.id])

    return read(context, work)


def check_voucher(
    context: Context, actor: Actor, code: str, merchant_id: str | None = None, order: NewOrder | None = None
) -> views.VoucherCheck:
    """What the voucher of this code buys, what it would take off the order, and why it would be refused if it would.

    Raises VoucherUnknown, WrongCurrency, InvalidInput.
    """
    merchant = actor.acting_merchant(merchant_id)

    def work(tx: Transaction) -> views.VoucherCheck:
        tx.merchant(merchant)
        row = _row_of_code(tx, code)
        shown = _shown_view(tx, row, merchant)
        refusal = _refusal(tx, row, merchant)
        off = None
        if refusal is None:
            try:
                off = _discount(tx, fitted(tx, _reward_of(tx, row), order))
            except RewardUnavailable as unfit:
                refusal = unfit
        if refusal is None:
            return views.VoucherCheck(shown, off)
        return views.VoucherCheck(shown, None, refusal.code, refusal.detail, refusal.facts)

    return read(context, work)


def use_voucher(context: Context, actor: Actor, new: NewVoucherUse) -> views.VoucherUse:
    """The voucher, honoured by the merchant now; as it was the first time when the merchant's reference is known for it, whatever
    order is said then.

    Any merchant of the programme may honour any voucher. Raises VoucherUnknown, VoucherUsed (naming the first use, and its
    reference if it was this merchant's), VoucherCancelled, VoucherExpired, MemberFrozen, RewardUnavailable for an order that it
    is not for (reward_orders.py says the reasons), WrongCurrency, ReferenceConflict, AlreadyReversed for a reference whose use
    was undone, NotFound (merchant, store), InvalidInput, BacklogFull.
    """

    def work(tx: Transaction) -> views.VoucherUse:
        merchant = actor.acting_merchant(new.merchant_id)
        party = tx.merchant(merchant).party
        checks.reference(new.reference)
        found = _row_of_code(tx, new.code)
        account = tx.account(found.member_id)
        row = _own_row(tx, vouchers.c.id, found.id)  # again, now that nobody else can change it
        replayed = (row.used_by_merchant_id, row.used_reference) == (merchant, new.reference)
        if not replayed:
            _check_reference(tx, row, merchant, new.reference)
            refusal = _refusal(tx, row, merchant)
            if refusal is not None:
                raise refusal
            store_id = None if new.store_id is None else stores.store_of(tx, merchant, new.store_id).id
            use = {"merchant": merchant, "party": party, "store": store_id, "reference": new.reference}
            _use(tx, account, row, use | said_of(fitted(tx, _reward_of(tx, row), new.order)))
        return views.VoucherUse(_shown_view(tx, _own_row(tx, vouchers.c.id, row.id), merchant), replayed=replayed)

    return write(context, work)


def _buy(tx: Transaction, account: Account, new: NewVoucher) -> Done:
    """The redemption that makes a voucher, accepted by the programme itself, whoever sold it: whoever honours it is paid then."""
    own = tx.own_merchant.id
    asked = NewRedemption(new.reference, account.id, reward_id=new.reward_id, merchant_id=own)
    voucher_id, code_hash = drawn_voucher(tx, account.id)
    done = spend(tx, own, account, asked, voucher_id=voucher_id)
    if done.replayed:
        return done
    if new.points not in (None, done.operation.facts["points"]):
        raise RewardUnavailable("the reward's price has changed", points=done.operation.facts["points"])
    until = ends_at(tx, done.operation.ruleset_hash, new.reward_id, tx.now)
    tx.staged.vouchers.append(
        NewVoucherRow(voucher_id, done.operation.id, account.id, new.reward_id, code_hash, tx.now, until)
    )
    return done


def _bought_view(tx: Transaction, operation: Operation) -> views.Voucher:
    return _own_view(tx, _own_row(tx, vouchers.c.operation_id, operation.id))


def _is_theirs(member_id: str) -> ColumnElement[bool]:
    """Of the member, or of an account that became part of theirs."""
    return or_(vouchers.c.member_id == member_id, tables.members.c.merged_into == member_id)


def _member_of(actor: Actor) -> str:
    if actor.member_id is None:
        raise Forbidden("only a member has vouchers")
    return actor.member_id


def _use(tx: Transaction, account: Account, row: Row[Any], use: dict[str, Any]) -> None:
    unknown_references.check(tx, use["merchant"])
    operations.check_backlog(tx)
    more = {"of": row.operation_id, "voucher": row.id, "reward": row.reward_id, **use}
    fact(tx, account, USED, operation=None, more=more)
    values = {
        "used_at": tx.now,
        "used_by_merchant_id": use["merchant"],
        "used_reference": use["reference"],
        "discount_cents": use.get("discount"),
    }
    tx.connection.execute(update(vouchers).where(vouchers.c.id == row.id).values(**values))


def _row_of_code(tx: Transaction, typed: str) -> Row[Any]:
    code = shown_codes.normal_code(typed, CODE_LENGTH)
    row = None if code is None else voucher_row(tx, vouchers.c.code_hash == shown_codes.code_hash(code))
    if row is None:
        raise VoucherUnknown("no voucher has this code: look at it again")
    return row


def _check_reference(tx: Transaction, row: Row[Any], merchant_id: str, reference: str) -> None:
    columns = vouchers.c
    first = voucher_row(tx, and_(columns.used_by_merchant_id == merchant_id, columns.used_reference == reference))
    undone = undone_named(tx, merchant_id, reference)
    if undone is not None and undone.voucher_id == row.id:
        detail = "the use of this reference was undone: use the voucher under a new one"
        raise AlreadyReversed(detail, existing_id=undone.operation_id)
    named = first.id if first is not None else None if undone is None else undone.voucher_id
    if named is not None:
        raise ReferenceConflict("this reference names the use of another voucher", existing_id=named)


def _refusal(tx: Transaction, row: Row[Any], merchant_id: str) -> CallerError | None:
    state = state_of(row, tx.now)
    if state == "used":
        if row.used_by_merchant_id != merchant_id:
            return VoucherUsed("the voucher was used at another merchant", used_at=row.used_at)
        own = {"merchant_id": merchant_id, "reference": row.used_reference}
        return VoucherUsed("the voucher was used here before", used_at=row.used_at, **own)
    if state == "cancelled":
        return VoucherCancelled(
            "the voucher was given back, or what it was given for was", cancelled_at=row.cancelled_at
        )
    if state == "expired":
        return expired(row)
    if tx.heir(tx.account(row.member_id)).frozen:
        return MemberFrozen("the member is frozen")
    return None


def _query() -> Select[Any]:
    done, members, entries = tables.operations.c, tables.members.c, tables.entries.c
    is_redemption = and_(entries.operation_id == done.id, entries.kind == int(EntryKind.REDEMPTION))
    return (
        select(
            *vouchers.c,
            done.facts,
            done.kind,
            done.ruleset_hash,
            members.sealed_salt_key,
            entries.id.label("entry_id"),
            tables.merchants.c.name.label("used_by"),
        )
        .join(tables.operations, done.id == vouchers.c.operation_id)
        .outerjoin(tables.entries, is_redemption)
        .join(tables.members, members.id == vouchers.c.member_id)
        .outerjoin(tables.merchants, tables.merchants.c.id == vouchers.c.used_by_merchant_id)
    )


def _own_row(tx: Transaction, column: Any, value: str) -> Row[Any]:
    row = tx.connection.execute(_query().where(column == value)).one_or_none()
    if row is None:
        raise NotFound("no such voucher")
    return row


def _own_view(tx: Transaction, row: Row[Any], undone: Sequence[Row[Any]] = ()) -> views.Voucher:
    state = state_of(row, tx.now)
    is_shown = state == "open" and row.sealed_salt_key is not None
    return views.Voucher(
        id=row.id,
        created_at=row.created_at,
        redemption_id=row.operation_id if row.kind == "redemption" else None,
        entry_id=row.entry_id,
        reward_id=row.reward_id,
        ruleset=row.ruleset_hash,
        points=row.facts.get("points", 0),
        state=state,
        code=shown_codes.grouped(voucher_code(tx, row.sealed_salt_key, row.id)) if is_shown else None,
        used_at=row.used_at,
        used_by=row.used_by,
        discount=_money(tx, row.discount_cents),
        cancelled_at=row.cancelled_at,
        expires_at=row.expires_at,
        undone=tuple(_undone_view(tx, one) for one in undone),
    )


def _shown_view(tx: Transaction, row: Row[Any], merchant_id: str) -> views.ShownVoucher:
    done = operations.loaded(tx, [row.operation_id])[row.operation_id]
    reward, is_own = _reward_of(tx, row), row.used_by_merchant_id == merchant_id
    undone = undone_of(tx, [row.id])[row.id]
    return views.ShownVoucher(
        id=row.id,
        created_at=row.created_at,
        state=state_of(row, tx.now),
        reward_id=row.reward_id,
        reward_name={str(language): name for language, name in (reward.name or {}).items()},
        points=done.facts.get("points", 0),
        value=views.Money(done.facts.get("value", 0), tx.program.currency),
        used_at=row.used_at,
        expires_at=row.expires_at,
        reference=row.used_reference if is_own else None,
        discount=_money(tx, row.discount_cents) if is_own else None,
        terms=terms_of(reward, tx.program.currency),
        undone=tuple(_undone_view(tx, one) for one in undone if one.merchant_id == merchant_id),
    )


def _undone_view(tx: Transaction, row: Row[Any]) -> views.UndoneVoucherUse:
    return views.UndoneVoucherUse(
        used_at=row.used_at,
        used_by=row.used_by,
        reference=row.reference,
        discount=_money(tx, row.discount_cents),
        undone_at=row.undone_at,
        undone_reference=row.undone_reference,
    )


def _reward_of(tx: Transaction, row: Row[Any]) -> Reward:
    """What the voucher is for, by the rules under which it was bought or won."""
    done = operations.loaded(tx, [row.operation_id])[row.operation_id]
    return find_reward(tx.ruleset(done.ruleset_hash), row.reward_id)


def _discount(tx: Transaction, found: Fit | None) -> views.Money | None:
    return None if found is None else _money(tx, found.discount)


def _money(tx: Transaction, amount: int | None) -> views.Money | None:
    return None if amount is None else views.Money(amount, tx.program.currency)
