"""What an entry did to lots, where some of the member's lots are only stand-ins for what could not be opened.

Without such stand-ins every use fits as it was. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from token_service.errors import InvariantBroken
from token_service.program.lots import Lot, Use, consumption_order


def fitted(uses: Sequence[Use], lots: Mapping[str, Lot]) -> tuple[list[Use], int]:
    """Uses of the same sum that these lots allow, at most one of each lot, and the points brought back that no lot has room for.

    A date only moves later: the activity that moved it may be written before the payment of a debt that came with it. Raises
    InvariantBroken if the lots hold fewer points than are taken.
    """
    left = {lot.id: lot.left for lot in lots.values()}
    dates = {lot.id: lot.expires_at for lot in lots.values()}
    missing = 0
    for use in uses:
        lot = lots.get(use.lot_id)
        part = _part(use.points, 0 if lot is None else left[lot.id], 0 if lot is None else lot.points)
        missing += use.points - part
        if lot is not None:
            left[lot.id] += part
            dates[lot.id] = use.expires_at if use.points > 0 else _later(dates[lot.id], use.expires_at)
    for lot in sorted(lots.values(), key=consumption_order):
        if missing < 0:
            part = max(missing, -left[lot.id])
            left[lot.id] += part
            missing -= part
    if missing < 0:
        raise InvariantBroken("a member's lots hold fewer points than were taken from them")
    changed = [lot for lot in lots.values() if left[lot.id] != lot.left]
    order = {use.lot_id: place for place, use in enumerate(uses)}
    changed.sort(key=lambda lot: order.get(lot.id, len(order)))
    return [Use(lot.id, left[lot.id] - lot.left, dates[lot.id]) for lot in changed], missing


def taken(lots: Mapping[str, Lot], points: int) -> list[Use]:
    """Uses that take `points` in the order of debits, whatever their dates. Raises InvariantBroken if there are fewer."""
    return fitted([Use("", -points, None)], lots)[0]


def _part(points: int, left: int, whole: int) -> int:
    """As much of a use as a lot allows."""
    return max(points, -left) if points < 0 else min(points, whole - left)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)
