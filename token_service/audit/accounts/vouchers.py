"""Vouchers: used for what they were bought for or won, once unless that use was undone, before their end; and what their end
owes, where the rules give them one: the points at once, or nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from token_service.audit.accounts import lots
from token_service.audit.accounts.account import Account, Operation
from token_service.audit.accounts.opened import OpenedLeaf
from token_service.audit.accounts.orders import check_order
from token_service.audit.accounts.step import Step
from token_service.audit.report import Finding
from token_service.program import lots as engine
from token_service.program.schema import Reward
from token_service.program.voucher_ends import GIVE_BACK, voucher_ends_at

FOLLOWS_WITHIN_SECONDS: Final = 3_600
"""By then what an end owes is settled, too: both were recorded together."""
_NOT_BACK: Final = "the points of an ended voucher did not come back"
_BOUGHT_BY: Final = ("redemption", "event")


def used(step: Step) -> None:
    """A merchant honoured what a redemption bought, or a challenge gave: that reward, once, and not after it was over."""
    leaf = step.leaf
    bought = step.parent("rewards", _BOUGHT_BY, "a voucher without its redemption")
    step.same("rewards", "the reward of a voucher", bought.reward, leaf.text_of("reward"))
    if bought.is_used:
        step.differs("rewards", "a voucher is used a second time", expected="one use", found=leaf.text_of("voucher"))
    _check_not_back(step, bought, "used")
    ends_at = _ends_at(step, bought)
    if ends_at is not None and leaf.recorded_at >= ends_at:
        expected, found = f"before {lots.said(ends_at)}", lots.said(leaf.recorded_at)
        step.differs("rewards", "a voucher is used after its end", expected=expected, found=found)
    reward = _reward(step, bought)
    if reward is not None:
        check_order(step, reward)
    bought.is_used, bought.use = True, _said(leaf)
    step.storage.put_operation(bought)


def undone(step: Step) -> None:
    """The merchant that honoured it takes that back, once, before the voucher's end: it buys its reward again."""
    leaf = step.leaf
    bought = step.parent("rewards", _BOUGHT_BY, "a voucher without its redemption")
    step.same("rewards", "the reward of a voucher", bought.reward, leaf.text_of("reward"))
    if not bought.is_used:
        said = "was not made" if bought.use is None else "does not stand any more"
        step.differs(
            "rewards", f"a use of a voucher is undone that {said}", expected="a use", found=leaf.text_of("use")
        )
    elif bought.use is not None:  # None as well: it was used before the replay kept how
        told = {name: leaf.detail.get(name) for name in ("voucher", "merchant", "use", "used_at", "discount")}
        told["used_at"] = lots.said(leaf.instant_of("used_at"))
        step.same("rewards", "the use of a voucher that is undone", bought.use, told)
    if _is_back(step, bought):
        detail = "a use of a voucher is undone whose points came back before"
        step.differs("rewards", detail, expected="the use stands", found=leaf.text_of("voucher"))
    ends_at = _ends_at(step, bought)
    if ends_at is not None and leaf.recorded_at >= ends_at:
        expected, found = f"before {lots.said(ends_at)}", lots.said(leaf.recorded_at)
        step.differs("rewards", "a use of a voucher is undone after the voucher's end", expected=expected, found=found)
    bought.is_used = False
    step.storage.put_operation(bought)


