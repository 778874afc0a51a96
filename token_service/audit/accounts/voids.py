"""Entries that the contract refused for good: the ledger undoes each, and a fact says how. Neither is ever settled."""

from __future__ import annotations

from token_service.audit.accounts import lots, refunds
from token_service.audit.accounts.step import Step
from token_service.program import lots as engine
from token_service.units import CREDIT_KINDS, EntryKind


def void(step: Step) -> None:
    """The entry named in `voids` is taken back, from its own lots first; what the account lacks is owed."""
    leaf, account = step.leaf, step.account
    entry_id = leaf.text_of("voids")
    if leaf.detail.get("pays_debt") is True:
        refunds.pay_void(step, entry_id)
        return
    number, refused = next(((n, one) for n, one in account.unsettled.items() if one.id == entry_id), (0, None))
    if refused is None:
        detail = "an entry is undone that the contract did not refuse"
        step.differs("history", detail, expected="an entry that was skipped", found=entry_id)
        lots.take(step, leaf.uses())
        return
    del account.unsettled[number]
    debt, points = leaf.whole("debt"), leaf.whole("points")
    is_credit = refused.kind in CREDIT_KINDS
    undone = debt - points if is_credit else points
    step.same("history", "what a void undoes", refused.amount, undone)
    if is_credit:
        held = account.lots.get(entry_id) or step.storage.empty_lot(entry_id)
        if held is not None:
            held.lost = held.lot.points
            if entry_id not in account.lots:
                step.storage.put_empty_lot(held)
    else:
        back = {use.lot_id: -use.points for use in leaf.uses()}
        step.same("lots", "which lots a void gives back to", refused.lots, back)
    lots.take(step, leaf.uses())
    if refused.kind == EntryKind.EXPIRY:
        for use in leaf.uses():
            if use.lot_id in account.lots:
                account.lots[use.lot_id].lost -= use.points
    refunds.owe(step, entry_id, debt, "")
    _mark(step, refused.operation)
    if (
        account.debts
        and account.is_ours
        and not is_credit
        and engine.available(step.open_lots(), step.consumption_time)
    ):
        account.owes_payment = leaf.recorded_at


def _mark(step: Step, operation_id: str | None) -> None:
    operation = None if operation_id is None else step.storage.operation(operation_id)
    if operation is not None and operation.kind in ("redemption", "donation"):
        operation.is_void = True
        step.account.rewards.get(operation.reward or "", {}).pop(operation.id, None)
        step.account.spent.pop(operation.id, None)
        step.account.given.pop(operation.id, None)
        step.storage.put_operation(operation)
