"""What the rules read when a member uses a benefit: who, when, and what it is.

Recorded with the use and committed to like the facts of a purchase (facts.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from token_service.errors import InvalidInput
from token_service.program.durations import check_aware
from token_service.program.facts import TEXT_MAX, LocalTime, MemberFacts


@dataclass(frozen=True, slots=True)
class UseFacts:
    """`benefit` is used at a merchant, perhaps in one of its stores; `note` is what the merchant wrote beside it."""

    occurred_at: datetime
    local: LocalTime
    benefit: str
    merchant: str
    member: MemberFacts
    store: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        check_aware(self.occurred_at)
        for text in (self.benefit, self.merchant, self.store):
            if text is not None and (type(text) is not str or not 0 < len(text) <= TEXT_MAX):
                raise InvalidInput(f"Texts of a use have 1 to {TEXT_MAX} characters.")
        if self.benefit is None or self.merchant is None or not isinstance(self.note, str | None):
            raise InvalidInput("A use has a benefit and a merchant.")

    def to_json(self) -> dict[str, Any]:
        """The facts as plain JSON values; what is empty is left out."""
        document: dict[str, Any] = {
            "occurred_at": self.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "local": {name: getattr(self.local, name) for name in self.local.__slots__},
            "benefit": self.benefit,
            "merchant": self.merchant,
            "member": self.member.to_json(),
        }
        optional = {"store": self.store, "note": self.note}
        return document | {name: value for name, value in optional.items() if value is not None}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> UseFacts:
        """The facts that `to_json` wrote. Raises InvalidInput for anything else."""
        try:
            values = dict(document)
            values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
            values["local"] = LocalTime(**values["local"])
            values["member"] = MemberFacts.from_json(values["member"])
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput("These are not the facts of a use.") from error
