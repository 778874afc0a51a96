"""Points spent and given back: prices are the rules', and a restoration brings back what its redemption took, lot for lot."""

from __future__ import annotations

from token_service.audit.accounts import donations, holds, lots, payments, spending, standing, vouchers
from token_service.audit.accounts.account import Operation
from token_service.audit.accounts.memberships import whose
from token_service.audit.accounts.orders import check_order
from token_service.audit.accounts.prices import has_price
from token_service.audit.accounts.step import Step
from token_service.errors import RewardUnavailable
from token_service.program import lots as engine
from token_service.program.lots import Lot
from token_service.program.rewards import DONATION, closed, find_reward, value_of
from token_service.program.schema import Ruleset


def redemption(step: Step) -> None:
    """Points spent, by amount or for a reward; or given to a cause."""
    step.check_open()
    leaf, account = step.leaf, step.account
    ruleset = step.ruleset()
    if leaf.kind == "donation":
        donations.check(step, ruleset)
    else:
        step.same("rewards", "the value of the points", value_of(ruleset, leaf.amount), leaf.whole("value"))
        _check_price(step, ruleset)
        standing.check_renewal(step, ruleset)
        if "of" not in leaf.detail:  # a hold was looked at when it was made
            spending.check(step, ruleset, leaf.amount, is_amount=leaf.detail.get("reward") is None)
    uses = holds.captured(step) if "of" in leaf.detail else lots.debit(step, lots.consumed(step))
    reward = leaf.detail.get("reward")
    operation = Operation(
        leaf.text_of("operation_id"), account.home, leaf.kind, leaf.ruleset, leaf.text_of("merchant"), leaf.party,
        uses=list(uses), reward=reward if isinstance(reward, str) else None, at=leaf.recorded_at,
    )  # fmt: skip
    step.storage.put_operation(operation)
    if operation.reward is not None:
        account.rewards.setdefault(operation.reward, {})[operation.id] = leaf.occurred_at
    if leaf.kind == "redemption":
        spending.count(step, operation.id, leaf.amount, hold=leaf.detail.get("of"))
        lots.prolong(step, leaf.recorded_at)
        account.last_activity_at = max(leaf.recorded_at, account.last_activity_at or leaf.recorded_at)
    else:
        donations.count(step, operation.id)


def restoration(step: Step) -> None:
    """Points of a redemption come back, never more than it took."""
    leaf = step.leaf
    origin = step.parent("restorations", ("redemption",), "a restoration without its redemption")
    if origin.is_void:
        step.differs(
            "restorations", "the contract refused this redemption: its points came back before", found=origin.id
        )
    vouchers.check_restored(step, origin)
    payments.check_restored(step, origin)
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
    spending.give_back(step, origin.id, points)
    if origin.reward is not None and not sum(engine.outstanding(origin.uses).values()):
        for account in step.with_heirs():
            account.rewards.get(origin.reward, {}).pop(origin.id, None)
    step.storage.put_operation(origin)


def _check_price(step: Step, ruleset: Ruleset) -> None:
    leaf = step.leaf
    reward, told = leaf.detail.get("reward"), leaf.whole("price")
    step.same("rewards", "the price in the detail", leaf.amount, told)
    if reward is None:
        return
    try:
        named = find_reward(ruleset, str(reward))
    except RewardUnavailable:
        step.differs(
            "rewards", f"the reward {reward} is none of the rules", expected="no such reward", found=leaf.amount
        )
        return
    if named.kind == DONATION:
        step.differs("rewards", f"the reward {reward} gives to a cause", expected="a donation", found=leaf.kind)
        return
    if not has_price(step, named, step.account.tier, leaf.amount):
        return
    why_not = closed(ruleset, named, whose(step.account, step), leaf.occurred_at)
    if "voucher" not in leaf.detail:  # its use says the order
        check_order(step, named)
    if why_not is not None and step.account.is_tier_known:
        step.differs(
            "rewards", f"the reward {reward} was closed to this account", expected=str(why_not.facts), found="given"
        )


def _lots_of(step: Step, origin: Operation) -> list[Lot]:
    found: dict[str, Lot] = {}
    for use in origin.uses:
        held = step.account.lots.get(use.lot_id) or step.storage.empty_lot(use.lot_id)
        if held is not None:
            found[use.lot_id] = held.lot
    return list(found.values())
