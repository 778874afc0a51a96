"""Patience with a signer that is away, or that has signed enough: its keys are asked again later, and nothing else waits for it.

What was signed before goes on to finality meanwhile; another operator's key may be in another place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from token_service.errors import SignerUnavailable

FIRST_SECONDS: Final = 0.5
SECONDS_MAX: Final = 5.0

log = structlog.get_logger("worker")


@dataclass(slots=True)
class SignerPatience:
    """Until when each step that signs is left out; the pauses double. Said once when it begins and when it ends."""

    _pauses: dict[str, tuple[float, float]] = field(default_factory=dict)

    def attempt(self, step: str, now: float, work: Callable[[], int]) -> int:
        """What the work has done, 0 while its signer is away."""
        again_at, pause = self._pauses.get(step, (now, FIRST_SECONDS))
        if now < again_at:
            return 0
        try:
            done = work()
        except SignerUnavailable as error:
            if step not in self._pauses:
                log.warning("signer_away", step=step, reason=error.code, detail=error.detail)
            self._pauses[step] = now + pause, min(SECONDS_MAX, pause * 2)
            return 0
        if done and step in self._pauses:
            del self._pauses[step]
            log.info("signer_back", step=step)
        return done
