"""What the auditor remembers of one account between its leaves. It grows with the member's own history and open lots, not with
the programme; storage.py keeps it.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field, replace
from datetime import datetime

from token_service.program.award_expiry import DatedPoints
from token_service.program.challenges import Counted
from token_service.program.lots import Lot, Use
from token_service.program.memberships import Period
from token_service.program.spending_limits import Spent
from token_service.program.tiers import Qualification
from token_service.program.visits import LastVisit


@dataclass(slots=True)
class HeldLot:
    """A lot with its issuer, the ruleset whose dates it follows, its points that expired or were voided, and those set aside."""

    lot: Lot
    party: int
    ruleset: str
    lost: int = 0
    set_aside: int = 0

    @property
    def free(self) -> Lot:
        """The lot without what is set aside."""
        return replace(self.lot, left=self.lot.left - self.set_aside) if self.set_aside else self.lot


@dataclass(slots=True)
class Pending:
    """An award that waits for the end of its return window, or before that, until `delivery_by`, for its delivery."""

    points: int
    due_at: datetime
    delivery_by: datetime | None = None


@dataclass(slots=True)
class Debt:
    """Points owed for one cause; `of` is the operation whose lots pay first."""

    points: int
    party: int
    of: str


@dataclass(slots=True)
class Closing:
    """What the ledger does behind the last leaf of a purchase or refund that was recorded at `recorded_at`: prolong lots for the
    activity, look at the tier again.
    """

    recorded_at: datetime
    activity_at: datetime | None


@dataclass(slots=True)
class Unsettled:
    """A leaf that the contract skipped and that has not come again; `lots` what a debit took from which."""

    id: str
    commitment: str
    kind: int
    amount: int
    operation: str | None
    lots: dict[str, int]


@dataclass(slots=True)
class CampaignUse:
    """What a purchase holds of a limited campaign, or an event of a limited rule; `subject` is what the event was about."""

    at: datetime
    points: int
    subject: str | None = None


@dataclass(slots=True)
class Waiting:
    """A leaf that came before one with a lower number; kept as it was opened."""

    number: int
    operator: str
    seq: int
    index: int
    block_number: int
    transaction: str
    settled_at: int
    entry_kind: int
    party: int
    amount: int
    commitment: str
    skip_reason: int | None
    text: str


@dataclass(slots=True)
class Signed:
    """Points that the holder spent with their own signature, as the chain says; a leaf tells of it later."""

    transaction: str
    log_index: int
    points: int
    party: int
    quote_hash: str
    block_number: int
    at: int


@dataclass(slots=True)
class Challenges:
    """What counts in challenges, by challenge and operation; the events of completions that stand, by subject; and what the leaf
    recorded `at` may bring: completions that `trigger` counted for, those that must be taken back.
    """

    steps: dict[str, dict[str, Counted]] = field(default_factory=dict)
    completions: dict[str, str] = field(default_factory=dict)
    at: datetime | None = None
    trigger: str | None = None
    may_complete: list[str] = field(default_factory=list)
    given_now: dict[str, int] = field(default_factory=dict)
    owes_back: list[str] = field(default_factory=list)
    is_certain: bool = True


@dataclass(slots=True)
class DueBack:
    """Points of a redemption that a refund gives back, and since when."""

    redemption: str
    points: int
    recorded_at: datetime
    since: int


@dataclass(slots=True)
class Referral:
    """One side of a referral: its newest event, how often it was counted, and since when it is taken back (`is_final`: by a
    person, and not to be earned again). `earned_points` is what it says that the first purchase keeps.
    """

    operation: str
    event: str
    subject: str
    times: int
    back_at: datetime | None = None
    is_final: bool = False
    earned_points: int = 0


@dataclass(slots=True)
class Account:
    """One account. `count` leaves were replayed; `stopped` says why no more can be. `home` is the address of its first leaf: the
    account keeps its name when it moves. `parts` are the homes of accounts that became part of it, `merged_into` the address of
    the one that it became part of. `state` is who keeps the points, as its leaves say; `is_self_custody`, as the chain
    does.
    """

    address: str
    home: str = ""
    parts: list[str] = field(default_factory=list)
    merged_into: str | None = None
    going: list[HeldLot] = field(default_factory=list)  # lots that left for there and have not arrived
    going_since: int | None = None
    state: str = "active"
    is_self_custody: bool = False
    signed: list[Signed] = field(default_factory=list)
    count: int = 0
    stopped: str | None = None
    is_frozen: bool = False
    joined_at: datetime | None = None
    tier: str | None = None
    is_tier_known: bool = True  # False: the rules changed while the member joined
    tiers_left: list[tuple[datetime, str | None]] = field(default_factory=list)  # levels held before, and until when
    owes_tier: list[str | None] | None = None  # the level that a leaf must say next, in a list of one
    owes_payment: datetime | None = None  # a debt must be paid by the leaves recorded at this instant
    due_parts: list[DatedPoints] = field(default_factory=list)  # of an award; the next leaves must be them
    due_parts_of: str | None = None
    due_parts_at: datetime | None = None
    owes_back: str | None = None  # the redemption of a voucher that ended: its points come back by the next leaf
    owes_back_since: int = 0
    owes_for_refunds: dict[str, DueBack] = field(default_factory=dict)  # by refund
    lots: dict[str, HeldLot] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    lapsed: list[str] = field(default_factory=list)  # purchases whose award came to nothing for want of a delivery
    debts: dict[str, Debt] = field(default_factory=dict)
    purchases: int = 0
    last_visit: LastVisit | None = None
    visited: dict[str, LastVisit] = field(default_factory=dict)  # which visit each purchase was
    last_activity_at: datetime | None = None
    last_recorded_at: datetime | None = None
    day_points: dict[str, int] = field(default_factory=dict)
    history: dict[str, Qualification] = field(default_factory=dict)
    campaigns: dict[str, dict[str, CampaignUse]] = field(
        default_factory=dict
    )  # by campaign and purchase, or rule and event
    challenges: Challenges = field(default_factory=Challenges)
    periods: dict[str, Period] = field(default_factory=dict)  # of memberships, by the event
    rewards: dict[str, dict[str, datetime]] = field(default_factory=dict)  # had, by reward and redemption
    benefits: dict[str, dict[str, datetime]] = field(default_factory=dict)  # uses that stand, by benefit and operation
    spent: dict[str, Spent] = field(default_factory=dict)  # without what came back, by redemption or open hold
    given: dict[str, Spent] = field(default_factory=dict)  # to causes, by donation
    segments: list[str] = field(default_factory=list)
    standing_order: int = 0  # points that may be used on each renewal
    once: list[str] = field(default_factory=list)  # what an account may have once, and had
    referrals: dict[str, Referral] = field(default_factory=dict)  # by event and subject
    owes_referrals: list[str] = field(default_factory=list)  # that a refund took the reason from
    owes_referrals_at: datetime | None = None
    unsettled: dict[int, Unsettled] = field(default_factory=dict)
    closing: Closing | None = None
    waiting: list[Waiting] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.home or self.address

    def owns(self, home: str) -> bool:
        """Whether what belongs to that account counts for this one."""
        return home == self.home or home in self.parts

    @property
    def is_ours(self) -> bool:
        """Whether the service keeps the points: not the member, and nothing is on the way."""
        return self.state in ("active", "closed")

    @property
    def size(self) -> int:
        """Roughly how many things it holds."""
        uses = sum(len(found) for found in self.campaigns.values())
        uses += sum(len(steps) for steps in self.challenges.steps.values()) + len(self.challenges.completions)
        uses += sum(len(found) for found in self.benefits.values())
        few: tuple[Sized, ...] = (self.once, self.tiers_left, self.periods, self.referrals, self.pending, self.debts)
        return (
            4
            + len(self.history)
            + len(self.visited)
            + len(self.day_points)
            + 2 * len(self.lots)
            + len(self.waiting)
            + len(self.spent)
            + len(self.given)
            + sum(len(had) for had in self.rewards.values())
            + sum(len(found) for found in few)
            + uses
        )

    @property
    def is_whole(self) -> bool:
        """Whether all that is known of it was replayed: nothing waits behind a gap or a freeze, nothing stopped it."""
        return self.stopped is None and not self.waiting and not self.is_frozen

    def tier_at(self, at: datetime) -> str | None:
        """The level that the leaves said it had at an instant."""
        return next((tier for until, tier in self.tiers_left if until > at), self.tier)

    def open_lots(self) -> list[Lot]:
        """Lots with points left, without what holds set aside."""
        return [held.free for held in self.lots.values() if held.lot.left > held.set_aside]


@dataclass(slots=True)
class Operation:
    """What later leaves of its account may take back. `text` is the detail of a purchase's first leaf.

    For a purchase: what it was awarded, what it keeps, what refunds took back, made debt, or took before it was issued. For an
    issuance by hand: `awarded` its points, `kept` without what reversals asked for, `day` the local date that it counts in. For a
    redemption: `uses` its own and its restorations', `reward` what it bought, `at` when, `pays` the purchase that it paid part
    of, `is_used` whether its voucher was honoured, `use` what the last such leaf said, `is_expired` whether that ended.
    `void_at`: when another account took it back, whose leaves no number puts before or behind this one's.
    """

    id: str
    account: str
    kind: str
    ruleset: str
    merchant: str
    party: int
    text: str = ""
    awarded: int = 0
    kept: int = 0
    taken: int = 0
    lots: list[str] = field(default_factory=list)
    refunds: list[dict[str, object]] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    reward: str | None = None
    at: datetime | None = None
    pays: str | None = None
    is_used: bool = False
    use: dict[str, object] | None = None
    is_expired: bool = False
    is_void: bool = False
    void_at: datetime | None = None
    day: str | None = None
