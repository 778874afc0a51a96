"""Points spent and given back: prices are the rules', and a restoration brings back what its redemption took, lot for lot."""

from __future__ import annotations

from token_service.audit.accounts import lots
from token_service.audit.accounts.account import Operation
from token_service.audit.accounts.step import Step
from token_service.errors import RewardUnavailable
from token_service.program import lots as engine
from token_service.program.lots import Lot
from token_service.program.rewards import price, value_of
from token_service.program.ruleset import Ruleset


def redemption(step: Step) -> None:
    """Points spent, by amount or for a reward; or given to a cause."""
    leaf, account = step.leaf, step.account
    ruleset = step.ruleset()
    if leaf.kind == "redemption":
        _check_price(step, ruleset)
    uses = lots.debit(step, lots.consumed(step))
    operation = Operation(
        leaf.text_of("operation_id"), leaf.kind, leaf.ruleset, leaf.text_of("merchant"), leaf.party, uses=list(uses)
    )
    step.storage.put_operation(operation)
    if leaf.kind == "redemption":
        lots.prolong(step, leaf.recorded_at)
        account.last_activity_at = max(leaf.recorded_at, account.last_activity_at or leaf.recorded_at)


def restoration(step: Step) -> None:
    """Points of a redemption come back, never more than it took."""
    leaf = step.leaf
    origin = step.parent("restorations", "redemption", "a restoration without its redemption")
    if origin.is_void:
        step.differs(
            "restorations", "the contract refused this redemption: its points came back before", found=origin.id
        )
    left = sum(engine.outstanding(origin.uses).values())
    if leaf.amount > left:
        detail = "more comes back than is left of the redemption"
        step.differs("restorations", detail, expected=f"≤ {left}", found=leaf.amount)
    uses, points = leaf.uses(), min(leaf.amount, left)
    if points:
        taken = _lots_of(step, origin)
        expected = engine.restore(origin.uses, taken, points, ruleset=step.ruleset(), now=leaf.recorded_at)
        if leaf.amount == points:
            uses = lots.debit(step, expected)
        else:
            lots.take(step, uses)
    step.same("restorations", "the merchant's number", origin.party, leaf.party)
    origin.uses.extend(uses)
    step.storage.put_operation(origin)


def _check_price(step: Step, ruleset: Ruleset) -> None:
    leaf = step.leaf
    reward, told = leaf.detail.get("reward"), leaf.whole("price")
    step.same("rewards", "the price in the detail", leaf.amount, told)
    step.same("rewards", "the value of the points", value_of(ruleset, leaf.amount), leaf.whole("value"))
    if reward is None:
        return
    try:
        right: object = price(ruleset, str(reward))
    except RewardUnavailable:
        right = "no such reward"
    if right != leaf.amount:
        step.differs("rewards", f"the reward {reward} has another price", expected=right, found=leaf.amount)


def _lots_of(step: Step, origin: Operation) -> list[Lot]:
    found: dict[str, Lot] = {}
    for use in origin.uses:
        held = step.account.lots.get(use.lot_id) or step.storage.empty_lot(use.lot_id)
        if held is not None:
            found[use.lot_id] = held.lot
    return list(found.values())
