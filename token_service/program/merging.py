"""Completed challenges of two accounts that become one (docs/rulesets.md "Two accounts")."""

from __future__ import annotations

from collections.abc import Iterable


def renamed(kept: Iterable[str], theirs: Iterable[str]) -> dict[str, str]:
    """New subjects for completed challenges of the account that goes, where the one that stays has completed the same: the next
    free number. So what both were given stays given, and nothing is given twice for it.
    """
    mine, others = set(kept), set(theirs)
    taken, names = mine | others, dict[str, str]()
    for subject in sorted(mine & others, key=_order):
        start, _, number = subject.rpartition("/")
        free = int(number)
        while f"{start}/{free}" in taken:
            free += 1
        names[subject] = f"{start}/{free}"
        taken.add(names[subject])
    return names


def _order(subject: str) -> tuple[str, int]:
    start, _, number = subject.rpartition("/")
    return start, int(number)
