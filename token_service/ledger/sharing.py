"""Calls that arrive while others are being done share a transaction: the busier a process is, the less each call costs.

A call that finds room is done at once, alone. Those that arrive when there is none wait, and the first of them takes all with
it. The database commits for all of a group at once, and asks, locks and writes for all in the same statements.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from token_service.errors import MereauError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_log: Final = logging.getLogger(__name__)
GROUP_MAX: Final = 16
"""Long enough for most of the gain; a group's members are locked until all of it is done."""


@dataclass(eq=False, slots=True)
class _Call:
    """Its thread sleeps until it is told: to lead `group`, that `answer` is there, or neither: to do its own alone."""

    asked: Any
    key: Hashable
    told: threading.Event = field(default_factory=threading.Event)
    group: list[_Call] | None = None
    answer: Any = None
    is_answered: bool = False


class Sharing:
    """Brings the callers of one kind of work together, `at_once` groups at a time."""

    def __init__(self, at_once: int = 1) -> None:
        self._free = at_once
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []

    def do(self, asked: Asked, key: Hashable, work: Callable[[Sequence[Asked]], Sequence[Answer]]) -> Answer:
        """What `work` answers for `asked`, perhaps among others; two of one `key` are never in one group. All callers give
        the same `work`, which answers each of its group in order. Where it raises, each of the group is done again, alone.
        """
        call = _Call(asked, key)
        with self._lock:
            self._waiting.append(call)
            if self._free:
                self._free -= 1
                self._appoint()
        call.told.wait()
        answer: Answer
        if call.group is None:
            answer = call.answer if call.is_answered else work([asked])[0]
            return answer
        try:
            self._lead(call.group, work)
            answer = call.answer if call.is_answered else work([asked])[0]
            return answer
        finally:
            with self._lock:
                if self._waiting:
                    self._appoint()
                else:
                    self._free += 1

    @staticmethod
    def _lead(group: Sequence[_Call], work: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        """Does what several asked for, and tells the others."""
        if len(group) == 1:
            return
        try:
            for call, answer in zip(group, work([call.asked for call in group]), strict=True):
                call.answer, call.is_answered = answer, True
        except MereauError:  # whose call it was, each finds out alone
            pass
        except Exception as error:
            _log.warning("sharing_failed calls=%d error=%s", len(group), type(error).__name__)  # nobody else may see it
        finally:
            for call in group[1:]:
                call.told.set()

    def _appoint(self) -> None:
        """The oldest that waits leads what waits."""
        group: list[_Call] = []
        keys: set[Hashable] = set()
        left: list[_Call] = []
        for call in self._waiting:
            if call.key in keys or len(group) == GROUP_MAX:
                left.append(call)
            else:
                group.append(call)
                keys.add(call.key)
        self._waiting = left
        group[0].group = group
        group[0].told.set()
