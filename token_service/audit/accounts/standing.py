"""Standing orders: what a member lets be used of their points on each renewal, and the renewals that used some.

That a redemption was a renewal's is the service's word: one that does not say so is a redemption like any other, and none of an
order's. Which shop may bill is not the order's either: it holds with every shop that knows the member.
"""

from __future__ import annotations

from token_service.audit.accounts.step import Step
from token_service.errors import InvalidInput
from token_service.program.rewards import value_of
from token_service.program.ruleset import Ruleset


def given(step: Step) -> None:
    """An order is given, changed, or ended with 0 points. Raises InvalidInput."""
    leaf, account = step.leaf, step.account
    up_to = leaf.whole("up_to")
    if up_to < 0:
        raise InvalidInput("up_to: 0 or more points are needed")
    if not str(leaf.detail.get("actor") or "").strip():
        step.differs("history", "a standing order has no actor", expected="an actor", found="nothing")
    if up_to and account.state == "closed":
        step.differs("history", "a closed account has a standing order", expected="none", found=f"up to {up_to}")
    if up_to == account.standing_order:
        step.differs("history", "a standing order changes nothing", expected=f"not {up_to}", found=up_to)
    account.standing_order = up_to


def closed(step: Step) -> None:
    """An order ends before its account does."""
    if step.account.standing_order:
        found = f"up to {step.account.standing_order}"
        step.differs("history", "an account is closed with its standing order", expected="none", found=found)
    step.account.standing_order = 0


def check_renewal(step: Step, ruleset: Ruleset) -> None:
    """What a renewal used: within the order that was in force then, and worth no more than the bill. Raises InvalidInput."""
    leaf = step.leaf
    if "renewal" not in leaf.detail:
        return
    amount, up_to = leaf.mapping("renewal").get("amount"), step.account.standing_order
    if type(amount) is not int or amount < 0:
        raise InvalidInput("renewal: the bill's amount is needed")
    if not up_to:
        said = "a renewal used points without a standing order"
        step.differs("rewards", said, expected="an order in force", found=leaf.amount)
    elif leaf.amount > up_to:
        said = "a renewal used more points than its standing order lets"
        step.differs("rewards", said, expected=f"≤ {up_to}", found=leaf.amount)
    worth = value_of(ruleset, leaf.amount)
    if worth > amount:
        step.differs("rewards", "a renewal used more points than its bill was", expected=f"≤ {amount}", found=worth)
    if leaf.detail.get("reward") is not None:
        step.differs("rewards", "a renewal used points for a reward", expected="none", found=leaf.detail["reward"])
