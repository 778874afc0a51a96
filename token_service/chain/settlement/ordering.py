"""In which order the leaves of a batch stand: each member's own order first, equal parties side by side within that freedom.

Equal issuers in a row are cheaper: the contract reads a ceiling once per run (CONTRACT §1 "Gas"). Pure.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Protocol, TypeVar

from token_service.units import EntryKind


class Placeable(Protocol):
    """What ordering looks at. Leaves are given in the order in which they were recorded."""

    @property
    def member_id(self) -> str: ...

    @property
    def kind(self) -> int: ...

    @property
    def party(self) -> int: ...


Placed = TypeVar("Placed", bound=Placeable)


def arrange(leaves: Sequence[Placed]) -> list[Placed]:
    """The same leaves: words first, in each member's order and with few changes of party, then the facts as they came."""
    words = [leaf for leaf in leaves if leaf.kind != EntryKind.FACT]
    return _by_party(words) + [leaf for leaf in leaves if leaf.kind == EntryKind.FACT]


def _by_party(words: Sequence[Placed]) -> list[Placed]:
    """Greedy: stay with a party as long as somebody's next word is of it, then go to the party with the most of them."""
    queues: dict[str, deque[Placed]] = defaultdict(deque)
    for word in words:
        queues[word.member_id].append(word)
    ready: dict[int, deque[deque[Placed]]] = defaultdict(deque)
    for queue in queues.values():
        ready[queue[0].party].append(queue)
    arranged: list[Placed] = []
    while ready:
        party = max(ready, key=lambda number: (len(ready[number]), -number))
        while ready[party]:
            queue = ready[party].popleft()
            arranged.append(queue.popleft())
            if queue:
                ready[queue[0].party].append(queue)
        del ready[party]
    return arranged
