"""Points taken back: refunds, reversals of issuances by hand, and debts. A purchase keeps exactly what its own ruleset and facts
give for what is left of it; what the member no longer has is owed, and paid from the next credit.
"""

from __future__ import annotations

from token_service.audit.accounts import campaigns, challenges, happenings, lots, manual, payments, referrals
from token_service.audit.accounts.account import Closing, Debt, Operation
from token_service.audit.accounts.opened import opened_event, opened_facts
from token_service.audit.accounts.step import Step, Stop
from token_service.errors import CallerError
from token_service.program import lots as engine
from token_service.program.refunds import Refund, check_refund, keep_after_refund, to_take_back
from token_service.program.tiers import qualification
from token_service.units import EntryKind


def refund(step: Step) -> None:
    """A refund: it cuts a pending award, or takes back what the purchase no longer keeps."""
    leaf, account = step.leaf, step.account
    purchase = step.parent("reversals", ("purchase",), "a refund of a purchase that is not there")
    ruleset, facts = step.ruleset_of(purchase.ruleset), opened_facts(purchase.text)
    step.same("decisions", "the ruleset of a refund", purchase.ruleset, leaf.ruleset)
    earlier = tuple(Refund.from_json(one) for one in purchase.refunds)
    new = Refund.from_json(leaf.mapping("refund"))
    try:
        check_refund(facts, earlier, new)
    except CallerError as error:
        step.differs(
            "reversals", "this refund gives back what was not bought", expected=error.detail, found=new.to_json()
        )
        raise Stop("a refund exceeds its purchase") from error
    refunds = (*earlier, new)
    left = keep_after_refund(ruleset, facts, refunds)
    kept = min(purchase.kept, left.points)
    campaigns.give_back(step, ruleset, purchase.id, facts, left)
    step.same("reversals", "what the purchase kept before", purchase.kept, leaf.whole("was_kept"))
    told = leaf.whole("kept")
    if told != kept:
        step.differs("reversals", "the rules leave the purchase another number of points", expected=kept, found=told)
    if leaf.kind == "award_cut":
        _cut(step, purchase, told)
    else:
        points = to_take_back(
            awarded=purchase.awarded, kept=told, expired=lots.lost_of(step, purchase.lots), taken=purchase.taken
        )
        _check_not_pending(step, purchase, told)
        purchase.taken += _take_back(step, purchase, points)
    date = facts.local.date
    account.day_points[date] = account.day_points.get(date, 0) - (purchase.kept - told)
    purchase.kept = told
    purchase.refunds.append(new.to_json())
    account.history[purchase.id] = qualification(facts, refunds, told)
    step.storage.put_operation(purchase)
    payments.refunded(step, purchase, refunds)
    challenges.recount(step, purchase, refunds)
    referrals.refunded(step)
    account.closing = Closing(leaf.recorded_at, None)


def reversal(step: Step) -> None:
    """An issuance by hand is taken back, never more than it was; or an event, whole."""
    leaf = step.leaf
    issuance = step.parent("reversals", ("issuance", "event"), "a reversal of an issuance that is not there")
    asked = leaf.whole("asked")
    gives_none = issuance.kind == "event" and not issuance.awarded  # a challenge or a membership may give none
    if not (0 if gives_none else 1) <= asked <= issuance.kept:
        expected = f"≤ {issuance.kept}"
        step.differs("reversals", "more is taken back than is left of the issuance", expected=expected, found=asked)
    step.same("decisions", "the ruleset of a reversal", issuance.ruleset, leaf.ruleset)
    kept = max(0, issuance.kept - asked)
    points = to_take_back(
        awarded=issuance.awarded, kept=kept, expired=lots.lost_of(step, issuance.lots), taken=issuance.taken
    )
    issuance.taken += _take_back(step, issuance, points)
    manual.taken_back(step, issuance, kept)
    issuance.kept = kept
    if issuance.kind == "event":
        step.same("reversals", "what an event keeps when it is taken back", 0, kept)
        happenings.taken_back(step, issuance, opened_event(issuance.text), step.ruleset_of(issuance.ruleset))
    step.storage.put_operation(issuance)


