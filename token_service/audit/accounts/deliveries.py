"""Deliveries: an award that waits for one is issued no sooner than its return window after it; one that lapses does so because
none was told in time, under rules that say so.
"""

from __future__ import annotations

from datetime import datetime

from token_service.audit.accounts import campaigns
from token_service.audit.accounts.account import Closing, Operation, Pending
from token_service.audit.accounts.lots import said
from token_service.audit.accounts.opened import opened_facts
from token_service.audit.accounts.step import Step, Stop
from token_service.program.earning import award_of
from token_service.program.refunds import Refund
from token_service.program.schema import Ruleset
from token_service.program.tiers import qualification
from token_service.program.windows import Wait, award_due_at, lapses


def begin(step: Step, wait: Wait, points: int) -> Pending:
    """The award that its purchase's leaf says to be pending, with the dates that the rules give."""
    told, until = step.leaf.instant_of("due_at"), step.leaf.instant_of("delivery_by")
    if told != wait.due_at:
        what = "the return window ends at another time"
        step.differs("awards", what, expected=said(wait.due_at), found=said(told))
    if until != wait.delivery_by:
        what = "a delivery is waited for until another time"
        step.differs("awards", what, expected=_words(wait.delivery_by), found=_words(until))
    return Pending(points, wait.due_at, wait.delivery_by)


def told(step: Step) -> None:
    """The delivery of a purchase that waits for it: from here on its return window is counted."""
    purchase, ruleset = _purchase(step)
    leaf = step.leaf
    waiting = step.account.pending.get(purchase.id)
    if waiting is None or waiting.delivery_by is None:
        what = "a delivery is told that nothing waits for"
        step.differs("awards", what, expected="a pending award before it", found=leaf.detail.get("of"))
        return
    if leaf.recorded_at >= waiting.delivery_by:
        expected = f"before {said(waiting.delivery_by)}"
        step.differs("awards", "a delivery was told too late", expected=expected, found=said(leaf.recorded_at))
    bought_at = opened_facts(purchase.text).occurred_at
    if leaf.occurred_at < min(bought_at, leaf.recorded_at):
        what = "a delivery came before its purchase"
        step.differs("awards", what, expected=f"not before {said(bought_at)}", found=said(leaf.occurred_at))
    right, due_at = award_due_at(ruleset, leaf.occurred_at), leaf.instant_of("due_at")
    if due_at != right:
        what = "the return window of a delivery ends at another time"
        step.differs("awards", what, expected=said(right), found=_words(due_at))
    step.account.pending[purchase.id] = Pending(waiting.points, right)


def lapsed(step: Step) -> None:
    """A pending award comes to nothing: the whole of it, once its delivery can no longer be told."""
    purchase, ruleset = _purchase(step)
    leaf, account = step.leaf, step.account
    waiting = account.pending.pop(purchase.id, None)
    if waiting is None:
        what = "an award lapses that is not pending"
        step.differs("awards", what, expected="a pending award before it", found=leaf.detail.get("of"))
        raise Stop(what)
    if not lapses(ruleset) or waiting.delivery_by is None:
        expected = "an issuance" if waiting.delivery_by is None else "its return window begins without a delivery"
        step.differs("awards", "an award lapses that should not", expected=expected, found="award_lapsed")
    elif leaf.recorded_at < waiting.delivery_by:
        what = "an award lapses while its delivery may still be told"
        step.differs("awards", what, expected=f"not before {said(waiting.delivery_by)}", found=said(leaf.recorded_at))
    step.same("awards", "the points that lapse", -waiting.points, leaf.whole("points"))
    _keeps_nothing(step, purchase, ruleset, waiting.points)


def _keeps_nothing(step: Step, purchase: Operation, ruleset: Ruleset, points: int) -> None:
    account, facts = step.account, opened_facts(purchase.text)
    refunds = tuple(Refund.from_json(one) for one in purchase.refunds)
    campaigns.give_back(step, ruleset, purchase.id, facts, award_of(()))
    date = facts.local.date
    account.day_points[date] = account.day_points.get(date, 0) - purchase.kept
    purchase.kept, purchase.taken = 0, purchase.taken + points
    account.history[purchase.id] = qualification(facts, refunds, 0)
    account.lapsed.append(purchase.id)
    step.storage.put_operation(purchase)
    account.closing = Closing(step.leaf.recorded_at, None)


def check_delivered(step: Step, ruleset: Ruleset, waiting: Pending) -> None:
    """An award that needs a delivery is not issued without one."""
    if waiting.delivery_by is not None and lapses(ruleset):
        what = "an award is issued whose delivery nobody told"
        step.differs(
            "awards", what, expected="a delivery before it, or award_lapsed", found=f"{step.leaf.amount} points"
        )


def _purchase(step: Step) -> tuple[Operation, Ruleset]:
    purchase = step.parent("awards", ("purchase",), "a delivery of a purchase that is not there")
    step.same("decisions", "the ruleset of a delivery", purchase.ruleset, step.leaf.ruleset)
    step.same("awards", "the merchant of a delivery", purchase.merchant, step.leaf.text_of("merchant"))
    return purchase, step.ruleset_of(purchase.ruleset)


def _words(at: datetime | None) -> str:
    return "none" if at is None else said(at)
