"""What bounds the spending of points, looked at again: the least amount, its steps, the account's day, the time between two.

What a holder spends with their own signature was bounded when the quote was made, which nobody sees here: it counts in the day of
its leaf and is not judged.
"""

from __future__ import annotations

from token_service.audit.accounts.step import Step
from token_service.program.ruleset import Ruleset
from token_service.program.spending_limits import Spent, spending_bound


def check(step: Step, ruleset: Ruleset, points: int, *, is_amount: bool) -> None:
    """Notes a finding where the rules did not allow to spend or set aside so many points then."""
    at = step.leaf.recorded_at
    bound = spending_bound(ruleset, points, is_amount=is_amount, spent=step.account.spent.values(), at=at)
    if bound is not None:
        said = f"points were spent against {bound.key}"
        step.differs("rewards", said, expected=str(bound.facts), found=points)


def count(step: Step, id_: str, points: int, hold: object = None) -> None:
    """Remembers a redemption or a hold; one that captures a hold takes its place, from when that was made."""
    spent, at = step.account.spent, step.leaf.recorded_at
    held = spent.get(hold) if isinstance(hold, str) else None
    if held is not None and isinstance(hold, str):
        at = held.at
        spent[hold] = Spent(at, held.points - points)
        if spent[hold].points <= 0:
            del spent[hold]
    spent[id_] = Spent(at, points)


def forget(step: Step, id_: str) -> None:
    """A hold is over."""
    step.account.spent.pop(id_, None)


def give_back(step: Step, id_: str, points: int) -> None:
    """Points of a redemption came back, to whoever has it now."""
    for account in step.with_heirs():
        one = account.spent.get(id_)
        if one is not None:
            account.spent[id_] = Spent(one.at, one.points - points)
            if account.spent[id_].points <= 0:
                del account.spent[id_]
