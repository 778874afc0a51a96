"""An opened leaf: what the chain says of it, and the detail that it commits to, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from token_service.audit.batches import Batch
from token_service.audit.report import Finding
from token_service.errors import InvalidInput
from token_service.program.event_facts import EventFacts
from token_service.program.facts import PurchaseFacts
from token_service.program.lots import Use
from token_service.protocol import json_text
from token_service.protocol.receipts import Leaf

FIRST_YEAR, LAST_YEAR = 1900, 8999
_LAST_SECOND: Final = int(datetime(LAST_YEAR, 12, 31, tzinfo=UTC).timestamp())


@dataclass(slots=True)
class OpenedLeaf:
    """One leaf of a batch with its detail. `skip_reason` is the contract's word when it skipped the entry."""

    operator: str
    seq: int
    block_number: int
    transaction: str
    settled_at: int
    index: int
    account: str
    entry_kind: int
    party: int
    amount: int
    commitment: str
    skip_reason: int | None
    text: str
    detail: Mapping[str, Any]
    id: str
    number: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    ruleset: str

    @property
    def operation(self) -> str | None:
        """What kind of operation made it; None for what falls due."""
        value = self.detail.get("operation")
        return None if value is None else str(value)

    def finding(self, check: str, detail: str, *, expected: object = None, found: object = None) -> Finding:
        """A finding that names this leaf."""
        return Finding(
            check,
            detail,
            expected=None if expected is None else str(expected),
            found=None if found is None else str(found),
            operator=self.operator,
            seq=self.seq,
            index=self.index,
            block=self.block_number,
            transaction=self.transaction,
        )

    def text_of(self, name: str) -> str:
        """A text of the detail that is not empty. Raises InvalidInput."""
        value = self.detail.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"{name}: a text is needed")
        return value

    def whole(self, name: str) -> int:
        """A whole number of the detail, of any sign. Raises InvalidInput."""
        return whole(self.detail.get(name), name)

    def instant_of(self, name: str) -> datetime | None:
        """An instant of the detail; None where it says null. Raises InvalidInput."""
        value = self.detail.get(name)
        return None if value is None else instant(value, name)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object of the detail. Raises InvalidInput."""
        value = self.detail.get(name)
        if not isinstance(value, dict):
            raise InvalidInput(f"{name}: an object is needed")
        return value

    def uses(self) -> tuple[Use, ...]:
        """What the leaf says that it did to lots. Raises InvalidInput."""
        lots = self.detail.get("lots")
        if not isinstance(lots, list):
            raise InvalidInput("lots: a list is needed")
        return tuple(_use(lot) for lot in lots)


def opened(batch: Batch, leaf: Leaf, text: str) -> OpenedLeaf:
    """The leaf with its detail. Raises InvalidInput when the detail lacks what every detail has."""
    detail = json_text.load(text)
    if not isinstance(detail, dict) or detail.get("v") != 1:
        raise InvalidInput("this is no detail of version 1")
    texts = [detail.get(name) for name in ("id", "kind", "ruleset")]
    if any(not isinstance(value, str) or not value for value in texts):
        raise InvalidInput("id, kind and ruleset are needed")
    return OpenedLeaf(
        operator=batch.operator,
        seq=batch.seq,
        block_number=batch.block_number,
        transaction=batch.transaction,
        settled_at=batch.timestamp,
        index=leaf.index,
        account=leaf.account,
        entry_kind=leaf.kind,
        party=leaf.party,
        amount=leaf.amount,
        commitment=leaf.commitment,
        skip_reason=batch.skipped.get(leaf.index),
        text=text,
        detail=detail,
        id=detail["id"],
        number=whole(detail.get("number"), "number"),
        kind=detail["kind"],
        occurred_at=instant(detail.get("occurred_at"), "occurred_at"),
        recorded_at=instant(detail.get("recorded_at"), "recorded_at"),
        ruleset=detail["ruleset"],
    )


def opened_facts(text: str) -> PurchaseFacts:
    """The facts of a purchase, from the detail of its first leaf. Raises InvalidInput."""
    return PurchaseFacts.from_json(_facts(text))


def opened_event(text: str) -> EventFacts:
    """The facts of an event, from the detail of its leaf. Raises InvalidInput."""
    return EventFacts.from_json(_facts(text))


def opened_award(text: str) -> tuple[object, object]:
    """The facts and the breakdown that the detail of an award's first leaf says."""
    detail = json_text.load(text)
    return _facts(text), detail.get("breakdown") if isinstance(detail, dict) else None


def _facts(text: str) -> Mapping[str, Any]:
    detail = json_text.load(text)
    if not isinstance(detail, dict) or not isinstance(detail.get("facts"), dict):
        raise InvalidInput("facts: an object is needed")
    facts: dict[str, Any] = detail["facts"]
    return facts


def whole(value: object, name: str) -> int:
    """The value if it is a whole number that 64 bits hold. Raises InvalidInput."""
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise InvalidInput(f"{name}: a whole number is needed")
    return value


def instant(value: object, name: str) -> datetime:
    """The value as an instant with its zone, of a year that calendars can count on from. Raises InvalidInput."""
    try:
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name}: a time is needed") from error
    if at.tzinfo is None:
        raise InvalidInput(f"{name}: the time needs a zone")
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise InvalidInput(f"{name}: the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return at


def instant_at(unix_seconds: int) -> datetime:
    """A time of the chain; the end of LAST_YEAR for all that lies behind it, which a contract may well say."""
    return datetime.fromtimestamp(min(unix_seconds, _LAST_SECOND), UTC)


def _use(document: object) -> Use:
    if not isinstance(document, dict) or not isinstance(document.get("lot"), str):
        raise InvalidInput("lots: each needs lot, points and expires_at")
    expires_at = document.get("expires_at")
    return Use(
        document["lot"],
        whole(document.get("points"), "points"),
        None if expires_at is None else instant(expires_at, "expires_at"),
    )
