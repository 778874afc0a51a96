"""How much a merchant may issue in a window: the contract's ceiling, checked before a promise is given (DESIGN §3.7).

The contract counts issuances and adjustments up in the fixed window `block time / period` (CONTRACT §1). What is on
its way may be counted there in this window or in a later one, so here it counts in this one: the counter starts each
window from the leaves that are not mined yet or were mined in it, and grows with each accepted entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, or_, select, update

from token_service.errors import AfterSunset, CeilingReached, ProgramPaused
from token_service.ledger import ceiling_slots, direct, tables, views
from token_service.ledger.details import instant
from token_service.ledger.schema import UtcTime
from token_service.ledger.settlement_tables import batches, leaves
from token_service.ledger.transaction import Transaction
from token_service.units import EntryKind

_COUNTED: Final = (int(EntryKind.ISSUANCE), int(EntryKind.ADJUSTMENT_UP))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_columns = tables.merchants.c
_ADD: Final = (
    update(tables.merchants)
    .where(
        _columns.id == bindparam("of"),
        _columns.window_number == bindparam("window"),
        _columns.window_points + bindparam("points") <= bindparam("ceiling"),
        _columns.ceiling_points == bindparam("ceiling"),
        _columns.ceiling_period_seconds == bindparam("period"),
        or_(_columns.next_ceiling_at.is_(None), _columns.next_ceiling_at > bindparam("now", type_=UtcTime)),
    )
    .values(window_points=_columns.window_points + bindparam("points"))
)
_OF_PARTY: Final = select(tables.merchants).where(_columns.party == bindparam("party"))
_WITH_SLOTS: Final = _OF_PARTY.add_columns(ceiling_slots.SET_ASIDE.label("set_aside"))


def charge(tx: Transaction, party: int, points: int) -> None:
    """Counts a credit against the party's ceiling; written at the flush.

    Raises CeilingReached, with what is left and when the next window begins; AfterSunset; ProgramPaused.
    """
    check_open(tx)
    merchant = _merchant_of_party(tx, party)
    ceiling, period = ceiling_at(merchant, tx.now)
    used = _used_before(tx, merchant) + tx.charges.get(merchant.id, 0)
    if used + points > ceiling and _is_counting(merchant, tx.now):
        # counter and slots as of one instant: points go from one to the other
        merchant = tx.connection.execute(_WITH_SLOTS, {"party": party}).one()
        ceiling, period = ceiling_at(merchant, tx.now)
        used = _used(tx, merchant) + tx.charges.get(merchant.id, 0)
        used -= int(merchant.set_aside) if _is_counting(merchant, tx.now) else 0
    if used + points > ceiling:
        raise _reached(ceiling, period, used, tx.now)
    tx.charges[merchant.id] = tx.charges.get(merchant.id, 0) + points


def check_open(tx: Transaction) -> None:
    """Raises ProgramPaused or AfterSunset when the contract would issue nothing now."""
    if tx.program.paused:
        raise ProgramPaused("the program is paused")
    if tx.program.sunset_at is not None and tx.now >= tx.program.sunset_at:
        raise AfterSunset("the program has ended: no points are issued any more")


def write_charges(tx: Transaction) -> None:
    """Writes what was charged, merchants in one order, behind everything else that the transaction writes.

    Raises CeilingReached when the room is gone with what others wrote meanwhile.
    """
    for merchant_id in sorted(tx.charges):
        if not (_take(tx, merchant_id) or _add(tx, merchant_id)):
            _count_afresh(tx, merchant_id)


def _take(tx: Transaction, merchant_id: str) -> bool:
    """Whether the points were set aside for this connection."""
    window = _window(tx.now, ceiling_at(tx.merchant(merchant_id), tx.now)[1])
    return ceiling_slots.take(tx, merchant_id, window=window, points=tx.charges[merchant_id])


def _add(tx: Transaction, merchant_id: str) -> bool:
    """Whether the counter took the points: its window is still open, its ceiling the known one and high enough."""
    merchant, points = tx.merchant(merchant_id), tx.charges[merchant_id]
    ceiling, period = ceiling_at(merchant, tx.now)
    aside = ceiling_slots.share_of(tx, ceiling - merchant.window_points - points)
    asked = {"of": merchant_id, "points": points + aside, "window": _window(tx.now, period)}
    asked |= {"now": tx.now, "ceiling": ceiling, "period": period}
    is_counted = direct.change(tx.connection, _ADD, [asked]) == 1
    if is_counted and aside:
        ceiling_slots.put(tx, merchant_id, window=_window(tx.now, period), points=aside)
    return is_counted


def _count_afresh(tx: Transaction, merchant_id: str) -> None:
    """As `_add`, with the merchant locked and its row as it is now."""
    query = select(tables.merchants).where(tables.merchants.c.id == merchant_id).with_for_update(key_share=True)
    merchant = tx.connection.execute(query).one()
    ceiling, period = ceiling_at(merchant, tx.now)
    aside = ceiling_slots.take_back(tx, merchant_id, window=_window(tx.now, period))
    used = _used(tx, merchant)
    # the counter holds what was set aside; a sum of the leaves has ours, which are there already
    used -= aside if _is_counting(merchant, tx.now) else tx.charges[merchant_id]
    if used + tx.charges[merchant_id] > ceiling:
        raise _reached(ceiling, period, used, tx.now)
    values = {"window_number": _window(tx.now, period), "window_points": used + tx.charges[merchant_id]}
    tx.connection.execute(
        update(tables.merchants).where(_columns.id == merchant_id).values(**values, **_come(merchant, tx.now))
    )


def _come(merchant: Row[Any], at: datetime) -> dict[str, Any]:
    """Columns that make a raised ceiling, once it acts, the merchant's own: so `_add` and the slots know it again."""
    if merchant.next_ceiling_at is None or merchant.next_ceiling_at > at:
        return {}
    return {
        "ceiling_points": merchant.next_ceiling_points,
        "ceiling_period_seconds": merchant.next_ceiling_period_seconds,
        "next_ceiling_points": None,
        "next_ceiling_period_seconds": None,
        "next_ceiling_at": None,
    }


