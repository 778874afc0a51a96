"""One leaf under replay, with everything that a check may ask: the account, the rules, what was kept, and where findings go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from token_service.audit.accounts.account import Account, Operation
from token_service.audit.accounts.opened import OpenedLeaf
from token_service.audit.accounts.rulebook import Rulebook
from token_service.audit.accounts.storage import Storage
from token_service.audit.report import Findings
from token_service.errors import MereauError
from token_service.program.lots import Lot
from token_service.program.schema import Ruleset

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stop(MereauError):
    """The account cannot be replayed any further; the detail says why."""

    code = "replay_stopped"
    title = "The replay of an account stopped"


@dataclass(slots=True)
class Step:
    """A leaf being replayed. `sunset` is (announced at, acts at) in seconds, zeros when there is none; `party_name` what
    the chain calls the leaf's party, empty while it has no name.
    """

    account: Account
    leaf: OpenedLeaf
    rulebook: Rulebook
    storage: Storage
    findings: Findings
    sunset: tuple[int, int] = (0, 0)
    party_name: str = ""

    def differs(self, check: str, detail: str, *, expected: object = None, found: object = None) -> None:
        """Notes a finding at this leaf."""
        self.findings.add(self.leaf.finding(check, detail, expected=expected, found=found))

    def same(self, check: str, what: str, expected: object, found: object) -> None:
        """Notes a finding unless both are equal."""
        if expected != found:
            self.differs(check, f"{what} is another", expected=expected, found=found)

    def check_open(self) -> None:
        """Notes a finding when something new happens to a closed account."""
        if self.account.state == "closed":
            self.differs("history", "something happens to a closed account", expected="nothing", found=self.leaf.kind)

    @property
    def consumption_time(self) -> datetime:
        """The instant at which lots count as expired: none do between the announcement of the sunset and its coming."""
        announced_at, acts_at = self.sunset
        if acts_at and announced_at <= self.leaf.recorded_at.timestamp() < acts_at:
            return LONG_AGO
        return self.leaf.recorded_at

    def check_decided_by(self, at: datetime) -> None:
        """Notes a finding unless the leaf's rules are those in force at `at`."""
        leaf = self.leaf
        if not self.rulebook.decides(leaf.ruleset, at, leaf.recorded_at):
            detail = f"another ruleset was in force at {at.isoformat()}"
            self.differs("decisions", detail, expected=self.rulebook.in_force(at), found=leaf.ruleset)

    def ruleset(self) -> Ruleset:
        """The rules that the leaf names. Raises Stop when they cannot be read."""
        return self.ruleset_of(self.leaf.ruleset)

    def ruleset_of(self, hash_: str) -> Ruleset:
        """The rules of a hash. Raises Stop."""
        found = self.rulebook.ruleset(hash_)
        if found is None:
            raise Stop(f"ruleset {hash_} is not published, or its document cannot be read")
        return found

    def parent(self, check: str, kinds: tuple[str, ...], detail: str) -> Operation:
        """The account's operation that this leaf is about. Raises Stop, with a finding, when there is none."""
        of = self.leaf.detail.get("of")
        found = self.storage.operation(of) if isinstance(of, str) else None
        if found is None or found.kind not in kinds or not self.account.owns(found.account):
            self.differs(check, detail, expected=f"a {kinds[0]} of this account before it", found=of)
            raise Stop(detail)
        return found

    def with_heirs(self) -> Iterator[Account]:
        """The account, the one that it became part of, and so on."""
        account, seen = self.account, set[str]()
        while account.address not in seen:
            yield account
            seen.add(account.address)
            account = self.storage.account(account.merged_into or account.address)

    def open_lots(self) -> Sequence[Lot]:
        """The account's lots with points left."""
        return self.account.open_lots()
