"""What a till shows and guards: the operations of a shop's day, one of them with its promise, and that nobody of the staff
moves the points of their own card.

A cashier sees the operations of their merchant; the day's list of a till in a store has those of the store. What moves points is
the ledger's own use cases, called through `at_till`, which writes the trail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Row, Select, case, cast, exists, func, literal_column, or_, select

from token_service.errors import NotFound, OwnCard
from token_service.ledger import till_benefits, till_memberships, till_vouchers, views
from token_service.ledger.balances import balance_of
from token_service.ledger.context import Context
from token_service.ledger.entry_views import promises_of
from token_service.ledger.membership_tables import member_memberships
from token_service.ledger.noting_refusals import Asked, note
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.staff import Person
from token_service.ledger.staff_tables import staff, staff_actions
from token_service.ledger.staff_trail import Deed, perform
from token_service.ledger.store import JoinedStore
from token_service.ledger.tables import entries, facts, members, operations, stores
from token_service.ledger.till_lines import Tally, TillLine, doer_of
from token_service.ledger.transaction import Transaction, read
from token_service.ledger.users import is_persons
from token_service.ledger.wallet_tables import mandates
from token_service.program.refunds import Refund

Result = TypeVar("Result")

LISTED_MAX: Final = 12
"""Lines of the day beside the work; the whole day has a page of its own."""
DAY_MAX: Final = 500
PURCHASES_MAX: Final = 10
KINDS: Final = ("purchase", "refund", "redemption", "restoration", "issuance", "reversal")
"""What happens at tills, by a person or over the API, beside memberships; corrections by the programme are not a shop's."""
_TALLIED: Final = ("purchase", "refund", till_memberships.SOLD, till_memberships.REFUNDED, *KINDS[2:])
_IS_A_TILLS: Final = or_(operations.c.kind.in_(KINDS), till_memberships.IS_SALE)
_IS_DATED: Final = operations.c.recorded_at > literal_column("0")
"""Every operation is; the index by merchant and time is found by it (tables.py)."""
_asked_for = select(mandates.c.id).where(
    mandates.c.merchant_id == operations.c.merchant_id, mandates.c.reference == operations.c.reference
)
_refund_of: Final = case((operations.c.kind == "restoration", operations.c.facts["refund"].as_string()), else_=None)
_DONE_TO: Final = (operations.c.id, _asked_for.correlate(operations).scalar_subquery(), _refund_of)
"""What the trail may name of an operation: itself, the quote that asked the member to sign it, the refund that restored it."""


@dataclass(frozen=True)
class Day:
    """The newest lines, and what all of the day's sum to."""

    lines: tuple[TillLine, ...]
    tallies: tuple[Tally, ...]

    @property
    def count(self) -> int:
        """How many operations the day has."""
        return sum(tally.count for tally in self.tallies)


@dataclass(frozen=True)
class TillReceipt:
    """One operation with where it stands: the promise for its first leaf, whether all of it is final on the chain, and what the
    member has now.
    """

    line: TillLine
    promise: views.PromiseView | None
    is_written: bool
    balance: views.Balance


def at_till(
    context: Context,
    person: Person,
    member_id: str,
    work: Callable[[Context], Result],
    deed: Callable[[Result], Deed | None],
) -> Result:
    """As staff_trail.perform, for a member whose card is not this person's. Raises OwnCard, and what `work` raises."""

    def guarded(joined: Context) -> Result:
        refuse_own_card(joined, person, member_id)
        return work(joined)

    return perform(context, person, guarded, deed)


def refuse_own_card(context: Context, person: Person, member_id: str) -> None:
    """Raises OwnCard if this person signs in to the member with their e-mail address."""
    with context.store.read() as connection:
        is_own = is_persons(connection, member_id, person.email)
    if is_own:
        refusal = OwnCard("this card is your own: ask somebody else to do it")
        asked = Asked(person.id, "own_card", person.merchant_id, None)
        write_down = partial(note, asked=asked, refusal=refusal, at=context.now())
        if isinstance(context.store, JoinedStore):
            refusal.write_down = write_down  # whoever began the transaction rolls it back first
        else:
            with context.store.write() as connection:
                write_down(connection)
        raise refusal


