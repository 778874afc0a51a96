"""One transaction after the other through the rules of the contract, as the auditor reads them (CONTRACT §1 and §3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from token_service.audit import announcements, batches, custody
from token_service.audit.batches import Batch
from token_service.audit.report import Finding, Findings
from token_service.audit.state import State
from token_service.audit.stream import Transaction
from token_service.protocol import events
from token_service.protocol.hashing import ZERO_ADDRESS, text_hash


@dataclass(frozen=True, slots=True)
class Terms:
    """What the contract's code fixes. Periods in seconds; a period is None when the code is not the published build."""

    contract: str
    notice_period: int | None
    sunset_notice: int | None


def replay(state: State, terms: Terms, transaction: Transaction, findings: Findings) -> Batch | None:
    """Applies a transaction to the state and notes what differs; the batch that it settled, if it did."""
    state.counts.transactions += 1
    if transaction.unread:
        findings.add(Finding("transfers", f"{transaction.unread} logs are malformed", block=transaction.block_number))
    settled = [event for event in transaction.events if isinstance(event, events.BatchSettled)]
    if settled:
        return batches.replay_batch(state, terms.contract, transaction, findings)
    for event, behind in _pairs(transaction.events):
        if isinstance(event, events.Transfer):
            _transfer(state, transaction, event, behind, findings)
        elif isinstance(event, events.EntrySkipped):
            findings.add(_finding("transfers", "an EntrySkipped stands outside a batch", transaction))
        else:
            _other(state, terms, transaction, event, findings)
    return None


def _pairs(all_events: tuple[events.Event, ...]) -> Iterator[tuple[events.Event, events.Event | None]]:
    """Each event with the one right behind it."""
    return zip_longest(all_events, all_events[1:])


def _transfer(
    state: State,
    transaction: Transaction,
    transfer: events.Transfer,
    behind: events.Event | None,
    findings: Findings,
) -> None:
    """A Transfer outside a batch: the event right behind it says which kind it is."""
    state.counts.transfers += 1
    moved = (transfer.from_address, transfer.to_address, transfer.amount)
    if isinstance(behind, events.Redeemed) and moved == (behind.account, ZERO_ADDRESS, behind.amount):
        return
    if (
        isinstance(behind, (events.SelfCustodyBound, events.ReturnedToCustody))
        and moved == (behind.from_address, behind.to_address, behind.amount)
        and behind.from_address != behind.to_address
    ):
        return
    if not custody.is_open_transfer(state, transfer, transaction.timestamp):
        what = f"{transfer.amount} from {transfer.from_address} to {transfer.to_address}"
        findings.add(
            Finding(
                "transfers",
                "a Transfer is no entry of a batch, signed redemption, bind, return or open transfer",
                expected="no Transfer",
                found=what,
                block=transaction.block_number,
                transaction=transaction.hash,
            )
        )
    elif transaction.timestamp < state.paused_until:
        findings.add(_finding("pause", "points were transferred under a pause", transaction))


def _other(state: State, terms: Terms, transaction: Transaction, event: events.Event, findings: Findings) -> None:
    if isinstance(event, (events.RoleGranted, events.RoleRevoked)):
        _role(state, event)
    elif isinstance(event, custody.EVENTS):
        custody.replay(state, transaction, event, findings)
    elif isinstance(event, announcements.EVENTS):
        announcements.replay(
            state,
            announcements.Notice(terms.notice_period, terms.sunset_notice),
            transaction,
            event,
            findings,
        )


def _role(state: State, event: events.RoleGranted | events.RoleRevoked) -> None:
    if event.role != text_hash("SETTLER"):
        return
    if isinstance(event, events.RoleGranted):
        state.settlers.add(event.account)
    else:
        state.settlers.discard(event.account)


def _finding(check: str, detail: str, transaction: Transaction) -> Finding:
    return Finding(check, detail, block=transaction.block_number, transaction=transaction.hash)
