"""The shape of rules for what is no purchase, events, subscriptions, referrals, and how often they give."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from token_service.program.expiry_schema import RuleExpiry
from token_service.program.schema_values import Duration, EventType, Identifier, Names, Part, PositiveAmount

SUBSCRIPTION_PAID: Final = "subscription.paid"
"""The event of a subscription's paid period; its subject names both."""
REFERRED: Final = "member.referred"
"""Somebody whom the member invited has bought something for good; the subject is that referral."""


class PerMember(Part):
    """At most `times` for a member; with `every`, at most so often in any stretch of that length."""

    times: PositiveAmount
    every: Duration | None = None


class AwardLimits(Part):
    """How often a member gets something, and what it gives in all, to everybody: points, or minor units that they are worth."""

    per_member: PerMember | None = None
    budget_points: PositiveAmount | None = None
    budget_amount: PositiveAmount | None = None


class GiftLimits(AwardLimits):
    """The limits of what may give vouchers, too: how many of them in all, to everybody."""

    budget_vouchers: PositiveAmount | None = None


class EventRule(Part):
    """`points` for something that is no purchase. `once_per`: a member has it once for each subject that events name, or each
    person has it once, known by e-mail address or telephone.
    """

    id: Identifier
    kind: Literal["event"]
    event: EventType
    points: PositiveAmount
    name: Names | None = None
    once_per: Literal["subject", "person"] | None = None
    limits: AwardLimits | None = None
    expiry: RuleExpiry | None = None


class SubscriptionRule(Part):
    """`points` for each paid period of a subscription, once for each."""

    id: Identifier
    kind: Literal["subscription"]
    points: PositiveAmount
    name: Names | None = None
    limits: AwardLimits | None = None
    expiry: RuleExpiry | None = None

    @property
    def event(self) -> str:
        """The type of the event that says so."""
        return SUBSCRIPTION_PAID

    @property
    def once_per(self) -> Literal["subject", "person"]:
        """The event's subject names subscription and period."""
        return "subject"


class ReferralRule(Part):
    """`percent` of what the invited member's first kept purchase earned, to whoever invited them: rounded down, at most
    `up_to_points`.
    """

    id: Identifier
    kind: Literal["referral"]
    percent: Annotated[int, Field(ge=1, le=100)]
    up_to_points: PositiveAmount
    name: Names | None = None
    limits: AwardLimits | None = None
    expiry: RuleExpiry | None = None

    @property
    def event(self) -> str:
        """The type of the event that says that somebody came."""
        return REFERRED

    @property
    def once_per(self) -> None:
        """The programme records the event once for each friend."""
        return None
