"""What the pages are given by the composition root, and how a view gets at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, cast
from urllib.parse import urlsplit

from flask import current_app

from token_service.ledger.context import Context
from token_service.ledger.rulesets import get_ruleset, ruleset_in_force
from token_service.ledger.settlement_health import Backlog, ChainSize
from token_service.ledger.views import RulesetView
from token_service.pages.mail import Mailer
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.protocol.binds import SealedMember
from token_service.protocol.settled_batch import Sighting, Wanted

Look = Callable[[str, Wanted], Sighting]
"""For a session's id and a question, what the chain says now. Raises TooManyRequests, NodeUnreachable."""
ExportKey = Callable[[SealedMember, str], str]
"""The key of a sealed box as keystore JSON under a passphrase. Raises SignerUnavailable, SignerLimitReached, PolicyRefused,
InvalidInput."""
EXTENSION: Final = "mereau_pages"


@dataclass(frozen=True)
class Services:
    """`base_url` is where members reach the service ("https://points.example"): its scheme decides how cookies are kept.

    `demo` opens /mailbox to everybody and says so on every page. `shown_clock` is the moved clock of tests and demos,
    shown on every page; None for the real one. `public_url` is the address told to auditors, None for the one that was
    asked; `rpc_url` a node of another chain that they may read, None if there is none to name. `backlog` counts what is on its
    way to the chain; `chain_size` measures the embedded chain's file, None where there is none.
    `look` asks the chain, for pages of proof alone; `export_key` asks the signer, for a member who takes their key, after
    `export_cooling_off`."""

    context: Context
    mailer: Mailer
    base_url: str
    backlog: Callable[[], Backlog]
    chain_size: Callable[[], ChainSize] | None = None
    demo: bool = False
    shown_clock: Callable[[], datetime] | None = None
    public_url: str | None = None
    rpc_url: str | None = None
    look: Look | None = None
    export_key: ExportKey | None = None
    export_cooling_off: timedelta = timedelta(days=1)
    _rulesets: dict[str, Ruleset] = field(default_factory=dict, repr=False)

    @property
    def secure(self) -> bool:
        """Whether members come over https."""
        return urlsplit(self.base_url).scheme == "https"

    def ruleset(self) -> Ruleset:
        """The rules in force now, parsed once for each version."""
        return self.parsed(ruleset_in_force(self.context, self.context.now()))

    def ruleset_named(self, name: str) -> Ruleset:
        """The version of the rules with this hash: what decided an older entry."""
        return self._rulesets.get(name) or self.parsed(get_ruleset(self.context, name))

    def parsed(self, view: RulesetView) -> Ruleset:
        """The rules that this version's document says."""
        if view.hash not in self._rulesets:
            self._rulesets[view.hash] = parse_ruleset(view.document)
        return self._rulesets[view.hash]


def services() -> Services:
    """The services of the application that answers the current request."""
    return cast(Services, current_app.extensions[EXTENSION])
