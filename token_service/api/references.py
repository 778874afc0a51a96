"""Finding what a caller named: `?reference=` answers a list of one object or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Response
from pydantic import Field

from token_service.api.access import caller
from token_service.api.answers import Answer, ListAnswer, respond
from token_service.api.fields import Id, Reference
from token_service.api.input import Query
from token_service.api.services import ledger
from token_service.errors import NotFound
from token_service.ledger.context import Actor, Context

A = TypeVar("A", bound=Answer)
V = TypeVar("V")
Find = Callable[[Context, Actor, str, "str | None"], V]


class ReferenceQuery(Query):
    """The caller's own name of the operation."""

    reference: Reference
    merchant_id: Id | None = Field(default=None, description="With an admin key: whose reference it is.")


def answer_found(
    shape: type[ListAnswer[A]], query: ReferenceQuery, find: Find[V], present: Callable[[V], A]
) -> Response:
    """A list of the one object with this reference, or an empty one."""
    try:
        data = [present(find(ledger(), caller(), query.reference, query.merchant_id))]
    except NotFound:
        data = []
    return respond(shape(data=data, next_cursor=None))
