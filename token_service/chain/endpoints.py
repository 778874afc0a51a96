"""One endpoint of the chain: whose chain it serves, how high its head is, and how long it is left alone after it failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from token_service.chain.json_rpc import Outcome, Transport, nonsense, outcome_of
from token_service.errors import NodeUnreachable, RpcError

REST_SECONDS: Final = 0.5
"""An endpoint that failed is asked last for this long; doubles with each failure in a row …"""
REST_SECONDS_MAX: Final = 120.0
WRONG_SECONDS: Final = 60.0
"""One that serves another chain is looked at again after this long, and not used before."""

Observer = Callable[[str, str, float, Outcome], None]
"""(endpoint's label, method, seconds, outcome), after every call. The label is a host's name, never a URL that may hold a key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which chain it must be. `genesis` is its first block's hash, None if that is not known yet."""

    chain_id: int
    genesis: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """An endpoint at one moment. `state`: well, unasked, resting (it failed), wrong_chain, or lagging. `head_age_seconds` is how
    long ago its head was seen to move."""

    label: str
    state: str
    head: int | None
    head_hash: str | None
    head_age_seconds: float | None


class Endpoint:
    """One way to the chain. Its memory is this process's, and carries no truth."""

    def __init__(self, label: str, transport: Transport, *, monotonic: Callable[[], float], observer: Observer) -> None:
        self.label = label
        self._transport, self._monotonic, self._observer = transport, monotonic, observer
        self._failures, self._rests_until, self._wrong_until = 0, 0.0, 0.0
        self.is_verified = self._has_answered = False
        self.wrong: str | None = None
        self.head: int | None = None
        self.head_hash: str | None = None
        self._head_moved_at = 0.0

    @property
    def is_excluded(self) -> bool:
        """True while it is known to serve another chain."""
        return self.wrong is not None and self._monotonic() < self._wrong_until

    @property
    def is_resting(self) -> bool:
        return self._monotonic() < self._rests_until

    @property
    def has_failed(self) -> bool:
        """Whether its newest call had no answer."""
        return self._failures > 0

    def ask(self, method: str, params: list[Any], seconds: float) -> Any:
        """One call, once. Raises RpcError, NodeUnreachable."""
        begun = self._monotonic()
        try:
            result = self._transport(method, params, seconds)
        except (NodeUnreachable, RpcError) as error:
            outcome = outcome_of(error)
            self._observer(self.label, method, self._monotonic() - begun, outcome)
            if isinstance(error, NodeUnreachable):
                self._failed(outcome, error.facts.get("wait_seconds"))
            else:
                self._failures = 0
            raise
        self._observer(self.label, method, self._monotonic() - begun, Outcome.OK)
        self._failures, self._rests_until, self._has_answered = 0, 0.0, True
        return result

    def look(self, seconds: float) -> None:
        """Asks for its head. Heads are compared as of one look only: one asked a moment later is higher and proves nothing.
        Raises as `ask`."""
        self._note_head(self.ask("eth_getBlockByNumber", ["latest", False], seconds))

    def identity(self, seconds: float) -> Identity:
        """Which chain it serves. Raises as `ask`."""
        chain_id = self.ask("eth_chainId", [], seconds)
        first = self.ask("eth_getBlockByNumber", ["0x0", False], seconds)
        genesis = first.get("hash") if isinstance(first, dict) else None
        try:
            return Identity(int(chain_id, 16), None if genesis is None else str(genesis).lower())
        except (TypeError, ValueError) as error:
            raise nonsense("eth_chainId") from error

    def verify(self, expected: Identity, seconds: float) -> bool:
        """Whether it serves the expected chain, asked at the start and after every failure. Raises as `ask`."""
        found = self.identity(seconds)
        if found.chain_id != expected.chain_id:
            self.wrong = f"{self.label} is on chain {found.chain_id}, not on {expected.chain_id}"
        elif None not in (found.genesis, expected.genesis) and found.genesis != expected.genesis:
            self.wrong = f"{self.label} has chain {found.chain_id} with another beginning"
        else:
            self.wrong, self.is_verified = None, True
            return True
        self._wrong_until = self._monotonic() + WRONG_SECONDS
        return False

    def health(self, *, is_lagging: bool) -> Health:
        """As of now."""
        if self.wrong is not None:
            state = "wrong_chain"
        elif self.has_failed:
            state = "resting"
        elif is_lagging:
            state = "lagging"
        else:
            state = "well" if self._has_answered else "unasked"
        age = None if self.head is None else self._monotonic() - self._head_moved_at
        return Health(self.label, state, self.head, self.head_hash, age)

    def _failed(self, outcome: Outcome, wait_seconds: object) -> None:
        self._failures += 1
        wait = min(REST_SECONDS * 2.0 ** min(self._failures - 1, 20), REST_SECONDS_MAX)
        if isinstance(wait_seconds, float):
            wait = max(wait, wait_seconds)
        self._rests_until = self._monotonic() + wait
        if outcome is not Outcome.RATE_LIMITED:
            self.is_verified = False  # whoever answers next may be another node

    def _note_head(self, block: Any) -> None:
        try:
            number, block_hash = int(block["number"], 16), str(block["hash"])
        except (TypeError, ValueError, KeyError):
            return  # whoever reads finds that out
        if block_hash != self.head_hash:
            self._head_moved_at = self._monotonic()
        self.head, self.head_hash = number, block_hash
