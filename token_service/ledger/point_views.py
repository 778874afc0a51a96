"""Members, their points and what moved them, as they are answered (views.py says how to read them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Generic, TypeVar

from token_service.ledger.challenge_views import Completed
from token_service.program.memberships import Held

Value = TypeVar("Value")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of an ISO 4217 currency."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One part of a list; `next_cursor` is None on the last one."""

    data: tuple[Item, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ExpiringPoints:
    """Points that expire at one instant."""

    points: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Totals since enrolment, each ≥ 0; `issued` has issuances and adjustments up, `redeemed` is net of
    restorations.
    """

    issued: int
    redeemed: int
    expired: int
    reversed: int


@dataclass(frozen=True, slots=True)
class OnChain:
    """What the chain says: points from final entries, at `block` (the finality cursor; None before the first one)."""

    address: str
    points: int
    block: int | None
    settled: bool  # nothing of this member waits for settlement


@dataclass(frozen=True, slots=True)
class Balance:
    """A member's points. `available + held` is the sum of the entries."""

    available: int
    pending: int
    held: int
    debt: int
    expiring: tuple[ExpiringPoints, ...]  # every date, soonest first
    lifetime: Lifetime
    on_chain: OnChain


@dataclass(frozen=True, slots=True)
class NextTier:
    """The next level up and what is missing, in the unit the ruleset qualifies by (cents, points, orders, times)."""

    id: str
    missing: int


@dataclass(frozen=True, slots=True)
class Member:
    """One member as a merchant or the admin sees them."""

    id: str
    created_at: datetime
    merchant_id: str
    external_id: str | None  # as the asking merchant knows them; the enrolling merchant's for an admin
    email: str | None
    name: str | None
    locale: str | None
    birth_date: date | None
    referral_code: str | None
    address: str
    state: str  # active, leaving, left, closed
    frozen: bool
    tier: str | None
    balance: Balance
    next_tier: NextTier | None = None
    memberships: tuple[Held, ...] = ()
    segments: tuple[str, ...] = ()
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class PromiseView:
    """The service's signed word for one entry or fact (protocol.promises checks it)."""

    chain_id: int
    contract: str
    entry_id: str
    account: str
    kind: int
    party: int
    amount: int
    commitment: str
    settle_by: datetime
    signature: str  # 0x + 130 hex digits


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where an entry stands on its way to the chain. `state`: accepted, batched, mined, final, skipped, void."""

    state: str
    operator: str | None = None
    seq: int | None = None
    index: int | None = None
    transaction_hash: str | None = None
    block_number: int | None = None


@dataclass(frozen=True, slots=True)
class EntryView:
    """One line of a member's statement: `points` is signed, `facts` are plain values a page can put into words."""

    id: str
    created_at: datetime
    occurred_at: datetime
    member_id: str
    kind: str  # issuance, redemption, expiry, reversal, restoration, donation, adjustment, move, void
    points: int
    balance_after: int  # available + held, after this entry
    operation_id: str | None  # pur_, iss_, red_, adj_ … that caused it
    merchant_id: str | None
    merchant_name: str | None
    store_name: str | None
    reference: str | None
    ruleset: str
    settlement: Settlement
    promise: PromiseView | None
    facts: Mapping[str, object] = field(
        default_factory=dict
    )  # total, currency, reason, reward_id, refund, debt, expires_at …


@dataclass(frozen=True, slots=True)
class BreakdownLine:
    """What one rule gave and why; the lines of an award sum to it."""

    rule: str
    points: int
    why: str


@dataclass(frozen=True, slots=True)
class PurchaseItem:
    """A line of a basket; amounts are minor units of the purchase's currency."""

    line: int
    sku: str | None
    category: str | None
    quantity: int
    amount: int
    discount: int
    tax: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase and what it earned. `points` is the whole award, `pending` what of it waits for the return window, or for
    the delivery with which that begins.
    """

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    store_id: str | None
    channel: str | None
    occurred_at: datetime
    total: Money
    tax: Money
    shipping: Money
    discount: Money
    paid_with_points: Money
    paid_by: str | None  # the redemption that paid them, if the till named it
    items: tuple[PurchaseItem, ...]
    points: int
    pending: int
    available_at: datetime | None  # when what is pending becomes usable, at the latest
    delivery_by: datetime | None  # before which the delivery must be told that it waits for
    delivered_at: datetime | None
    breakdown: tuple[BreakdownLine, ...]
    ruleset: str
    tier: str | None  # the member's, when it was rated
    refunded: Money
    kept: int  # points that the purchase keeps after its refunds
    completed: tuple[Completed, ...] = ()


@dataclass(frozen=True, slots=True)
class RefundItem:
    """What of one line came back."""

    line: int
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund: of what the purchase had, it keeps `kept`; the difference was cancelled while pending, reversed, or
    is owed.
    """

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    purchase_id: str
    occurred_at: datetime
    amount: Money
    items: tuple[RefundItem, ...]
    kept: int
    reversed: int
    debt: int
    pending_cancelled: int
    restored: int  # of the points that paid part of the purchase


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is no purchase, and what it earned."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    type: str
    subject: str | None
    occurred_at: datetime
    points: int
    breakdown: tuple[BreakdownLine, ...]
    reversed: int  # taken back so far, debt included
    ruleset: str


@dataclass(frozen=True, slots=True)
class Issuance:
    """Points minted by hand within the merchant's ceiling and the ruleset's limit."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    points: int
    reason: str
    reversed: int  # taken back so far, debt included
    ruleset: str


@dataclass(frozen=True, slots=True)
class Redemption:
    """Points spent, for a reward or as an amount."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    points: int
    reward_id: str | None
    value: Money  # by the ruleset's point value, rounded down
    discount: Money | None  # what the reward took off the order, if one was said
    reversed: int  # given back so far
    ruleset: str


@dataclass(frozen=True, slots=True)
class Reversal:
    """An issuance (kind `reversal`) or a redemption (kind `restoration`) taken back."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    kind: str
    original_id: str
    points: int  # what was asked to be taken back
    reversed: int  # what moved
    debt: int  # what could not be taken back now
    reason: str | None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change that a person made, with reason and actor."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    member_id: str
    points: int  # signed
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Value]):
    """What every call that moves points answers. `replayed`: the reference was known with the same content."""

    value: Value
    replayed: bool
    entries: tuple[EntryView, ...]
    balance: Balance
    promise: PromiseView | None  # of the operation's first leaf; each entry has its own, too


@dataclass(frozen=True, slots=True)
class BatchOutcome(Generic[Value]):
    """What a batch call answers for one item: an outcome without the balance."""

    value: Value
    replayed: bool
    entries: tuple[EntryView, ...]
    promise: PromiseView | None


@dataclass(frozen=True, slots=True)
class Simulation(Generic[Value]):
    """What a call would answer. `refusal` is the code of the refusal and `facts` what is missing; then `value` is
    None.
    """

    value: Value | None
    balance: Balance
    refusal: str | None = None
    detail: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StuckAwards:
    """A merchant's awards that are due and larger than its whole ceiling; `largest_points` is what it must allow."""

    merchant_id: str
    merchant_name: str
    awards: int
    largest_points: int


@dataclass(frozen=True, slots=True)
class DueReport:
    """What one run of due work did; `remaining` is True when a limit stopped it before everything was done. `stuck` is
    what no later run can do either unless a person raises a ceiling.
    """

    awards_matured: int = 0
    awards_lapsed: int = 0
    debts_paid: int = 0
    lots_expired: int = 0
    points_expired: int = 0
    tiers_changed: int = 0
    birthdays: int = 0
    anniversaries: int = 0
    scheduled: int = 0
    holds_released: int = 0
    referrals_paid: int = 0
    vouchers_expired: int = 0
    notices_told: int = 0
    remaining: bool = False
    stuck: tuple[StuckAwards, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing that this run could do."""
        return replace(self, stuck=()) == DueReport()