def payment(step: Step) -> None:
    """A reversal right behind a credit that pays the oldest debt, as far as the account has points."""
    leaf, account = step.leaf, step.account
    cause = leaf.text_of("operation_id")
    due = next(iter(account.debts), None)
    if due != cause:
        step.differs(
            "reversals", "a debt is paid out of its order, or nothing is owed for it", expected=due, found=cause
        )
    debt = account.debts.get(cause)
    if debt is None:
        raise Stop("a debt is paid that is not owed")
    _pay(step, cause, debt)


def pay_void(step: Step, cause: str) -> None:
    """A fact that says that the debt of a voided credit was paid by another void."""
    debt = step.account.debts.get(cause)
    if debt is None:
        step.differs("reversals", "a debt is paid that is not owed", expected="no payment", found=cause)
        raise Stop("a debt is paid that is not owed")
    _pay(step, cause, debt)


def _pay(step: Step, cause: str, debt: Debt) -> None:
    account = step.account
    there = engine.available(step.open_lots(), step.consumption_time)
    points = min(debt.points, there)
    expected = _reverse(step, points, debt.of)
    uses = lots.debit(step, expected)
    debt.points += sum(use.points for use in uses)
    if debt.points <= 0:
        del account.debts[cause]
    left = engine.available(step.open_lots(), step.consumption_time)
    account.owes_payment = step.leaf.recorded_at if account.debts and left else None


def check_payment(step: Step) -> None:
    """A credit pays what is owed at once: behind it come expiries and payments only, all recorded together."""
    account, leaf = step.account, step.leaf
    due = account.owes_payment
    if due is None or (leaf.recorded_at == due and (leaf.kind == "expiry" or leaf.detail.get("pays_debt") is True)):
        return
    account.owes_payment = None
    owed = sum(debt.points for debt in account.debts.values())
    step.differs(
        "reversals",
        "a credit did not pay what the member owes",
        expected=f"a reversal of up to {owed}",
        found=leaf.kind,
    )


def owe(step: Step, cause: str, points: int, of: str) -> None:
    """A debt that a later credit pays."""
    if points:
        step.account.debts[cause] = Debt(points, step.leaf.party, of)


def _take_back(step: Step, origin: Operation, points: int) -> int:
    """Points reversed and made debt by this leaf: all that must go, as far as there is any, from the origin's own lots first."""
    leaf = step.leaf
    told_debt = leaf.whole("debt")
    expected = _reverse(step, points, origin.id) if step.account.is_ours else ()
    reversed_ = -sum(use.points for use in expected)
    told = leaf.amount if leaf.entry_kind == EntryKind.REVERSAL else 0
    if told + told_debt != points:
        found = f"{told} reversed and {told_debt} owed"
        step.differs("reversals", "another number of points is taken back", expected=points, found=found)
    elif told != reversed_:
        step.differs("reversals", "a reversal takes another part than there is", expected=reversed_, found=told)
    if leaf.entry_kind == EntryKind.REVERSAL:
        lots.debit(step, expected if told == reversed_ else leaf.uses())
        step.same("reversals", "the issuer of what is reversed", origin.party or leaf.party, leaf.party)
    owe(step, leaf.text_of("operation_id"), told_debt, origin.id)
    return told + told_debt


def _reverse(step: Step, points: int, of: str) -> tuple[engine.Use, ...]:
    if points < 1:
        return ()
    return engine.reverse(step.open_lots(), points, operation_id=of, at=step.consumption_time)


def _cut(step: Step, purchase: Operation, kept: int) -> None:
    """The pending award shrinks to what the purchase keeps."""
    waiting = step.account.pending.get(purchase.id)
    if waiting is None:
        step.differs(
            "reversals", "a pending award is cut that is not pending", expected="a reversal", found="award_cut"
        )
        raise Stop("an award is cut that is not pending")
    step.same("reversals", "what a pending award loses", kept - waiting.points, step.leaf.whole("points"))
    purchase.taken += waiting.points - kept
    waiting.points = kept
    if not kept:
        del step.account.pending[purchase.id]


def _check_not_pending(step: Step, purchase: Operation, kept: int) -> None:
    """A refund inside the window cuts the pending award instead of taking points."""
    waiting = step.account.pending.get(purchase.id)
    if waiting is not None:
        step.differs(
            "reversals", "a pending award was not cut by this refund", expected="award_cut", found=step.leaf.kind
        )
        waiting.points = kept
