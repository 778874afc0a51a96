"""Self-custody, freezes, and what a member's own signature does."""

from __future__ import annotations

from typing import Final

from token_service.audit.report import Finding, Findings
from token_service.audit.state import State
from token_service.audit.stream import Transaction
from token_service.protocol import events
from token_service.protocol.hashing import ZERO_ADDRESS

EVENTS: Final = (
    events.SelfCustodyBound,
    events.ReturnedToCustody,
    events.SelfCustodyExpiryRaised,
    events.Redeemed,
    events.FreezeChanged,
)
PAUSE_MAX_SECONDS: Final = 7 * 86_400


def is_open_transfer(state: State, transfer: events.Transfer, timestamp: int) -> bool:
    """True for points that moved between two self-custody accounts, neither frozen, when transfers were open."""
    ends = (transfer.from_address, transfer.to_address)
    is_open = state.transfers_open_at != 0 and timestamp >= state.transfers_open_at
    return is_open and all(e in state.self_custody and e not in state.frozen and e != ZERO_ADDRESS for e in ends)


def replay(state: State, transaction: Transaction, event: events.Event, findings: Findings) -> None:
    """Applies one event of EVENTS and notes what the contract should not have allowed."""
    if isinstance(event, events.FreezeChanged):
        (state.frozen.add if event.is_frozen else state.frozen.discard)(event.account)
    elif isinstance(event, events.SelfCustodyExpiryRaised):
        _raise_expiry(state, transaction, event, findings)
    elif isinstance(event, events.Redeemed):
        _redeem(state, transaction, event, findings)
    elif isinstance(event, events.SelfCustodyBound):
        _bind(state, transaction, event, findings)
    elif isinstance(event, events.ReturnedToCustody):
        if event.from_address not in state.self_custody:
            findings.add(_finding("custody", "an account outside self-custody was returned", transaction, event))
        state.self_custody.pop(event.from_address, None)


def _bind(state: State, transaction: Transaction, event: events.SelfCustodyBound, findings: Findings) -> None:
    """A freeze goes with the points, and so does the date of an account that was in self-custody already."""
    current = state.self_custody.pop(event.from_address, None)
    if current is not None and current != event.expires_at:
        findings.add(_finding("custody", "a bind changed the date of a self-custody account", transaction, event))
    if event.from_address in state.frozen and event.from_address != event.to_address:
        state.frozen.add(event.to_address)
    state.self_custody[event.to_address] = event.expires_at


def _raise_expiry(
    state: State, transaction: Transaction, event: events.SelfCustodyExpiryRaised, findings: Findings
) -> None:
    current = state.self_custody.get(event.account)
    if current is None or current == 0 or (event.expires_at != 0 and event.expires_at <= current):
        findings.add(_finding("custody", "the date of a self-custody account was not only raised", transaction, event))
    state.self_custody[event.account] = event.expires_at


def _redeem(state: State, transaction: Transaction, event: events.Redeemed, findings: Findings) -> None:
    state.count("redeemed_by_signature", event.amount, transaction.timestamp)
    if event.account not in state.self_custody:
        findings.add(_finding("custody", "an account outside self-custody redeemed by signature", transaction, event))
    if transaction.timestamp < state.paused_until:
        findings.add(_finding("pause", "points were redeemed by signature under a pause", transaction, event))


def _finding(check: str, detail: str, transaction: Transaction, event: events.Event) -> Finding:
    found = ", ".join(f"{name} {value}" for name, value in events.event_arguments(event).items())
    return Finding(check, detail, found=found, block=transaction.block_number, transaction=transaction.hash)
