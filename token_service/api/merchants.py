"""Merchants, their ceilings and stores."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, list_of, respond
from token_service.api.durations import Duration, duration_of, seconds_of
from token_service.api.fields import Code, Name, PositivePoints
from token_service.api.input import Body, Path
from token_service.api.lists import ListQuery
from token_service.api.replays import answer_once
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.errors import InvariantBroken
from token_service.ledger import merchants, views
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewMerchant, NewStore

routes = Routes("merchants", __name__, abp_tags=[{"name": "Merchants"}])


class CeilingBody(Body):
    """What a merchant may issue in one fixed window of time."""

    points: PositivePoints
    period: Duration | None = Field(description="Null: for ever, not by window.")

    def seconds(self, pointer: str) -> int:
        """The window in seconds, 0 for ever."""
        return seconds_of(self.period, pointer=f"{pointer}/period") if self.period else 0


class MerchantBody(Body):
    """A merchant to register; the name is published on the chain."""

    name: Name
    ceiling: CeilingBody | None = Field(default=None, description="Default: 1,000,000,000 points a day.")

    def resolved(self) -> NewMerchant:
        """What the ledger is asked."""
        if self.ceiling is None:
            return NewMerchant(self.name)
        return NewMerchant(self.name, self.ceiling.points, self.ceiling.seconds("/ceiling"))


class StoreBody(Body):
    """A store, under the merchant's own `external_id`; without one, under its name."""

    external_id: Code | None = None
    name: Name

    @property
    def key(self) -> str:
        """What the merchant calls it."""
        return self.external_id or self.name


class MerchantPath(Path):
    merchant_id: str = Field(max_length=30)


class CeilingAnswer(Answer):
    """`used` of `points` are taken in the current window. A higher ceiling acts at `next_at`, after notice."""

    points: int
    period: str | None
    used: int
    next_points: int | None
    next_period: str | None
    next_at: Instant | None


class MerchantAnswer(Answer):
    """An organisation that awards and accepts points; `party` is its number on the chain."""

    object: Literal["merchant"] = "merchant"
    id: str
    created_at: Instant
    name: str
    party: int
    ceiling: CeilingAnswer


class StoreAnswer(Answer):
    """A place where purchases happen."""

    object: Literal["store"] = "store"
    id: str
    created_at: Instant
    merchant_id: str
    external_id: str
    name: str


class MerchantList(ListAnswer[MerchantAnswer]):
    pass


class StoreList(ListAnswer[StoreAnswer]):
    pass


def present_ceiling(view: views.Ceiling) -> CeilingAnswer:
    """The answer for one ceiling."""
    next_seconds = view.next_period_seconds
    return CeilingAnswer.of(
        view,
        period=duration_of(view.period_seconds) if view.period_seconds else None,
        next_period=duration_of(next_seconds) if next_seconds else None,
    )


def present(view: views.Merchant) -> MerchantAnswer:
    """The answer for one merchant."""
    return MerchantAnswer.of(view, ceiling=present_ceiling(view.ceiling))


@routes.post("/v1/merchants", responses={201: MerchantAnswer})
@needs("merchants:write", idempotent=True)
def create(body: MerchantBody) -> Response:
    """Register a merchant, with its ceiling."""
    asked = body.resolved()
    return answer_once(
        lambda context: merchants.create_merchant(context, caller(), asked),
        body=body,
        present=present,
        ids=lambda merchant: [merchant.id],
        load=lambda context, ids: merchants.get_merchant(context, caller(), ids[0]),
    )


@routes.get("/v1/merchants", responses={200: MerchantList})
@needs("program:read")
def list_merchants(query: ListQuery) -> Response:
    """The merchants that this key may see: all for an admin key, itself for a merchant's."""
    page = merchants.list_merchants(ledger(), caller(), limit=query.limit, cursor=query.cursor)
    return list_of(MerchantList, page, present)


@routes.get("/v1/merchants/<merchant_id>", responses={200: MerchantAnswer})
@needs("program:read")
def get(path: MerchantPath) -> Response:
    """One merchant."""
    return respond(present(merchants.get_merchant(ledger(), caller(), path.merchant_id)))


@routes.put("/v1/merchants/<merchant_id>/ceiling", responses={200: MerchantAnswer})
@needs("merchants:write")
def set_ceiling(path: MerchantPath, body: CeilingBody) -> Response:
    """Set what the merchant may issue. A lower ceiling acts at once, a higher one after the notice period."""
    seconds = body.seconds("")
    return respond(present(merchants.set_ceiling(ledger(), caller(), path.merchant_id, body.points, seconds)))


@routes.post("/v1/merchants/<merchant_id>/stores", responses={201: StoreAnswer})
@needs("merchants:write", idempotent=True)
def create_store(path: MerchantPath, body: StoreBody) -> Response:
    """Add a store."""
    asked = NewStore(external_id=body.key, name=body.name, merchant_id=path.merchant_id)

    def load(context: Context, _ids: list[str]) -> views.Store:
        store = merchants.find_store(context, caller(), path.merchant_id, body.key)
        if store is None:
            raise InvariantBroken("a store that was made is gone")
        return store

    return answer_once(
        lambda context: merchants.create_store(context, caller(), asked),
        body=body,
        present=StoreAnswer.of,
        ids=lambda store: [store.id],
        load=load,
    )


@routes.get("/v1/merchants/<merchant_id>/stores", responses={200: StoreList})
@needs("program:read")
def list_stores(path: MerchantPath, query: ListQuery) -> Response:
    """A merchant's stores."""
    page = merchants.list_stores(ledger(), caller(), path.merchant_id, limit=query.limit, cursor=query.cursor)
    return list_of(StoreList, page, StoreAnswer.of)
