"""API keys: made by an admin, shown once, revoked at once."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, list_of, respond
from token_service.api.fields import Id, Name
from token_service.api.input import Body, Path
from token_service.api.lists import ListQuery
from token_service.api.replays import answer_once
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.errors import SecretShownOnce
from token_service.ledger import api_keys, views
from token_service.ledger.context import ADMIN_SCOPES, Context
from token_service.ledger.inputs import NewApiKey

routes = Routes("api_keys", __name__, abp_tags=[{"name": "API keys"}])


class KeyBody(Body):
    """A key to make: for a merchant, or, without `merchant_id`, for an admin."""

    name: Name = "API"
    merchant_id: Id | None = None
    scopes: list[Name] = Field(
        default_factory=list,
        max_length=len(ADMIN_SCOPES),
        description=f"Default: all that such a key can have. Among {', '.join(ADMIN_SCOPES)}.",
    )

    def resolved(self) -> NewApiKey:
        """What the ledger is asked."""
        return NewApiKey(self.name, self.merchant_id, tuple(self.scopes))


class KeyPath(Path):
    key_id: str = Field(max_length=30)


class KeyListQuery(ListQuery):
    merchant_id: Id | None = None


class KeyAnswer(Answer):
    """A key without its secret; `merchant_id` null: an admin key."""

    object: Literal["api_key"] = "api_key"
    id: str
    created_at: Instant
    name: str
    merchant_id: str | None
    scopes: list[str]
    revoked_at: Instant | None


class NewKeyAnswer(KeyAnswer):
    """A key just made; `key` is shown here and never again."""

    key: str


class KeyList(ListAnswer[KeyAnswer]):
    pass


@routes.post("/v1/api-keys", responses={201: NewKeyAnswer})
@needs("api_keys:write", idempotent=True)
def create(body: KeyBody) -> Response:
    """Make a key. A replay answers 409: the secret is not shown twice."""
    asked = body.resolved()

    def load(_context: Context, ids: list[str]) -> views.NewApiKeyView:
        raise SecretShownOnce("The key was shown when it was made; make another one.", existing_id=ids[0])

    return answer_once(
        lambda context: api_keys.create_api_key(context, caller(), asked),
        body=body,
        present=lambda made: NewKeyAnswer.of(made.api_key, key=made.secret),
        ids=lambda made: [made.api_key.id],
        load=load,
    )


@routes.get("/v1/api-keys", responses={200: KeyList})
@needs("api_keys:write")
def list_keys(query: KeyListQuery) -> Response:
    """Keys, without their secrets."""
    page = api_keys.list_api_keys(
        ledger(), caller(), merchant_id=query.merchant_id, limit=query.limit, cursor=query.cursor
    )
    return list_of(KeyList, page, KeyAnswer.of)


@routes.post("/v1/api-keys/<key_id>/revoke", responses={200: KeyAnswer})
@needs("api_keys:write")
def revoke(path: KeyPath) -> Response:
    """Revoke a key: it opens nothing from now on."""
    return respond(KeyAnswer.of(api_keys.revoke_api_key(ledger(), caller(), path.key_id)))
