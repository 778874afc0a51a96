"""What must be announced before it acts: rulesets, higher ceilings and limits, open transfers, the sunset; and the
pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from token_service.audit.custody import PAUSE_MAX_SECONDS
from token_service.audit.report import Finding, Findings
from token_service.audit.state import Party, PublishedRuleset, State
from token_service.audit.stream import Transaction
from token_service.protocol import events

EVENTS: Final = (
    events.RulesetPublished,
    events.AddendumPublished,
    events.PartyRegistered,
    events.CeilingSet,
    events.DebitLimitSet,
    events.TransfersOpening,
    events.SunsetAnnounced,
    events.Paused,
    events.Unpaused,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """The contract's periods in seconds; None when they are not known, and then nothing is said about them."""

    period: int | None
    sunset: int | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an announcement stands, for its findings."""

    transaction: Transaction
    findings: Findings

    @property
    def now(self) -> int:
        return self.transaction.timestamp

    def differs(self, check: str, detail: str, *, expected: object = None, found: object = None) -> None:
        self.findings.add(
            Finding(
                check,
                detail,
                expected=None if expected is None else str(expected),
                found=None if found is None else str(found),
                block=self.transaction.block_number,
                transaction=self.transaction.hash,
            )
        )


def replay(state: State, notice: Notice, transaction: Transaction, event: events.Event, findings: Findings) -> None:
    """Applies one event of EVENTS and notes what came too early."""
    place = _Place(transaction, findings)
    if isinstance(event, events.RulesetPublished):
        _ruleset(state, notice, event, place)
    elif isinstance(event, events.AddendumPublished):
        _addendum(state, event, place)
    elif isinstance(event, events.PartyRegistered):
        if event.party in state.parties:
            place.differs("ceilings", "a party was registered twice", found=event.party)
        state.parties[event.party] = Party(name=event.party_name)
    elif isinstance(event, events.CeilingSet):
        _ceiling(state, notice, event, place)
    elif isinstance(event, events.DebitLimitSet):
        _debit_limit(state, notice, event, place)
    elif isinstance(event, events.TransfersOpening):
        _check_notice(notice, "transfers were opened", event.at, place)
        state.transfers_open_at = event.at
    elif isinstance(event, events.SunsetAnnounced):
        _sunset(state, notice, event, place)
    else:
        _pause(state, event, place)


def _check_notice(notice: Notice, what: str, effective_at: int, place: _Place) -> None:
    if notice.period is not None and effective_at < place.now + notice.period:
        earliest = place.now + notice.period
        place.differs("notice", f"{what} without notice", expected=f"not before {earliest}", found=effective_at)


def _ruleset(state: State, notice: Notice, event: events.RulesetPublished, place: _Place) -> None:
    last = state.last_line_effective_at
    if last is None:
        if event.effective_at != 0:
            place.differs("notice", "the first ruleset does not cover everything", expected=0, found=event.effective_at)
    else:
        _check_notice(notice, f"the ruleset {event.ruleset_hash} was published", event.effective_at, place)
        if event.effective_at <= last:
            detail = f"the ruleset {event.ruleset_hash} acts before an earlier one"
            place.differs("notice", detail, expected=f"after {last}", found=event.effective_at)
    state.last_line_effective_at = max(event.effective_at, last or 0)
    _record(state, event.ruleset_hash, event.effective_at, None, place)


def _addendum(state: State, event: events.AddendumPublished, place: _Place) -> None:
    base = state.rulesets.get(event.base)
    if base is None:
        place.differs("notice", "an addendum names a base that was never published", found=event.base)
    elif event.effective_at < max(base.effective_at, place.now):
        expected = max(base.effective_at, place.now)
        place.differs("notice", "an addendum acts before its base", expected=expected, found=event.effective_at)
    _record(state, event.ruleset_hash, event.effective_at, event.base, place)


def _record(state: State, ruleset_hash: str, effective_at: int, base: str | None, place: _Place) -> None:
    if ruleset_hash in state.rulesets:
        place.differs("notice", "a ruleset was published twice", found=ruleset_hash)
    state.rulesets[ruleset_hash] = PublishedRuleset(effective_at, place.now, base)


def _ceiling(state: State, notice: Notice, event: events.CeilingSet, place: _Place) -> None:
    party = state.parties.setdefault(event.party, Party())
    party.advance(place.now)
    is_first = not party.is_set
    party.is_set = True
    if event.effective_at > place.now:
        _check_notice(notice, f"a ceiling of party {event.party} was raised", event.effective_at, place)
        party.next_ceiling, party.next_period, party.raises_at = event.ceiling, event.period, event.effective_at
        return
    is_lower = event.period in (party.period, 0) and event.ceiling <= party.ceiling
    if not is_first and not is_lower:
        _check_notice(notice, f"a ceiling of party {event.party} was raised", event.effective_at, place)
    party.raises_at = 0
    party.set_ceiling(event.ceiling, event.period, place.now)


def _debit_limit(state: State, notice: Notice, event: events.DebitLimitSet, place: _Place) -> None:
    lane = state.lane(event.operator)
    lane.advance(place.now)
    if event.effective_at > place.now:
        _check_notice(notice, f"the debit limit of {event.operator} was raised", event.effective_at, place)
        lane.next_limit, lane.raises_at = event.limit, event.effective_at
        return
    if lane.seq != 0 and event.limit > lane.limit:
        _check_notice(notice, f"the debit limit of {event.operator} was raised", event.effective_at, place)
    lane.limit, lane.raises_at = event.limit, 0


def _sunset(state: State, notice: Notice, event: events.SunsetAnnounced, place: _Place) -> None:
    if state.sunset_at == 0:
        state.sunset_announced_at = place.now
        if notice.sunset is not None and event.at < place.now + notice.sunset:
            earliest = place.now + notice.sunset
            place.differs("sunset", "the end was announced too late", expected=f"not before {earliest}", found=event.at)
    elif event.at < state.sunset_at or place.now >= state.sunset_at:
        expected = f"not before {state.sunset_at}"
        place.differs("sunset", "the end was moved forward, or after it came", expected=expected, found=event.at)
    state.sunset_at = event.at


def _pause(state: State, event: events.Event, place: _Place) -> None:
    if isinstance(event, events.Unpaused):
        state.paused_until = 0
    elif isinstance(event, events.Paused):
        longest = place.now + PAUSE_MAX_SECONDS
        if event.until > longest or place.now < state.paused_until:
            place.differs("pause", "a pause is longer than it may be", expected=f"≤ {longest}", found=event.until)
        state.paused_until = event.until
