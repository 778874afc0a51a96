"""What a process counts between two times of writing it down."""

from __future__ import annotations

import threading
from collections.abc import Mapping

Key = tuple[str, tuple[str, ...]]
"""A figure's name and the values of its labels."""


class Tally:
    """Sums by key, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[Key, float] = {}

    def add(self, name: str, *labels: str, value: float = 1) -> None:
        """Counts one more, or so much more."""
        with self._lock:
            self._sums[name, labels] = self._sums.get((name, labels), 0) + value

    def take(self) -> dict[Key, float]:
        """What was counted since the last time; it is the caller's from here on."""
        with self._lock:
            taken, self._sums = self._sums, {}
        return taken

    def give_back(self, taken: Mapping[Key, float]) -> None:
        """What could not be written down."""
        for (name, labels), value in taken.items():
            self.add(name, *labels, value=value)
