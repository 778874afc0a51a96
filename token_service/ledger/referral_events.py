"""The two events of a referral, `member.invited` and `member.referred`: recorded together, taken back together, and recorded
once more at most. Their references say which time it is: what was given is read from the operations, so that a restored ledger
knows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from token_service.ledger import challenges, operations, tiers
from token_service.ledger.accounts import Account
from token_service.ledger.event_awards import keep_nothing, record_own
from token_service.ledger.issuances import take_part_back
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.program.action_schema import REFERRED
from token_service.program.events import INVITED, REFERRALS_MAX

_BACK: Final = "back"


@dataclass(frozen=True, slots=True)
class Given:
    """One side's event. `is_back`: with what it earned taken back, by a refund; `is_closed`: by a person, who meant it."""

    event: Operation
    is_back: bool
    is_closed: bool

    @property
    def stands(self) -> bool:
        """Whether it was not taken back."""
        return not (self.is_back or self.is_closed)


def record(tx: Transaction, referral_id: str, referee: Account, referrer: Account | None, earned_points: int) -> bool:
    """Records the event of each side that has none that stands; whether there is one now. `earned_points` is what the purchase
    keeps for which they have it. A side that was taken back by a person,
    or by refunds as often as may be, stays without. Raises what awarding raises: CeilingReached, ProgramPaused.
    """
    sides = [(referee, INVITED), *([] if referrer is None else [(referrer, REFERRED)])]
    stand = [
        _record_side(tx, referral_id, account, event, earned_points) for account, event in sides
    ]  # each is recorded
    return any(stand)


def take_back(tx: Transaction, referral_id: str) -> int:
    """Takes back what stands on both sides, as a refund does: what a member no longer has becomes debt. How many times the
    referral was counted so far.
    """
    times = 0
    for event in (INVITED, REFERRED):
        found = _given(tx, event, referral_id)
        times = max(times, len(found))
        for one in found:
            if one.stands:
                _reverse(tx, one.event)
    return times


def times_taken_back(tx: Transaction, referral_id: str) -> int:
    """How often refunds took it back; 0 while it stands."""
    given = _given(tx, INVITED, referral_id)
    return len(given) if given and given[-1].is_back else 0


def _record_side(tx: Transaction, referral_id: str, side: Account, event: str, earned_points: int) -> bool:
    given = _given(tx, event, referral_id)
    if given and given[-1].stands:  # the ledger was restored, and repaired
        return True
    if any(one.is_closed for one in given) or len(given) >= REFERRALS_MAX:
        return False
    account = tx.account(side.id)
    reference = _reference(event, referral_id, len(given) + 1)
    operation = record_own(tx, account, event, reference, subject=referral_id, earned_points=earned_points)
    challenges.after_event(tx, account, operation)
    return True


def _given(tx: Transaction, event: str, referral_id: str) -> list[Given]:
    """The side's events, the first time's first."""
    own, found = tx.own_merchant.id, list[Given]()
    for time in range(1, REFERRALS_MAX + 1):
        reference = _reference(event, referral_id, time)
        if not operations.exists(tx, own, "event", reference):
            break
        operation = operations.find(tx, own, "event", reference)
        by = {one.reference for one in operations.children(tx, operation.id, "reversal")}
        is_back = _back(operation) in by
        found.append(Given(operation, is_back=is_back, is_closed=bool(by) and not is_back))
    return found


def _reverse(tx: Transaction, event: Operation) -> None:
    account = tx.heir(tx.account(event.member_id))
    reversal = take_part_back(
        tx,
        account,
        event,
        asked=event.result["points"],
        named=(_back(event), operations.content_hash({"of": event.id})),
        reason=None,
        actor_name="service",
    )
    keep_nothing(tx, account, event, reversal)
    tiers.review(tx, account)
    challenges.after_reversal(tx, account, event)


def _reference(event: str, referral_id: str, time: int) -> str:
    return f"{event}/{referral_id}" if time == 1 else f"{event}/{referral_id}/{time}"


def _back(event: Operation) -> str:
    return f"{event.facts['event']}/{_BACK}/{event.id}"
