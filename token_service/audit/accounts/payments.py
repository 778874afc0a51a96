"""Points that paid part of a purchase: the redemption that a purchase names must be able to have paid that, once; and a refund
gives back exactly its share of it, behind its own leaf.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from token_service.audit.accounts.account import Account, DueBack, Operation
from token_service.audit.accounts.opened import opened_facts
from token_service.audit.accounts.step import Step
from token_service.audit.report import Finding
from token_service.program import lots as engine
from token_service.program.facts import PurchaseFacts
from token_service.program.points_payments import covers, points_back, still_to_give
from token_service.program.refunds import Refund

FOLLOWS_WITHIN_SECONDS: Final = 3_600
"""By then what a refund gives back is settled, too: both were recorded together."""
_NOT_BACK: Final = "the points that paid a refunded purchase did not come back"


def named(step: Step, purchase: Operation, facts: PurchaseFacts) -> None:
    """A purchase names the redemption that paid part of it: of this account, at this merchant, by amount, worth enough, and of no
    other purchase.
    """
    if facts.paid_by is None:
        return
    found = step.storage.operation(facts.paid_by)
    if found is None or found.kind != "redemption" or not step.account.owns(found.account):
        said = "a purchase names a redemption that is not there"
        step.differs("restorations", said, expected="a redemption of this account before it", found=facts.paid_by)
        return
    step.same("restorations", "the merchant of what paid a purchase", found.merchant, facts.merchant)
    step.same("restorations", "the reward of what paid a purchase", None, found.reward)
    if found.pays is not None:
        step.differs("restorations", "a redemption pays for two purchases", expected=found.pays, found=purchase.id)
    # what came back to an account that became part of this one came before or behind this leaf: no number says
    left = _left(found) if found.account == step.account.home else _taken(found)
    if not facts.paid_with_points or not covers(step.ruleset_of(found.ruleset), left, facts.paid_with_points):
        said = "a redemption does not cover what it paid of a purchase"
        step.differs("restorations", said, expected=f"the worth of {left} points", found=facts.paid_with_points)
    found.pays = purchase.id
    step.storage.put_operation(found)


def refunded(step: Step, purchase: Operation, refunds: tuple[Refund, ...]) -> None:
    """A refund says how many of the points that paid come back, and they do behind it."""
    facts = opened_facts(purchase.text)
    redemption = None if facts.paid_by is None else step.storage.operation(facts.paid_by)
    if redemption is None:
        step.same("restorations", "what a refund gives back of what paid", None, step.leaf.detail.get("restored"))
        return
    told = step.leaf.whole("restored")
    points = _taken(redemption)
    if redemption.account != step.account.home:
        # they come back to an account that became part of this one: whether before or behind this leaf, no number says
        most = points_back(points, facts, refunds)
        if not 0 <= told <= most:
            said = "a refund gives back more than its share of what paid"
            step.differs("restorations", said, expected=f"at most {most}", found=told)
    else:
        due = 0 if redemption.is_void else still_to_give(points, facts, refunds, restored=points - _left(redemption))
        step.same("restorations", "what a refund gives back of what paid", due, told)
        if told:
            due_back = DueBack(redemption.id, told, step.leaf.recorded_at, step.leaf.settled_at)
            step.account.owes_for_refunds[step.leaf.text_of("operation_id")] = due_back


def check_owed(step: Step) -> None:
    """Notes a finding where leaves recorded later come before what a refund gives back."""
    account = step.account
    late = [id_ for id_, due in account.owes_for_refunds.items() if due.recorded_at != step.leaf.recorded_at]
    for id_ in late:
        due = account.owes_for_refunds.pop(id_)
        expected = f"a restoration of {due.points} of {due.redemption}"
        step.differs("restorations", _NOT_BACK, expected=expected, found=step.leaf.kind)


def check_restored(step: Step, redemption: Operation) -> None:
    """A restoration that says it is a refund's gives what that refund said, once."""
    leaf = step.leaf
    refund_id = leaf.detail.get("refund")
    if refund_id is None or step.account.merged_into is not None:
        return
    due = step.account.owes_for_refunds.pop(str(refund_id), None)
    if due is None or due.redemption != redemption.id:
        said = "points come back for a refund that does not give them"
        step.differs("restorations", said, expected="nothing", found=leaf.amount)
        return
    step.same("restorations", "what comes back with a refund", due.points, leaf.amount)


def untold(account: Account, now: datetime) -> list[Finding]:
    """Points that have not come back within an hour of their refund; nothing where leaves wait."""
    if not account.is_whole:
        return []
    return [
        Finding(
            "restorations", _NOT_BACK, expected=f"a restoration of {due.points} of {due.redemption}", found="nothing"
        )
        for due in account.owes_for_refunds.values()
        if now.timestamp() - due.since > FOLLOWS_WITHIN_SECONDS
    ]


def _taken(redemption: Operation) -> int:
    return -sum(use.points for use in redemption.uses if use.points < 0)


def _left(redemption: Operation) -> int:
    """Points of it that did not come back."""
    return 0 if redemption.is_void else sum(engine.outstanding(redemption.uses).values())