def day_of(context: Context, person: Person, since: datetime, *, most: int = LISTED_MAX) -> Day:
    """What was recorded since then at this person's store, or at all of their merchant's if they have none; at most `most` lines,
    the newest.
    """
    columns = operations.c
    mine = [columns.merchant_id == _merchant(person), columns.recorded_at >= since, _IS_DATED, _IS_A_TILLS]
    if person.store_id is not None:
        mine.append(or_(columns.store_id == person.store_id, _done_at(person.store_id)))

    def work(tx: Transaction) -> Day:
        query = _lines().where(*mine).order_by(columns.recorded_at.desc(), columns.seq.desc()).limit(most)
        lines = [_line(row) for row in tx.connection.execute(query)]
        tallies = _tallies(tx, mine) if lines else []
        used, count = till_vouchers.honoured(tx, person, since, most)
        if count:
            tallies.append(Tally(till_vouchers.KIND, count, 0, None))
        benefits, times = till_benefits.used_today(tx, person, since, most)
        if times:
            tallies.append(Tally(till_benefits.KIND, times, 0, None))
        lines = sorted([*lines, *used, *benefits], key=lambda line: line.recorded_at, reverse=True)[:most]
        return Day(tuple(lines), tuple(tallies))

    return read(context, work)


def purchases_of(context: Context, person: Person, member_id: str) -> tuple[TillLine, ...]:
    """The member's newest purchases at this person's merchant, at most 10."""
    columns = operations.c
    mine = columns.merchant_id == _merchant(person), columns.member_id == member_id, columns.kind == "purchase"
    query = _lines().where(*mine).order_by(columns.seq.desc()).limit(PURCHASES_MAX)
    return read(context, lambda tx: tuple(_line(row) for row in tx.connection.execute(query)))


def receipt_of(context: Context, person: Person, operation_id: str) -> TillReceipt:
    """One operation of this person's merchant. Raises NotFound, for foreign ones too."""
    columns = operations.c
    mine = columns.merchant_id == _merchant(person), columns.id == operation_id, _IS_A_TILLS

    def work(tx: Transaction) -> TillReceipt:
        row = tx.connection.execute(_lines().where(*mine)).first()
        if row is None:
            raise NotFound("no such operation")
        promise = promises_of(tx, [operation_id]).get(operation_id)
        balance = balance_of(tx, tx.account(row.member_id))
        return TillReceipt(_line(row), promise, _is_written(tx, operation_id), balance)

    return read(context, work)


def find_operation(context: Context, person: Person, kind: str, reference: str) -> str | None:
    """The id of the merchant's operation of that kind and reference, or None."""
    columns = operations.c
    query = select(columns.id).where(columns.merchant_id == _merchant(person), columns.kind == kind)
    with context.store.read() as connection:
        return connection.execute(query.where(columns.reference == reference)).scalar_one_or_none()


def _merchant(person: Person) -> str:
    return person.actor.acting_merchant(None)


def _done_at(store_id: str) -> Any:
    """Whether somebody of the staff of this store did it (redemptions know no store of their own)."""
    by = staff_actions.join(staff, staff.c.id == staff_actions.c.staff_id)
    return exists(
        select(1)
        .select_from(by)
        .where(staff_actions.c.object_id.in_(_DONE_TO), staff.c.store_id == store_id)
        .correlate(operations)
    )


def _is_written(tx: Transaction, operation_id: str) -> bool:
    """Whether every leaf of the operation is final."""
    parts = [select(table.c.id).where(table.c.operation_id == operation_id) for table in (entries, facts)]
    query = select(leaves.c.state).where(or_(*(leaves.c.id.in_(ids) for ids in parts))).distinct()
    return set(tx.connection.execute(query).scalars()) == {"final"}


