"""The shape of a ruleset, version 1: pydantic models, strict, frozen, unknown keys refused (docs/rulesets.md).

Kinds are discriminated unions, so that later kinds are added
beside these without changing what an old document means. A default belongs to version 1 for ever: the hash covers only
the keys that were written. Reading, writing and hashing documents: ruleset.py. Contradictions between keys:
ruleset_check.py.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from token_service.program.action_schema import (
    AwardLimits,
    EventRule,
    GiftLimits,
    PerMember,
    ReferralRule,
    SubscriptionRule,
)
from token_service.program.award_schema import CampaignAward
from token_service.program.challenge_schema import Challenge, Period
from token_service.program.expiry_schema import AwardExpiry, Expiry, NoExpiry, RuleExpiry
from token_service.program.limits_schema import Limits, RedemptionLimits
from token_service.program.schema_values import (
    DAY,
    LIST_MAX,
    Amount,
    Basis,
    Condition,
    Duration,
    Identifier,
    Names,
    Part,
    Percent,
    PositiveAmount,
    Rounding,
    TimeZone,
    VisitWindow,
    Word,
)
from token_service.program.tier_schema import Downgrade, TierWindow

SCHEDULED: Final = "member.scheduled"
"""The event of a scheduled bonus; its subject names schedule and period."""


class PointValue(Part):
    """`points` are worth `amount` minor units of the programme's currency."""

    points: PositiveAmount
    amount: PositiveAmount


class Program(Part):
    name: Word
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    time_zone: TimeZone
    point_value: PointValue | None = None


class SpendRule(Part):
    """`points` for every `per` minor units of what `basis` says, rounded once."""

    id: Identifier
    kind: Literal["spend"]
    points: PositiveAmount
    per: PositiveAmount
    basis: Basis = "gross"
    rounding: Rounding = "floor"


class ItemRule(Part):
    """`points` for every `per` minor units, or for every `per_quantity` pieces, of the lines that match; rounded once."""

    id: Identifier
    kind: Literal["item"]
    points: PositiveAmount
    per: PositiveAmount | None = None
    per_quantity: PositiveAmount | None = None
    skus: Annotated[tuple[Word, ...], Field(max_length=LIST_MAX)] = ()
    categories: Annotated[tuple[Word, ...], Field(max_length=LIST_MAX)] = ()
    basis: Literal["gross", "net"] = "gross"
    rounding: Rounding = "floor"


class VisitRule(Part):
    """`points` with the first purchase of each visit whose number is a multiple of `every`."""

    id: Identifier
    kind: Literal["visit"]
    points: PositiveAmount
    every: PositiveAmount = 1


class Schedule(Part):
    """`points` on the first local day of each period that begins between two local dates (both included), once for each, to every
    member who had joined before and on whom `when` holds.
    """

    id: Identifier
    every: Period
    points: PositiveAmount
    name: Names | None = None
    starts: date | None = Field(default=None, alias="from")
    until: date | None = None
    when: Condition | None = None
    limits: AwardLimits | None = None
    expiry: AwardExpiry | None = None

    @property
    def event(self) -> str:
        """The type of the event that says so."""
        return SCHEDULED

    @property
    def once_per(self) -> Literal["subject", "person"]:
        """The event's subject names schedule and period."""
        return "subject"


PurchaseRule = SpendRule | ItemRule | VisitRule
ActionRule = EventRule | SubscriptionRule | ReferralRule | Schedule
EarningRule = Annotated[
    SpendRule | ItemRule | VisitRule | EventRule | SubscriptionRule | ReferralRule, Field(discriminator="kind")
]


class LimitedBenefit(PerMember):
    """A benefit that may be used so often only. Without `every`: of a level in all, of a membership in each paid period."""

    id: Identifier


def _benefit_form(value: Any) -> str:
    return "limited" if isinstance(value, dict | LimitedBenefit) else "id"


GrantedBenefit = Annotated[
    Annotated[Identifier, Tag("id")] | Annotated[LimitedBenefit, Tag("limited")], Discriminator(_benefit_form)
]
"""An entry of `benefits`: an id, for one that may be used any number of times, or one with its limit."""


def benefit_id(granted: str | LimitedBenefit) -> str:
    """Which benefit an entry of `benefits` grants."""
    return granted if isinstance(granted, str) else granted.id


class Campaign(Part):
    """An award between two local dates (both included): on top of earning, for purchases on which `when` holds; or a benefit, for
    members on whom it holds.
    """

    id: Identifier
    name: Names | None = None
    starts: date | None = Field(default=None, alias="from")
    until: date | None = None
    when: Condition | None = None
    award: CampaignAward
    limits: GiftLimits | None = None


class Multipliers(Part):
    """What tier and campaign multipliers multiply, and how each rounds."""

    basis: Literal["earning", "earning_and_bonuses"] = "earning"
    rounding: Rounding = "floor"


class Level(Part):
    """Reached at `threshold`; who holds it, or a higher one, keeps it at `keep`, which is the threshold without one."""

    id: Identifier
    threshold: Amount = Field(alias="from")
    keep: Amount | None = None
    name: Names | None = None
    multiplier_percent: Percent = 100
    benefits: Annotated[tuple[GrantedBenefit, ...], Field(max_length=LIST_MAX)] = ()

    @property
    def kept_from(self) -> int:
        """The least figure at which who holds the level keeps it."""
        return self.threshold if self.keep is None else self.keep


class BenefitName(Part):
    """What members read for a benefit that levels, memberships or campaigns grant."""

    id: Identifier
    name: Names


class Tiers(Part):
    qualify_by: Literal["spend", "points", "orders", "engagement"]
    window: TierWindow
    downgrade: Downgrade | None = None
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=LIST_MAX)]


