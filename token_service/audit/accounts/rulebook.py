"""The published rulesets as the replay asks for them: the document of a hash, parsed once, and which one was in force.

A service learns of a publication when it is final, some minutes after its block. So rules published less than `LEARNING` before
a fact was recorded may or may not have decided it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from token_service.audit.accounts.opened import instant_at
from token_service.audit.sources import DocumentSource, Unavailable
from token_service.audit.state import PublishedRuleset
from token_service.errors import InvalidInput
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.ruleset_lines import Published, in_force
from token_service.protocol.hashing import text_hash

LEARNING: Final = timedelta(hours=1)
"""How long a service may take to learn what the chain has published."""


class Rulebook:
    """Reads each document once. `published` is the auditor's own record of the chain, and grows while it reads."""

    def __init__(self, source: DocumentSource, published: Mapping[str, PublishedRuleset]) -> None:
        self._source, self._published = source, published
        self._prolongs: bool | None = None
        self._read: dict[str, Ruleset | None] = {}
        self._lines: list[Published] = []
        self._changes: list[datetime] = []
        self._newest = datetime.fromtimestamp(0, UTC)
        self._in_force: dict[int, str | None] = {}
        self.unreadable: dict[str, str] = {}
        """Hashes whose document cannot be had or is no ruleset, and why."""

    def ruleset(self, hash_: str) -> Ruleset | None:
        """The ruleset of a hash; None when it was never published or its document cannot be had."""
        if hash_ not in self._read:
            self._read[hash_] = self._parsed(hash_) if hash_ in self._published else None
        return self._read[hash_]

    def decides(self, hash_: str, at: datetime, recorded_at: datetime) -> bool:
        """Whether these rules decide what happened at `at`, as a service knew them at `recorded_at`."""
        return self.in_force(at) == hash_ or hash_ in self._known(at, recorded_at)

    def in_force(self, at: datetime) -> str | None:
        """The hash of what is in force at an instant, by all that the chain has published so far."""
        if len(self._lines) != len(self._published):
            self._learn()
        place = bisect_right(self._changes, at)
        if place not in self._in_force:
            self._in_force[place] = in_force(self._lines, at)
        return self._in_force[place]

    def is_certain(self, at: datetime, recorded_at: datetime) -> bool:
        """Whether the service can only have known one answer."""
        in_force_now = self.in_force(at)
        if len(self._lines) == 1 or recorded_at - LEARNING >= self._newest:
            return True
        return self._known(at, recorded_at) == {in_force_now}

    def _known(self, at: datetime, recorded_at: datetime) -> set[str | None]:
        self.in_force(at)
        times = {hash_: one.published_at for hash_, one in self._published.items()}
        since = int((recorded_at - LEARNING).timestamp())
        moments = [since, *(time for time in times.values() if time > since)]
        return {
            in_force([line for line in self._lines if times[line.hash] <= moment or line == self._lines[0]], at)
            for moment in moments
        }

    def _learn(self) -> None:
        self._lines = [
            Published(hash_, instant_at(one.effective_at), one.base) for hash_, one in self._published.items()
        ]
        self._changes = sorted(line.effective_at for line in self._lines)
        newest = max(one.published_at for one in self._published.values())
        self._newest = instant_at(newest)
        self._in_force.clear()
        self._prolongs = None

    @property
    def prolongs(self) -> bool:
        """Whether any published ruleset moves the dates of lots when a member is active."""
        if self._prolongs is None:
            found = (self.ruleset(hash_) for hash_ in self._published)
            self._prolongs = any(ruleset is not None and ruleset.expiry.kind == "inactivity" for ruleset in found)
        return self._prolongs

    def _parsed(self, hash_: str) -> Ruleset | None:
        try:
            text = self._source.document(hash_)
            if text_hash(text) != hash_:
                raise InvalidInput("the document has another hash")
            return parse_ruleset(text)
        except (Unavailable, InvalidInput) as error:
            self.unreadable[hash_] = error.detail
            return None
