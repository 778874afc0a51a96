"""What the rules read about something that is no purchase: a review, a survey, a month of a subscription, a birthday.

Recorded with the event and committed to like the facts of a purchase (facts.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from token_service.errors import InvalidInput
from token_service.program.durations import check_aware
from token_service.program.facts import (
    TEXT_MAX,
    CampaignFacts,
    CapFacts,
    LocalTime,
    MemberFacts,
    caps_from_json,
    caps_to_json,
    check_caps,
)
from token_service.units import POINTS_MAX

Person = Literal["unknown", "new", "known"]
_OPTIONAL: Final = ("subject", "limits", "seen", "person", "membership", "caps", "earned_points")
OWN_PREFIX: Final = "member."
"""Events whose types begin so are recorded by the programme itself."""
PERSONS: Final = ("unknown", "new", "known")
_TIMES: Final = ("starts_at", "ends_at", "keeps_until")


@dataclass(frozen=True, slots=True)
class MembershipFacts:
    """A period of a membership that was bought: from when to when, until when it is kept, and the minor units `paid`."""

    id: str
    starts_at: datetime
    ends_at: datetime
    keeps_until: datetime
    paid: int
    is_renewal: bool

    def __post_init__(self) -> None:
        if type(self.id) is not str or not 0 < len(self.id) <= TEXT_MAX:
            raise InvalidInput("A membership has an id.")
        if type(self.paid) is not int or not 0 <= self.paid <= POINTS_MAX or type(self.is_renewal) is not bool:
            raise InvalidInput("These are not the facts of a membership.")
        for at in (self.starts_at, self.ends_at, self.keeps_until):
            check_aware(at)

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON values."""
        times = {name: _said(getattr(self, name)) for name in _TIMES}
        return {"id": self.id, **times, "paid": self.paid, "is_renewal": self.is_renewal}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> MembershipFacts:
        """The facts that `to_json` wrote. Raises InvalidInput, TypeError, ValueError for anything else."""
        return cls(**{**document, **{name: datetime.fromisoformat(document[name]) for name in _TIMES}})


@dataclass(frozen=True, slots=True)
class EventFacts:
    """All that decides what an event earns.

    `event` is its type, `subject` what it is about. `limits` say what limited rules had left, `seen` names rules that gave the
    member something for this subject before. `person`, where a rule asks for it: whether the member is a person whom the
    programme cannot tell apart (no e-mail address), a new one, or one who had it with another card. `membership` is what was
    bought, if that is what happened. `caps` say what the limits on everybody's day had left. `earned_points`, of a
    referral where a rule asks for it: what the invited member's first kept purchase keeps then.
    """

    occurred_at: datetime
    local: LocalTime
    event: str
    subject: str | None
    merchant: str
    member: MemberFacts
    limits: tuple[CampaignFacts, ...] = ()
    seen: tuple[str, ...] = ()
    person: Person | None = None
    membership: MembershipFacts | None = None
    caps: tuple[CapFacts, ...] = ()
    earned_points: int | None = None

    def __post_init__(self) -> None:
        check_aware(self.occurred_at)
        for text in (self.event, self.merchant, self.subject, *self.seen):
            if text is not None and (type(text) is not str or not 0 < len(text) <= TEXT_MAX):
                raise InvalidInput(f"Texts of an event have 1 to {TEXT_MAX} characters.")
        if self.event is None or self.merchant is None:
            raise InvalidInput("An event has a type and a merchant.")
        if self.person is not None and self.person not in PERSONS:
            raise InvalidInput("person must be unknown, new or known.")
        if len({one.id for one in self.limits}) != len(self.limits) or len(set(self.seen)) != len(self.seen):
            raise InvalidInput("A rule is named twice.")
        if self.earned_points is not None and (
            type(self.earned_points) is not int or not 0 <= self.earned_points <= POINTS_MAX
        ):
            raise InvalidInput("earned_points are points.")
        check_caps(self.caps)

    def to_json(self) -> dict[str, Any]:
        """The facts as plain JSON values; what is empty is left out."""
        document: dict[str, Any] = {
            "occurred_at": _said(self.occurred_at),
            "local": _values(self.local),
            "event": self.event,
            "merchant": self.merchant,
            "member": self.member.to_json(),
        }
        limits = [_values(one) for one in self.limits]
        membership = None if self.membership is None else self.membership.to_json()
        optional = (
            self.subject,
            limits,
            list(self.seen),
            self.person,
            membership,
            caps_to_json(self.caps),
            self.earned_points,
        )
        more = dict(zip(_OPTIONAL, optional, strict=True))
        return document | {name: value for name, value in more.items() if value}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> EventFacts:
        """The facts that `to_json` wrote. Raises InvalidInput for anything else."""
        try:
            if any(name in document and not document[name] for name in _OPTIONAL):
                raise InvalidInput("These are not the facts of an event.")
            values = dict(document)
            values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
            values["local"] = LocalTime(**values["local"])
            values["member"] = MemberFacts.from_json(values["member"])
            values["limits"] = tuple(CampaignFacts(**one) for one in values.get("limits", ()))
            values["seen"] = tuple(values.get("seen", ()))
            values["caps"] = caps_from_json(values.get("caps", ()))
            if "membership" in values:
                values["membership"] = MembershipFacts.from_json(values["membership"])
            return cls(**({"subject": None} | values))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput("These are not the facts of an event.") from error


def _said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _values(facts: LocalTime | CampaignFacts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in facts.__slots__}