def ceiling_at(merchant: Row[Any], at: datetime) -> tuple[int, int]:
    """Points and period (seconds) of the ceiling that acts at an instant."""
    if merchant.next_ceiling_at is not None and merchant.next_ceiling_at <= at:
        return merchant.next_ceiling_points, merchant.next_ceiling_period_seconds
    return merchant.ceiling_points, merchant.ceiling_period_seconds


def ceiling_view(tx: Transaction, merchant: Row[Any]) -> views.Ceiling:
    """The ceiling as merchants and the public see it."""
    return ceiling_views(tx, [merchant])[merchant.party]


def ceiling_views(tx: Transaction, merchants: Sequence[Row[Any]]) -> dict[int, views.Ceiling]:
    """The ceilings of these merchants, by party: two queries at most, however many they are."""
    used = _used_by(tx, merchants)
    aside = ceiling_slots.set_aside(tx, [merchant.id for merchant in merchants if _is_counting(merchant, tx.now)])
    return {
        merchant.party: _view(tx, merchant, used[merchant.party] - aside.get(merchant.id, 0)) for merchant in merchants
    }


def _view(tx: Transaction, merchant: Row[Any], used: int) -> views.Ceiling:
    points, period = ceiling_at(merchant, tx.now)
    waits = merchant.next_ceiling_at is not None and merchant.next_ceiling_at > tx.now
    return views.Ceiling(
        points=points,
        period_seconds=period,
        used=used,
        next_points=merchant.next_ceiling_points if waits else None,
        next_period_seconds=merchant.next_ceiling_period_seconds if waits else None,
        next_at=merchant.next_ceiling_at if waits else None,
    )


def _window(at: datetime, period: int) -> int:
    return 0 if period == 0 else (at - _EPOCH) // timedelta(seconds=period)


def _is_counting(merchant: Row[Any], at: datetime) -> bool:
    """Whether the merchant's counter is that of the window of `at`."""
    period = ceiling_at(merchant, at)[1]
    return bool(merchant.window_number == _window(at, period) and period == merchant.ceiling_period_seconds)


def _used_before(tx: Transaction, merchant: Row[Any]) -> int:
    """As `_used`, before this transaction wrote anything; what is summed from leaves is so once for all that it issues."""
    if _is_counting(merchant, tx.now):
        return _used(tx, merchant)
    if merchant.id not in tx.points_before:
        tx.points_before[merchant.id] = _used(tx, merchant)
    return tx.points_before[merchant.id]


def _used(tx: Transaction, merchant: Row[Any]) -> int:
    """Points that count in the window of now, and what lies in slots."""
    return _used_by(tx, [merchant])[merchant.party]


def _used_by(tx: Transaction, merchants: Sequence[Row[Any]]) -> dict[int, int]:
    """As `_used`, by party: counters of this window as they stand, all others summed in one query."""
    used: dict[int, int] = {}
    starts: dict[datetime, list[int]] = {}
    for merchant in merchants:
        if _is_counting(merchant, tx.now):
            used[merchant.party] = int(merchant.window_points)
        else:
            used[merchant.party] = 0
            period = ceiling_at(merchant, tx.now)[1]
            window = _window(tx.now, period)
            starts.setdefault(_EPOCH + timedelta(seconds=period * window), []).append(merchant.party)
    return used | (_summed(tx, starts) if starts else {})


def _summed(tx: Transaction, starts: Mapping[datetime, list[int]]) -> dict[int, int]:
    """What counts in windows that began at these instants, from the leaves themselves, for the parties of each."""
    columns = leaves.c
    on_its_way = columns.state.in_(("accepted", "batched"))
    query = (
        select(columns.party, func.sum(columns.amount))
        .outerjoin(batches, batches.c.id == columns.batch_id)
        .where(columns.kind.in_(_COUNTED), columns.state != "skipped")
        .where(
            or_(
                *(
                    columns.party.in_(parties) & or_(on_its_way, batches.c.block_time >= start)
                    for start, parties in starts.items()
                )
            )
        )
        .group_by(columns.party)
    )
    return {party: int(points) for party, points in tx.connection.execute(query)}


def _merchant_of_party(tx: Transaction, party: int) -> Row[Any]:
    known = tx.merchants_by_party.get(party)
    if known is None:
        known = tx.merchants_by_party[party] = tx.connection.execute(_OF_PARTY, {"party": party}).one()
    return known


def _reached(ceiling: int, period: int, used: int, now: datetime) -> CeilingReached:
    facts: dict[str, Any] = {"ceiling": ceiling, "remaining": max(0, ceiling - used)}
    if period:
        facts["available_at"] = instant(_EPOCH + timedelta(seconds=period * (_window(now, period) + 1)))
    return CeilingReached("the merchant's ceiling leaves no room for these points", **facts)
