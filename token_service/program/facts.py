"""What the rules read about one purchase: whole numbers, strings, booleans, null and lists of them, plus one UTC instant.

Facts are recorded with the purchase and committed to on the chain, so that anyone can decide it again later (CONTRACT
§2). Local date, hour and weekday are facts: a time zone whose rules change must not change an old award. The table of
what a campaign's condition may read is `conditions.FACTS` (docs/rulesets.md "Facts").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from token_service.errors import InvalidInput
from token_service.program.durations import check_aware, zone
from token_service.units import POINTS_MAX

ITEMS_MAX: Final = 1000
TEXT_MAX: Final = 200
_OPTIONAL: Final = ("campaigns", "caps", "paid_by")
"""Parts of a purchase's facts that are left out where they are empty."""
_LISTS: Final = ("memberships", "segments")
"""Of a member's facts as well."""


@dataclass(frozen=True, slots=True)
class LocalTime:
    """An instant on the programme's clock. `weekday` counts from 1, Monday, to 7, Sunday."""

    date: str
    year: int
    month: int
    day: int
    hour: int
    minute: int
    weekday: int

    def __post_init__(self) -> None:
        _check_texts(date=self.date)
        _check_amounts(year=self.year, month=self.month, day=self.day, weekday=self.weekday)
        _check_amounts(hour=self.hour, minute=self.minute)


def local_time(at: datetime, time_zone: str) -> LocalTime:
    """`at` on the clock of the IANA `time_zone`. Raises ValueError for a naive time or an unknown zone."""
    local = check_aware(at).astimezone(zone(time_zone))
    day = local.date()
    return LocalTime(day.isoformat(), day.year, day.month, day.day, local.hour, local.minute, day.isoweekday())


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One line of a basket. `amount` is what the line costs, tax included, after its own `discount`; cents."""

    line: int
    sku: str | None
    category: str | None
    quantity: int
    amount: int
    discount: int = 0
    tax: int = 0

    def __post_init__(self) -> None:
        _check_amounts(line=self.line, quantity=self.quantity, amount=self.amount, discount=self.discount, tax=self.tax)
        _check_texts(sku=self.sku, category=self.category)


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """The member just before the purchase.

    `purchases` counts those recorded earlier; `day_points` is what the member's other purchases of the same local date
    keep. `memberships` are held at its time, sorted. `recent`, under rules that limit how fast a member buys: their purchases
    in that stretch of time before this one, without those given back whole. `segments` are those of the member that the rules
    declare, sorted.
    """

    tier: str | None
    age_days: int
    purchases: int
    day_points: int
    memberships: tuple[str, ...] = ()
    recent: int | None = None
    segments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_amounts(age_days=self.age_days, purchases=self.purchases, day_points=self.day_points)
        if self.recent is not None:
            _check_amounts(recent=self.recent)
        _check_texts(tier=self.tier)
        for name in _LISTS:
            ids = getattr(self, name)
            for one in ids:
                _check_texts(**{name: one})
            if list(ids) != sorted(set(ids)):
                raise InvalidInput(f"{name.capitalize()} stand in order, each once.")

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON values; without memberships or segments no word of them, nor of `recent` where no rule asks."""
        document = _values(self)
        for name in _LISTS:
            document[name] = list(document[name])
            if not document[name]:
                del document[name]
        if self.recent is None:
            del document["recent"]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> MemberFacts:
        """The facts that `to_json` wrote. Raises InvalidInput, TypeError for anything else."""
        for name in _LISTS:
            if document.get(name) == []:
                raise InvalidInput(f"No {name} are left out.")
        if "recent" in document and document["recent"] is None:
            raise InvalidInput("No recent purchases are left out.")
        return cls(**{**document, **{name: tuple(document.get(name, ())) for name in _LISTS}})


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """A visit is a local date with a purchase: its number for this member, and which purchase of the visit this is; from 1."""

    number: int
    receipt: int

    def __post_init__(self) -> None:
        _check_amounts(number=self.number, receipt=self.receipt)


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What a limited campaign had left just before the purchase: how often this member had it within its stretch of time, and the
    points that its budget still held; None for what it does not limit.
    """

    id: str
    times: int | None
    budget_points: int | None

    def __post_init__(self) -> None:
        _check_texts(id=self.id)
        _check_amounts(
            **{
                name: value
                for name, value in (("times", self.times), ("budget_points", self.budget_points))
                if value is not None
            }
        )


@dataclass(frozen=True, slots=True)
class CapFacts:
    """The points that a limit on everybody's day (`limits.program_day_points` and its like) had left just before."""

    limit: str
    left: int

    def __post_init__(self) -> None:
        _check_texts(limit=self.limit)
        _check_amounts(left=self.left)


