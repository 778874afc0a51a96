"""The shapes of answers that many calls share: lists, money, balances, entries, promises. They mirror ledger/views.py."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from flask import Response, g
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from token_service.api.plain import instant, plain
from token_service.ledger import views

T = TypeVar("T")
A = TypeVar("A", bound="Answer")


Instant = Annotated[datetime, PlainSerializer(instant, return_type=str)]
"""A time as every answer writes it."""


Facts = Annotated[dict[str, Any], BeforeValidator(plain)]
"""Figures that explain an entry or a refusal; their names depend on what it is."""


class Answer(BaseModel):
    """Anything the API answers, filled from a ledger view's fields of the same names."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", serialize_by_alias=True)

    @classmethod
    def of(cls: type[A], view: object, **more: object) -> A:
        """The answer for one view; `more` names what the view does not have."""
        if not more:
            return cls.model_validate(view)
        fields = {name: getattr(view, name) for name in cls.model_fields if name not in more and hasattr(view, name)}
        return cls.model_validate({**fields, **more})


def respond(answer: Answer, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The JSON response. What it is about is noted for the line that the log gets."""
    entries = answer.entries if isinstance(answer, Moved) else ()
    g.answered = {"id": getattr(answer, "id", None), "entries": [entry.id for entry in entries]}
    response = Response(answer.model_dump_json(), status=status, mimetype="application/json")
    response.headers.update(headers or {})
    return response


class Problem(BaseModel):
    """An error (RFC 9457). `code` is stable; docs/api.md has the table. Some codes add members that explain them."""

    model_config = ConfigDict(extra="allow")

    class Place(BaseModel):
        """Where in the input something is wrong."""

        pointer: str
        detail: str

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[Place]


class MoneyAnswer(Answer):
    """Minor units and an ISO 4217 code."""

    amount: int
    currency: str


class ExpiringAnswer(Answer):
    """Points that expire at one instant."""

    points: int
    at: Instant


class LifetimeAnswer(Answer):
    """Totals since enrolment."""

    issued: int
    redeemed: int
    expired: int
    reversed: int


class OnChainAnswer(Answer):
    """What the contract says: `points` of final entries at `block`; `settled` when nothing waits."""

    address: str
    points: int
    block: int | None
    settled: bool


class BalanceAnswer(Answer):
    """A member's points."""

    object: Literal["balance"] = "balance"
    available: int
    pending: int
    held: int
    debt: int
    expiring: list[ExpiringAnswer]
    lifetime: LifetimeAnswer
    on_chain: OnChainAnswer


class PromiseAnswer(Answer):
    """The service's signed word that an entry will be settled by a time; `mereau verify` checks it."""

    chain_id: int
    contract: str
    entry_id: str
    account: str
    kind: int
    party: int
    amount: int
    commitment: str
    settle_by: Instant
    signature: str


class SettlementAnswer(Answer):
    """Where an entry stands on its way to the chain: accepted, batched, mined, final, skipped or void."""

    state: str
    operator: str | None
    seq: int | None
    index: int | None
    transaction_hash: str | None
    block_number: int | None


class EntryAnswer(Answer):
    """One line of a member's statement; `points` is signed."""

    object: Literal["entry"] = "entry"
    id: str
    created_at: Instant
    occurred_at: Instant
    member_id: str
    kind: str
    points: int
    balance_after: int
    operation_id: str | None
    merchant_id: str | None
    merchant_name: str | None
    store_name: str | None
    reference: str | None
    ruleset: str
    settlement: SettlementAnswer
    promise: PromiseAnswer | None
    facts: Facts


class Moved(Answer):
    """What every call that moves points adds to its object."""

    entries: list[EntryAnswer]
    balance: BalanceAnswer
    promise: PromiseAnswer | None


def moved(shape: type[A], outcome: views.Outcome[Any], *, name: str) -> A:
    """The answer of a call that moved points; `name` is its `object`."""
    return shape.of(
        outcome.value, object=name, entries=outcome.entries, balance=outcome.balance, promise=outcome.promise
    )


class ListAnswer(Answer, Generic[A]):
    """One part of a list; ask again with `cursor=next_cursor` until it is null."""

    object: Literal["list"] = "list"
    data: list[A]
    next_cursor: str | None = Field(description="Opaque; null on the last part.")


def list_of(shape: type[ListAnswer[A]], page: views.Page[T], present: Callable[[T], A]) -> Response:
    """The response for one page of a list."""
    return respond(shape(data=[present(item) for item in page.data], next_cursor=page.next_cursor))
