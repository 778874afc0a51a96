"""What use cases are asked: plain values, checked again by the ledger itself (types were checked at the edge).

`merchant_id` is needed with an admin key and must be None or its own with a merchant's key. Money is minor units of the
programme's currency; `currency` None means the programme's. Times are aware UTC datetimes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class NewContacts:
    """What a shop has verified of a person. Only keyed hashes are kept."""

    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class NewMember:
    """A person to enrol under the merchant's own `external_id`. Of `device` and `household` only hashes are kept, to tell
    referrals apart.
    """

    external_id: str
    email: str | None = None
    name: str | None = None
    locale: str | None = None
    birth_date: date | None = None
    referral_code: str | None = None
    device: str | None = None
    merchant_id: str | None = None
    household: str | None = None
    verified: NewContacts | None = None
    enrolled_at: datetime | None = None  # of a member who is brought in from an earlier programme (imports.py)


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What is known better of a member than at enrolment: of the four texts and dates only those that `fields` names, where None
    says that it is not known. `verified`: what is verified from now on, beside what was before.
    """

    fields: frozenset[str] = frozenset()
    email: str | None = None
    name: str | None = None
    locale: str | None = None
    birth_date: date | None = None
    verified: NewContacts | None = None


@dataclass(frozen=True, slots=True)
class NewItem:
    """A line of a basket. `amount` is the line's total in minor units, tax included, after the line's `discount`."""

    line: int
    amount: int
    sku: str | None = None
    category: str | None = None
    quantity: int = 1
    discount: int = 0
    tax: int = 0


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What a reward is used for: `total` is what is to be paid before it; `items` as in a purchase, if the reward needs them."""

    total: int
    currency: str | None = None
    items: tuple[NewItem, ...] = ()


@dataclass(frozen=True, slots=True)
class NewPurchase:
    """What happened at the till. Exactly one of `member_id` and `external_id`. `total` is what was paid, tax
    included.
    """

    reference: str
    occurred_at: datetime
    total: int
    member_id: str | None = None
    external_id: str | None = None
    currency: str | None = None
    tax: int = 0
    shipping: int = 0
    discount: int = 0
    paid_with_points: int = 0
    paid_by: str | None = None  # the redemption that paid them: its id, or the merchant's reference for it
    items: tuple[NewItem, ...] = ()
    channel: str | None = None  # "store", "online", …
    store_id: str | None = None
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewRefundItem:
    """What comes back of a line of the purchase; `amount` None = the quantity's share, rounded half up."""

    line: int
    quantity: int = 1
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class NewRefund:
    """Exactly one of `amount` and `items`."""

    reference: str
    amount: int | None = None
    items: tuple[NewRefundItem, ...] = ()
    currency: str | None = None
    occurred_at: datetime | None = None  # None = now


@dataclass(frozen=True, slots=True)
class NewDelivery:
    reference: str
    delivered_at: datetime | None = None  # None = now


@dataclass(frozen=True, slots=True)
class NewIssuance:
    reference: str
    member_id: str
    points: int
    reason: str
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that a member did and that is no purchase. Exactly one of `member_id` and `external_id`. `subject`: what it is
    about, a survey's or a subscription period's name.
    """

    reference: str
    type: str
    occurred_at: datetime
    member_id: str | None = None
    external_id: str | None = None
    subject: str | None = None
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewReversal:
    """Takes back an issuance or a redemption; `points` None = all that is left of it."""

    reference: str
    points: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewRedemption:
    """Exactly one of `points` and `reward_id`; a reward may be for an order."""

    reference: str
    member_id: str
    points: int | None = None
    reward_id: str | None = None
    merchant_id: str | None = None
    order: NewOrder | None = None


@dataclass(frozen=True, slots=True)
class NewRenewal:
    """A bill of `amount` minor units for a recurring order. Exactly one of `member_id` and `external_id`."""

    reference: str
    amount: int
    member_id: str | None = None
    external_id: str | None = None
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewHold:
    """Points to set aside for so long."""

    reference: str
    member_id: str
    points: int
    expires_in: timedelta = timedelta(minutes=15)
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewCapture:
    """What is taken of a hold; `points` None = all. `reference` None = the hold's own."""

    points: int | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class NewDonation:
    """Points of a member for a cause; or a reward that gives, with the price that was agreed to, if one was."""

    reference: str
    member_id: str
    points: int | None = None
    cause_id: str | None = None
    merchant_id: str | None = None
    reward_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewVoucher:
    """A reward for a voucher; `points` is the price that the member agreed to. None: the price of now."""

    reference: str
    reward_id: str
    points: int | None


@dataclass(frozen=True, slots=True)
class NewVoucherFor:
    """A reward for a voucher that a merchant buys with its member's points."""

    reference: str
    member_id: str
    reward_id: str
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewMembership:
    """A member buys a period of a membership; `paid` None: its price. `occurred_at` None: now."""

    reference: str
    membership: str
    member_id: str | None = None
    external_id: str | None = None
    paid: int | None = None
    occurred_at: datetime | None = None
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewBenefitUse:
    """A member uses a benefit at a merchant."""

    reference: str
    merchant_id: str | None = None
    store_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class NewUseReversal:
    """A use is taken back."""

    reference: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewVoucherUse:
    """A merchant honours a voucher, for an order if it is said; `code` as it was typed or scanned."""

    reference: str
    code: str = field(repr=False)
    store_id: str | None = None
    merchant_id: str | None = None
    order: NewOrder | None = None


@dataclass(frozen=True, slots=True)
class NewVoucherReversal:
    """A merchant undoes its use of a voucher; `use_reference` is what it called that use. None: the use that stands."""

    reference: str
    use_reference: str | None = None
    merchant_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewAdjustment:
    reference: str
    member_id: str
    points: int  # signed, not 0
    reason: str
    merchant_id: str | None = None  # None = the programme itself


@dataclass(frozen=True, slots=True)
class NewMerchant:
    name: str
    ceiling_points: int = 1_000_000_000
    ceiling_period_seconds: int = 86_400  # 0 = for ever


@dataclass(frozen=True, slots=True)
class NewStore:
    external_id: str
    name: str
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    name: str
    merchant_id: str | None = None  # None = an admin key
    scopes: tuple[str, ...] = ()  # empty = all that a merchant's (or an admin's) key can have


@dataclass(frozen=True, slots=True)
class NewProgram:
    """The deployment's one programme. Name, currency and point value come from the first ruleset."""

    chain_id: int
    promise_address: str
    embedded: bool
    notice_period_seconds: int
    ruleset_document: str  # RFC 8785 JSON (program.ruleset.canonical_json)
    own_ceiling_points: int = 1_000_000_000
    own_ceiling_period_seconds: int = 86_400
