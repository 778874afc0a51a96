"""Rows that a transaction is about to append. Use cases fill them in memory; `flushing` writes them at the end, in
one go each.

So a simulation is the same code without the flush, and an item of a batch that is refused leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from token_service.units import EntryKind


@dataclass(slots=True)
class Operation:
    """What a caller did, once. `result` is what was answered, rebuilt from here on replay."""

    id: str
    kind: str
    merchant_id: str
    member_id: str
    reference: str
    content_hash: str
    ruleset_hash: str
    occurred_at: datetime
    recorded_at: datetime
    facts: dict[str, Any]
    result: dict[str, Any]
    parent_id: str | None = None
    store_id: str | None = None
    parts: int = 0  # entries and facts made so far: numbers the parts in their details


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `points` is signed; `detail` is RFC 8785 text."""

    id: str
    member_id: str
    kind: EntryKind
    points: int
    party: int
    operation_id: str | None
    voids: str | None
    ruleset_hash: str
    occurred_at: datetime
    recorded_at: datetime
    balance_after: int
    detail: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that moves no points; for a pending award `points` is the change of what is pending."""

    id: str
    member_id: str
    kind: str
    operation_id: str | None
    due_at: datetime | None
    points: int
    occurred_at: datetime
    recorded_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class LotUse:
    lot_id: str
    entry_id: str | None
    operation_id: str | None
    points: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Debt:
    """Owed (+) or paid (−) points of one cause: an operation that could not take all back, or a voided credit."""

    id: str
    member_id: str
    operation_id: str | None
    voids: str | None
    points: int
    entry_id: str | None
    party: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Leaf:
    """The settlement side of an entry or fact; commitment, promise and times are added when it is written."""

    id: str
    member_id: str
    kind: EntryKind
    party: int
    amount: int
    detail: str
    operation_id: str | None


@dataclass(frozen=True, slots=True)
class PointsPayment:
    """A redemption that paid part of a purchase."""

    purchase_id: str
    redemption_id: str
    member_id: str


@dataclass(slots=True)
class PurchaseState:
    """What a purchase keeps after its refunds, or an event, and what it counts for in tiers."""

    operation_id: str
    member_id: str
    occurred_at: datetime
    local_date: str
    awarded: int
    kept: int
    taken: int
    refunded_cents: int
    tier_spend_cents: int
    tier_points: int
    tier_orders: int
    tier_engagement: int = 0
    visit_number: int | None = None  # of a purchase, as its facts say
    visit_receipt: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignUse:
    """What a purchase holds of a limited campaign, or an event of a limited rule."""

    id: str
    operation_id: str
    member_id: str
    campaign_id: str
    occurred_at: datetime
    points: int
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class ChallengeStep:
    """What a purchase or event counts for in a challenge."""

    id: str
    operation_id: str
    member_id: str
    challenge_id: str
    local_date: str
    amount: int


@dataclass(frozen=True, slots=True)
class Completion:
    """A challenge that a member completed, and the event that says so."""

    operation_id: str
    member_id: str
    subject: str
    is_taken_back: bool = False


@dataclass(frozen=True, slots=True)
class BoughtPeriod:
    """A period of a paid membership, and when it was refunded."""

    operation_id: str
    member_id: str
    membership: str
    merchant_id: str
    bought_at: datetime
    starts_at: datetime
    ends_at: datetime
    keeps_until: datetime
    paid: int
    is_renewal: bool
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BenefitUse:
    """A benefit that a member used, and when that was taken back."""

    operation_id: str
    member_id: str
    benefit: str
    used_at: datetime
    reversed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UndoneUse:
    """A use of a voucher that was undone by an operation; the voucher buys its reward again."""

    operation_id: str
    voucher_id: str
    member_id: str
    used_at: datetime
    merchant_id: str
    reference: str
    discount_cents: int | None
    undone_at: datetime


@dataclass(frozen=True, slots=True)
class HoldState:
    """What became of a hold; `lots` are [lot, points] that an open one sets aside, in the order of use."""

    operation_id: str
    member_id: str
    points: int
    captured: int
    expires_at: datetime
    state: str
    lots: list[list[Any]]


@dataclass(frozen=True, slots=True)
class NewVoucherRow:
    """A reward's voucher, made with its redemption."""

    id: str
    operation_id: str
    member_id: str
    reward_id: str
    code_hash: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the member is told; once for each `cause` of a kind."""

    id: str
    member_id: str
    kind: str
    cause: str
    created_at: datetime
    data: dict[str, Any]


@dataclass(slots=True)
class Staged:
    """All that is to be written, in the order in which it was made."""

    operations: list[Operation] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    lot_uses: list[LotUse] = field(default_factory=list)
    debts: list[Debt] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    purchases: list[PurchaseState] = field(default_factory=list)
    changed_purchases: list[PurchaseState] = field(default_factory=list)
    payments: list[PointsPayment] = field(default_factory=list)
    campaign_uses: list[CampaignUse] = field(default_factory=list)
    changed_campaign_uses: list[CampaignUse] = field(default_factory=list)
    awards: list[tuple[str, str, int, datetime, datetime | None]] = field(
        default_factory=list
    )  # as the table's columns
    changed_awards: list[tuple[str, int]] = field(default_factory=list)  # operation, points now pending (0 = none)
    delivered_awards: list[tuple[str, datetime]] = field(default_factory=list)  # operation, due_at from here on
    holds: list[HoldState] = field(default_factory=list)
    changed_holds: list[HoldState] = field(default_factory=list)
    challenge_steps: list[ChallengeStep] = field(default_factory=list)
    changed_steps: list[tuple[str, int]] = field(default_factory=list)  # id, amount
    completions: list[Completion] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)  # events of completions
    periods: list[BoughtPeriod] = field(default_factory=list)
    ended_periods: list[str] = field(default_factory=list)  # events
    benefit_uses: list[BenefitUse] = field(default_factory=list)
    reversed_uses: list[str] = field(default_factory=list)  # operations of uses
    vouchers: list[NewVoucherRow] = field(default_factory=list)
    cancelled_vouchers: list[str] = field(default_factory=list)  # ids
    undone_uses: list[UndoneUse] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    admin_operations: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)  # kind, role, arguments

    def mark(self) -> tuple[int, ...]:
        """Where to cut when what follows is refused."""
        return tuple(len(getattr(self, item.name)) for item in fields(self))

    def cut(self, mark: tuple[int, ...]) -> None:
        """Forgets everything staged since the mark."""
        for item, length in zip(fields(self), mark, strict=True):
            del getattr(self, item.name)[length:]