def expired(step: Step) -> None:
    """Nobody used it in time: what the rules under which it was bought say happens now, and not before."""
    leaf = step.leaf
    bought = step.parent("rewards", _BOUGHT_BY, "a voucher without its redemption")
    step.same("rewards", "the reward of a voucher", bought.reward, leaf.text_of("reward"))
    if bought.is_used or bought.is_expired:
        was = "used" if bought.is_used else "ended"
        step.differs("rewards", f"a voucher ends that was {was}", expected="no end", found=leaf.text_of("voucher"))
    _check_not_back(step, bought, "ended")
    ends_at, reward = _ends_at(step, bought), _reward(step, bought)
    told = None if ends_at is None else lots.said(ends_at)
    step.same("rewards", "when a voucher ends", told, lots.said(datetime.fromisoformat(leaf.text_of("expires_at"))))
    if ends_at is not None and leaf.recorded_at < ends_at:
        found = lots.said(leaf.recorded_at)
        step.differs("rewards", "a voucher ends too early", expected=f"≥ {told}", found=found)
    rule = None if reward is None else reward.on_expiry
    step.same("rewards", "what becomes of an ended voucher's points", rule, leaf.detail.get("on_expiry"))
    bought.is_expired = True
    if rule == GIVE_BACK and bought.kind == "redemption" and not bought.is_void:
        step.account.owes_back, step.account.owes_back_since = bought.id, leaf.settled_at
    step.storage.put_operation(bought)


def check_owed(step: Step) -> None:
    """Notes a finding unless the leaf behind the end of a voucher gives all its points back, where the rules say so."""
    account, leaf = step.account, step.leaf
    if account.owes_back is None:
        return
    owed, account.owes_back = account.owes_back, None
    if leaf.kind != "restoration" or leaf.detail.get("of") != owed:
        step.differs("restorations", _NOT_BACK, expected=f"a restoration of {owed}", found=leaf.kind)
        return
    bought = step.storage.operation(owed)
    left = 0 if bought is None else sum(engine.outstanding(bought.uses).values())
    step.same("restorations", "what comes back of an ended voucher", left, leaf.amount)


def check_restored(step: Step, bought: Operation) -> None:
    """Notes a finding where the service itself gives points of an ended voucher back that its rules do not: only a person may,
    and says why.
    """
    if not bought.is_expired or any(use.points > 0 for use in bought.uses):
        return
    reward, detail = _reward(step, bought), step.leaf.detail
    is_lost = reward is not None and reward.on_expiry != GIVE_BACK
    if is_lost and (detail.get("actor") in (None, "service") or not detail.get("reason")):
        said = "points of an ended voucher come back that were lost"
        step.differs("restorations", said, expected="a person's reason", found=step.leaf.amount)


def untold(account: Account, now: datetime) -> list[Finding]:
    """Points of an ended voucher that have not come back within an hour; nothing where leaves wait."""
    if (
        account.owes_back is None
        or not account.is_whole
        or now.timestamp() - account.owes_back_since <= FOLLOWS_WITHIN_SECONDS
    ):
        return []
    return [Finding("restorations", _NOT_BACK, expected=f"a restoration of {account.owes_back}", found="nothing")]


def _said(leaf: OpenedLeaf) -> dict[str, object]:
    """What a use said, by the names that undoing it has for that."""
    return {
        "voucher": leaf.text_of("voucher"),
        "merchant": leaf.text_of("merchant"),
        "use": leaf.text_of("reference"),
        "used_at": lots.said(leaf.recorded_at),
        "discount": leaf.detail.get("discount"),
    }


def _is_back(step: Step, bought: Operation) -> bool:
    """Whether its points came back, or what gave it was taken back: by another account only if that was earlier for certain."""
    is_void = bought.is_void and (bought.void_at is None or bought.void_at < step.leaf.recorded_at)
    return is_void or any(use.points > 0 for use in bought.uses)


def _check_not_back(step: Step, bought: Operation, what: str) -> None:
    if _is_back(step, bought):
        detail = f"a voucher is {what} whose points came back before"
        step.differs("rewards", detail, found=step.leaf.text_of("voucher"))


def _reward(step: Step, bought: Operation) -> Reward | None:
    return next((one for one in step.ruleset_of(bought.ruleset).rewards if one.id == bought.reward), None)


def _ends_at(step: Step, bought: Operation) -> datetime | None:
    """When its rules end it; None: never, or it was bought before the replay kept when."""
    reward = _reward(step, bought)
    if reward is None or bought.at is None:
        return None
    return voucher_ends_at(step.ruleset_of(bought.ruleset), reward, bought.at)