def _lines() -> Select[Any]:
    query = (
        select(
            *operations.c,
            members.c.name.label("member_name"),
            stores.c.name.label("store_name"),
            staff.c.id.label("staff_id"),
            staff.c.name.label("staff_name"),
            member_memberships.c.membership,
            member_memberships.c.paid,
        )
        .select_from(till_memberships.with_periods(operations))
        .join(members, members.c.id == operations.c.member_id)
        .outerjoin(stores, stores.c.id == operations.c.store_id)
    )
    return doer_of(query, _DONE_TO, operations)


def _line(row: Row[Any]) -> TillLine:
    kind = till_memberships.kind_of(row.kind, row.membership)
    has_page = row.kind != "redemption" and (kind != "reversal" or not (row.parent_id or "").startswith("evt_"))
    return TillLine(
        id=row.id,
        kind=kind,
        reference=row.reference,
        recorded_at=row.recorded_at,
        occurred_at=row.occurred_at,
        member_id=row.member_id,
        member_name=row.member_name,
        points=_points(kind, row.facts, row.result),
        amount=_amount(row.kind, row.facts) if row.membership is None else row.paid,
        reward_id=row.facts.get("reward_id"),
        parent_id=row.parent_id if has_page else None,
        staff_id=row.staff_id,
        staff_name=row.staff_name,
        store_name=row.store_name,
        is_signed=bool(row.facts.get("by_signature")),
        membership=row.membership,
        discount=row.facts.get("discount") if kind == "redemption" else None,
    )


def _points(kind: str, facts: dict[str, Any], result: dict[str, Any]) -> int:
    if kind == "purchase":
        return int(result["points"])
    if kind == "refund":
        return -int(result["reversed"] + result["debt"] + result["pending_cancelled"])
    if kind in (till_memberships.SOLD, till_memberships.REFUNDED):
        return till_memberships.points_of(kind, result)
    return _sign(kind) * int(facts["points"])


def _sign(kind: str) -> int:
    return -1 if kind in ("redemption", "reversal") else 1


def _amount(kind: str, facts: dict[str, Any]) -> int | None:
    if kind == "purchase":
        return int(facts["total"])
    return Refund.from_json(facts["refund"]).total if kind == "refund" else None


def _tallies(tx: Transaction, mine: list[Any]) -> list[Tally]:
    """The database adds up all but refunds, whose points have several parts: a day may have very many."""
    columns = operations.c
    total, points = columns.facts["total"].as_string(), columns.result["points"].as_string()
    query = select(func.count(), func.sum(cast(points, BigInteger)), func.sum(cast(total, BigInteger)))
    count, given, paid = tx.connection.execute(query.where(*mine, columns.kind == "purchase")).one()
    found = {"purchase": Tally("purchase", count, int(given), int(paid))} if count else {}
    moved = func.sum(cast(columns.facts["points"].as_string(), BigInteger))
    is_plain = columns.kind.not_in(("purchase", "refund")) & till_memberships.IS_OTHER
    plain = select(columns.kind, func.count(), moved).where(*mine, is_plain)
    for kind, count, points_moved in tx.connection.execute(plain.group_by(columns.kind)):
        found[kind] = Tally(kind, count, _sign(kind) * int(points_moved), None)
    refunds = select(columns.facts, columns.result).where(*mine, columns.kind == "refund")
    figures = [(_points("refund", *row), _amount("refund", row.facts)) for row in tx.connection.execute(refunds)]
    if figures:
        found["refund"] = Tally(
            "refund", len(figures), sum(one for one, _ in figures), sum(two or 0 for _, two in figures)
        )
    found |= till_memberships.tallies(tx, mine)
    return [found[kind] for kind in _TALLIED if kind in found]