class Segment(Part):
    """A group of members that conditions may ask for; who is in it is said outside the rules. With `companies` each of them
    is one.
    """

    id: Identifier
    name: Names | None = None
    companies: bool | None = None


class Membership(Part):
    """What members pay for: `price` minor units for a `period`, kept through `grace` while the next one is awaited. It brings
    `benefits`, multiplies what purchases earn, and gives `points` with each period, which may have an `expiry` of their own.
    """

    id: Identifier
    name: Names | None = None
    price: Amount
    period: Duration
    grace: Duration | None = None
    benefits: Annotated[tuple[GrantedBenefit, ...], Field(max_length=LIST_MAX)] = ()
    multiplier_percent: Percent = 100
    points: PositiveAmount | None = None
    expiry: RuleExpiry | None = None


class Visits(Part):
    """What one visit is: the purchases of a local date, or those less than `window` apart; whether one that was given back whole
    still counts.
    """

    window: VisitWindow = DAY
    refunded: Literal["forget", "count"] = "forget"


class Delivery(Part):
    """Purchases in one of `channels`, at one of `merchants` (either may be left out) wait for the delivery, and the return window
    begins with it. Of one whose delivery was not told `within` so long after the purchase the award comes to nothing (`lapse`),
    or its return window begins then (`begin`).
    """

    channels: Annotated[tuple[Word, ...], Field(min_length=1, max_length=LIST_MAX)] | None = None
    merchants: Annotated[tuple[Word, ...], Field(min_length=1, max_length=LIST_MAX)] | None = None
    within: Duration
    otherwise: Literal["lapse", "begin"]


class Discount(Part):
    """What comes off an order: `amount` minor units, or `percent` of it, at most `up_to` minor units."""

    amount: PositiveAmount | None = None
    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    up_to: PositiveAmount | None = None


class Reward(Part):
    """What points buy, between two local dates (both included) at the levels, with the memberships or in the segments named.
    Its price is a rule; its stock and picture are not. `points_by_level`: the price for members of a level, where it is
    another. `early_days`: how many days before the others a level or membership may have it. `categories`, `skus` and
    `min_total` say which orders it is for (reward_orders.py). `voucher_valid`: how long a voucher for it can be used, and
    whether its points come back then (voucher_ends.py). A donation gives its points to a `cause`, by its public name; companies
    have `funds`, minor units for their marketing, or `seats` in a training.
    """

    id: Identifier
    kind: Literal["discount", "gift", "experience", "digital", "donation", "marketing_funds", "training"]
    points: PositiveAmount
    points_by_level: Annotated[dict[Identifier, PositiveAmount], Field(min_length=1, max_length=LIST_MAX)] | None = None
    discount: Discount | None = None
    name: Names | None = None
    starts: date | None = Field(default=None, alias="from")
    until: date | None = None
    levels: Annotated[tuple[Identifier, ...], Field(max_length=LIST_MAX)] = ()
    memberships: Annotated[tuple[Identifier, ...], Field(max_length=LIST_MAX)] = ()
    segments: Annotated[tuple[Identifier, ...], Field(max_length=LIST_MAX)] = ()
    categories: Annotated[tuple[Word, ...], Field(max_length=LIST_MAX)] = ()
    skus: Annotated[tuple[Word, ...], Field(max_length=LIST_MAX)] = ()
    min_total: PositiveAmount | None = None
    early_days: dict[Identifier, Annotated[int, Field(ge=1, le=366)]] | None = None
    per_member: PerMember | None = None
    voucher_valid: Duration | None = None
    on_expiry: Literal["give_back", "lose"] | None = None
    cause: Word | None = None
    funds: PositiveAmount | None = None
    seats: PositiveAmount | None = None


class Donations(Part):
    """What bounds gifts to causes: the least and the step of an amount, what a member gives in a local day and in all, the causes
    by their public names; and what points are worth to them, where that is another value.
    """

    min_points: PositiveAmount | None = None
    step_points: PositiveAmount | None = None
    per_member_day_points: PositiveAmount | None = None
    per_member_points: PositiveAmount | None = None
    causes: Annotated[tuple[Word, ...], Field(min_length=1, max_length=LIST_MAX)] | None = None
    point_value: PointValue | None = None


class Ruleset(Part):
    """One immutable version of the programme's rules (DESIGN §3a)."""

    ruleset: Literal[1]
    program: Program
    earning: Annotated[tuple[EarningRule, ...], Field(max_length=LIST_MAX)] = ()
    campaigns: Annotated[tuple[Campaign, ...], Field(max_length=LIST_MAX)] = ()
    multipliers: Multipliers = Multipliers()
    tiers: Tiers | None = None
    benefits: Annotated[tuple[BenefitName, ...], Field(max_length=LIST_MAX)] = ()
    memberships: Annotated[tuple[Membership, ...], Field(max_length=LIST_MAX)] = ()
    segments: Annotated[tuple[Segment, ...], Field(max_length=LIST_MAX)] = ()
    challenges: Annotated[tuple[Challenge, ...], Field(max_length=LIST_MAX)] = ()
    schedules: Annotated[tuple[Schedule, ...], Field(max_length=LIST_MAX)] = ()
    visits: Visits | None = None
    expiry: Expiry = NoExpiry(kind="none")
    return_window: Duration | None = None
    delivery: Delivery | None = None
    limits: Limits = Limits()
    redemption: RedemptionLimits | None = None
    donations: Donations | None = None
    accept_late: Duration | None = None
    restoration_grace: Duration = "P30D"
    rewards: Annotated[tuple[Reward, ...], Field(max_length=LIST_MAX)] = ()
