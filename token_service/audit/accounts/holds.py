"""Holds: what is set aside names the lots that a debit would take next; until then nothing else uses them, nor do they expire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from token_service.audit.accounts import lots, spending
from token_service.audit.accounts.account import HeldLot, Operation
from token_service.audit.accounts.opened import whole
from token_service.audit.accounts.step import Step, Stop
from token_service.program import lots as engine
from token_service.program.lots import Use

ENDS = ("captured", "released", "expired")


def held(step: Step) -> None:
    """Points set aside: the lots of the next debit, in its order."""
    step.check_open()
    leaf, points = step.leaf, step.leaf.whole("points_held")
    told = _parts(step)
    there = engine.available(step.open_lots(), step.consumption_time)
    if points < 1 or points > there:
        step.differs("lots", "more is set aside than there is", expected=f"1 to {there}", found=points)
        raise Stop("more is set aside than there is")
    spending.check(step, step.ruleset(), points, is_amount=True)
    uses = engine.consume(step.open_lots(), points, at=step.consumption_time)
    right = [(use.lot_id, -use.points) for use in uses]
    if told != right:
        step.differs("lots", "other lots are set aside than the rules say", expected=right, found=told)
    _set_aside(step, told, 1)
    operation = Operation(
        leaf.text_of("operation_id"), step.account.home, "hold", leaf.ruleset, leaf.text_of("merchant"), leaf.party,
        uses=[Use(lot_id, part, None) for lot_id, part in told],
    )  # fmt: skip
    step.storage.put_operation(operation)
    spending.count(step, operation.id, points)


def released(step: Step) -> None:
    """All that a hold still sets aside is free again: it was captured in part, released, or its time was over."""
    leaf = step.leaf
    hold = _hold(step, leaf.text_of("operation_id"))
    told, because = _parts(step), leaf.text_of("because")
    right = [(use.lot_id, use.points) for use in hold.uses]
    if told != right or not right or because not in ENDS:
        step.differs("lots", "a hold ends with other points than it set aside", expected=right, found=told)
    step.same("lots", "the points that a hold frees", sum(points for _, points in right), leaf.whole("points_freed"))
    _set_aside(step, right, -1)
    hold.uses = []
    spending.forget(step, hold.id)
    step.storage.put_operation(hold)


def captured(step: Step) -> tuple[Use, ...]:
    """What the redemption of a hold takes: its lots from the first on. Raises Stop, with a finding, where there is none."""
    points = step.leaf.amount
    hold = _hold(step, step.leaf.text_of("of"))
    left, expected, rest = points, [], []
    for use in hold.uses:
        part = min(left, use.points)
        left -= part
        if part:
            expected.append(Use(use.lot_id, -part, _lot(step, use.lot_id).lot.expires_at))
        if use.points > part:
            rest.append(Use(use.lot_id, use.points - part, None))
    if left:
        step.differs("lots", "more is captured than was set aside", expected=f"≤ {points - left}", found=points)
        raise Stop("more is captured than was set aside")
    _set_aside(step, [(use.lot_id, -use.points) for use in expected], -1)
    hold.uses = rest
    step.storage.put_operation(hold)
    return lots.debit(step, expected)


def _hold(step: Step, hold_id: str) -> Operation:
    found = step.storage.operation(hold_id)
    if found is None or found.kind != "hold" or not step.account.owns(found.account):
        step.differs("lots", "a hold ends that is not there", expected="a hold before it", found=hold_id)
        raise Stop("a hold ends that is not there")
    return found


def _set_aside(step: Step, parts: Iterable[tuple[str, int]], sign: int) -> None:
    for lot_id, points in parts:
        lot = _lot(step, lot_id)
        if not 0 <= lot.set_aside + sign * points <= lot.lot.left:
            step.differs("lots", f"lot {lot_id} cannot be set aside like this", expected="its points", found=points)
            raise Stop("a lot is set aside that is not there")
        lot.set_aside += sign * points


def _lot(step: Step, lot_id: str) -> HeldLot:
    found = step.account.lots.get(lot_id)
    if found is None:
        step.differs("lots", "a hold names a lot without points", expected="a lot with points", found=lot_id)
        raise Stop("a hold names a lot that is not there")
    return found


def _parts(step: Step) -> list[tuple[str, int]]:
    told: Any = step.leaf.detail.get("set_aside")
    if not isinstance(told, list) or not all(isinstance(one, dict) and isinstance(one.get("lot"), str) for one in told):
        step.differs("lots", "a hold does not say what it sets aside", expected="lots", found=str(told)[:40])
        raise Stop("a hold does not say what it sets aside")
    return [(one["lot"], whole(one.get("points"), "points")) for one in told]
