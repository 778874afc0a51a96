"""Rulesets: read what is in force, draft and check, publish with notice."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import Field, StringConstraints

from token_service.api.access import caller, needs, public
from token_service.api.answers import Answer, Instant, ListAnswer, list_of, respond
from token_service.api.fields import Time
from token_service.api.input import Body, Path
from token_service.api.lists import ListQuery
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.errors import NotFound
from token_service.ledger import rulesets, views

routes = Routes("rulesets", __name__, abp_tags=[{"name": "Rulesets"}])
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
DOCUMENT_CHARACTERS_MAX = 500_000


class DraftBody(Body):
    """A ruleset as a JSON object, or as text in YAML or JSON (docs/rulesets.md has every key)."""

    document: dict[str, Any] | Annotated[str, StringConstraints(min_length=1, max_length=DOCUMENT_CHARACTERS_MAX)]
    base_hash: Hash | None = Field(
        default=None, description="For an addendum: the published ruleset that it only adds to; it may act at once."
    )

    def text(self) -> str:
        """The document as text."""
        return self.document if isinstance(self.document, str) else json.dumps(self.document)


class PublishBody(Body):
    """From when the ruleset is in force: at least the programme's notice period ahead, or (null) as soon as that allows."""

    effective_at: Time | None = None


class RulesetPath(Path):
    hash: str = Field(max_length=80)


class RulesetAnswer(Answer):
    """One immutable version of the rules; `hash` is the keccak-256 of `document` as RFC 8785 JSON."""

    object: Literal["ruleset"] = "ruleset"
    hash: str
    state: str
    base_hash: str | None
    effective_at: Instant | None
    created_at: Instant
    document: dict[str, Any]


class RulesetList(ListAnswer[RulesetAnswer]):
    pass


def present(view: views.RulesetView) -> RulesetAnswer:
    """The answer for one ruleset."""
    return RulesetAnswer.of(view, document=json.loads(view.document))


@routes.get("/v1/rulesets", responses={200: RulesetList})
@needs("program:read")
def list_rulesets(query: ListQuery) -> Response:
    """All rulesets, drafts included, in the order of their hashes."""
    return list_of(RulesetList, rulesets.list_rulesets(ledger(), limit=query.limit, cursor=query.cursor), present)


@routes.get("/v1/rulesets/<hash>", responses={200: RulesetAnswer})
@public()
def get(path: RulesetPath) -> Response:
    """A published ruleset. Public: the auditor reads it here. Drafts are not."""
    view = rulesets.get_ruleset(ledger(), path.hash)
    if view.state == "draft":
        raise NotFound("There is no published ruleset with this hash.")
    return respond(present(view))


@routes.post("/v1/rulesets", responses={201: RulesetAnswer})
@needs("rulesets:write")
def draft(body: DraftBody) -> Response:
    """Check a ruleset and keep it as a draft; errors name the place. The same document again answers the same draft."""
    return respond(present(rulesets.draft(ledger(), caller(), body.text(), body.base_hash)), 201)


@routes.post("/v1/rulesets/<hash>/publish", responses={200: RulesetAnswer})
@needs("rulesets:write")
def publish(path: RulesetPath, body: PublishBody) -> Response:
    """Publish a draft on the chain, with notice; it is in force from `effective_at` on."""
    return respond(present(rulesets.publish(ledger(), caller(), path.hash, body.effective_at)))