@dataclass(frozen=True, slots=True)
class PurchaseFacts:
    """All that decides what a purchase earns. Money in minor units of `currency`, 0 … 2^53−1.

    `total` is what was paid, tax included, after discounts and without what points paid (API.md). `campaigns` are the limited
    ones that would give something, `caps` the limits on everybody's day; `paid_by` is the redemption that paid with points, if
    the till named it: no rule reads it.
    """

    occurred_at: datetime
    local: LocalTime
    currency: str
    total: int
    tax: int
    shipping: int
    discount: int
    paid_with_points: int
    items: tuple[ItemFacts, ...]
    channel: str | None
    store: str | None
    merchant: str
    member: MemberFacts
    visit: VisitFacts
    campaigns: tuple[CampaignFacts, ...] = ()
    caps: tuple[CapFacts, ...] = ()
    paid_by: str | None = None

    def __post_init__(self) -> None:
        check_aware(self.occurred_at)
        _check_amounts(total=self.total, tax=self.tax, shipping=self.shipping, discount=self.discount)
        _check_amounts(paid_with_points=self.paid_with_points)
        _check_texts(channel=self.channel, store=self.store, merchant=self.merchant, currency=self.currency)
        _check_texts(paid_by=self.paid_by)
        if self.tax > self.total:
            raise InvalidInput("The tax exceeds the total.")
        if len(self.items) > ITEMS_MAX:
            raise InvalidInput(f"A purchase has at most {ITEMS_MAX} lines.")
        if len({item.line for item in self.items}) != len(self.items):
            raise InvalidInput("Two lines of the purchase have the same number.")
        if len({campaign.id for campaign in self.campaigns}) != len(self.campaigns):
            raise InvalidInput("A campaign is named twice.")
        check_caps(self.caps)

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON values; `from_json` gives them back equal. Without limited campaigns or caps there is no word of
        them: the facts of a ruleset that has none stay what they always were.
        """
        document = _values(self) | {
            "occurred_at": self.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "local": _values(self.local),
            "items": [_values(item) for item in self.items],
            "member": self.member.to_json(),
            "visit": _values(self.visit),
            "campaigns": [_values(campaign) for campaign in self.campaigns],
            "caps": caps_to_json(self.caps),
        }
        for name in _OPTIONAL:
            if not document[name]:
                del document[name]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PurchaseFacts:
        """The facts that `to_json` wrote. Raises InvalidInput for anything else."""
        try:
            if document.keys() | set(_OPTIONAL) != set(cls.__slots__) or any(
                name in document and not document[name] for name in _OPTIONAL
            ):
                raise InvalidInput("These are not the facts of a purchase.")
            values = dict(document)
            values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
            values["local"] = LocalTime(**values["local"])
            values["items"] = tuple(ItemFacts(**item) for item in values["items"])
            values["member"] = MemberFacts.from_json(values["member"])
            values["visit"] = VisitFacts(**values["visit"])
            values["campaigns"] = tuple(CampaignFacts(**campaign) for campaign in values.get("campaigns", ()))
            values["caps"] = caps_from_json(values.get("caps", ()))
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput("These are not the facts of a purchase.") from error


def visit_after(visit: VisitFacts, its_date: str, date: str) -> VisitFacts:
    """The visit of a purchase on a local date, when the one recorded before it was `visit` on `its_date`."""
    if its_date == date:
        return VisitFacts(number=visit.number, receipt=visit.receipt + 1)
    return VisitFacts(number=visit.number + 1, receipt=1)


def member_age_days(joined_at: datetime, occurred_at: datetime, time_zone: str) -> int:
    """Whole local dates from joining to the purchase; 0 for a purchase before it."""
    return age_days(local_time(joined_at, time_zone).date, local_time(occurred_at, time_zone).date)


def age_days(joined_date: str, local_date: str) -> int:
    """Whole days from one local date to another; 0 when the second is earlier."""
    return max(0, (date.fromisoformat(local_date) - date.fromisoformat(joined_date)).days)


def caps_to_json(caps: Iterable[CapFacts]) -> list[dict[str, Any]]:
    """The caps as JSON values."""
    return [_values(cap) for cap in caps]


def caps_from_json(document: Iterable[Mapping[str, Any]]) -> tuple[CapFacts, ...]:
    """The caps that `caps_to_json` wrote. Raises InvalidInput, TypeError for anything else."""
    return tuple(CapFacts(**cap) for cap in document)


def check_caps(caps: Sequence[CapFacts]) -> None:
    """Raises InvalidInput when a limit is named twice."""
    if len({cap.limit for cap in caps}) != len(caps):
        raise InvalidInput("A limit is named twice.")


def _values(
    facts: PurchaseFacts | LocalTime | ItemFacts | MemberFacts | VisitFacts | CampaignFacts | CapFacts,
) -> dict[str, Any]:
    """The fields by name, in their order; `dataclasses.asdict` would copy every value deeply."""
    return {name: getattr(facts, name) for name in facts.__slots__}


def _check_amounts(**amounts: int) -> None:
    for name, value in amounts.items():
        if type(value) is not int or not 0 <= value <= POINTS_MAX:
            raise InvalidInput(f"{name} must be a whole number from 0 to 2^53 − 1.")


def _check_texts(**texts: str | None) -> None:
    for name, value in texts.items():
        if value is not None and (type(value) is not str or len(value) > TEXT_MAX):
            raise InvalidInput(f"{name} must be a text of at most {TEXT_MAX} characters.")
