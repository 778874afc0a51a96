"""The programme as anybody may see it, and its rewards."""

from __future__ import annotations

import json
from typing import Any, Literal

from flask import Response, request
from pydantic import Field

from token_service.api.access import needs, public
from token_service.api.answers import Answer, Instant, ListAnswer, MoneyAnswer, respond
from token_service.api.durations import duration_of
from token_service.api.merchants import CeilingAnswer, present_ceiling
from token_service.api.reward_terms import TermsAnswer
from token_service.api.routing import Routes
from token_service.api.services import ledger, services
from token_service.ledger import merchants, program_setup, rulesets, stock, views
from token_service.ledger.reward_terms import terms_of
from token_service.program.ruleset import parse_ruleset

routes = Routes("program", __name__, abp_tags=[{"name": "Program"}])


class RulesetSummary(Answer):
    """A version of the rules; GET /v1/rulesets/{hash} has the document."""

    hash: str
    state: str
    base_hash: str | None
    effective_at: Instant | None


class TotalsAnswer(Answer):
    """Σ over the programme, by kind; `outstanding` is what members hold."""

    issued: int
    redeemed: int
    expired: int
    reversed: int
    restored: int
    donated: int
    adjusted_up: int
    adjusted_down: int
    outstanding: int
    pending: int
    debt: int
    members: int


class PartyAnswer(Answer):
    """Who stands behind entries on the chain, and what it may issue."""

    party: int
    name: str
    ceiling: CeilingAnswer


class ProgramAnswer(Answer):
    """The one loyalty programme of this deployment."""

    object: Literal["program"] = "program"
    name: str
    currency: str
    created_at: Instant
    contract: str | None
    chain_id: int
    rpc_url: str | None
    embedded: bool
    promise_address: str
    notice_period: str
    paused: bool
    sunset_at: Instant | None
    moved_clock: bool = Field(description="Whether a test clock moves the time here.")
    ruleset: RulesetSummary | None
    next_ruleset: RulesetSummary | None
    totals: TotalsAnswer
    liability: MoneyAnswer
    parties: list[PartyAnswer]


class RewardAnswer(Answer):
    """Something that points buy; the price is a rule, as are `terms`."""

    object: Literal["reward"] = "reward"
    id: str
    kind: str
    points: int
    rules: dict[str, Any] = Field(description="The reward as the ruleset in force writes it.")
    points_by_level: dict[str, int] = Field(description="The price for members of a level, where it is another.")
    terms: TermsAnswer
    pieces_left: int | None = Field(description="How many are left; null: no end of them.")


class RewardList(ListAnswer[RewardAnswer]):
    pass


def rpc_url() -> str | None:
    """The node that clients may read the chain from: as configured, or our own /rpc."""
    given = services()
    if given.rpc_url is not None or given.answer_rpc is None:
        return given.rpc_url
    base = given.public_url or request.host_url.rstrip("/")
    return f"{base}/rpc"


@routes.get("/v1/program", responses={200: ProgramAnswer})
@public()
def get() -> Response:
    """The programme: contract, chain, rules in force and next, totals, ceilings."""
    program = program_setup.get_books(ledger())
    return respond(
        ProgramAnswer.of(
            program,
            rpc_url=rpc_url(),
            notice_period=duration_of(program.notice_period_seconds),
            moved_clock=services().moved_clock,
            ruleset=_summary(program.ruleset),
            next_ruleset=_summary(program.next_ruleset),
            parties=_parties(),
        )
    )


@routes.get("/v1/rewards", responses={200: RewardList})
@needs("program:read")
def list_rewards() -> Response:
    """The rewards of the ruleset in force."""
    context = ledger()
    text = rulesets.ruleset_in_force(context, context.now()).document
    document, ruleset = json.loads(text), parse_ruleset(text)
    left = stock.stock_of(context)
    data = [
        RewardAnswer(
            id=reward["id"],
            kind=reward["kind"],
            points=reward["points"],
            points_by_level=reward.get("points_by_level", {}),
            terms=TermsAnswer.of(terms_of(rules, document["program"]["currency"])),
            rules=reward,
            pieces_left=left.get(reward["id"]),
        )
        for reward, rules in zip(document.get("rewards", []), ruleset.rewards, strict=True)
    ]
    return respond(RewardList(data=data, next_cursor=None))


def _summary(ruleset: views.RulesetView | None) -> RulesetSummary | None:
    return RulesetSummary.of(ruleset) if ruleset else None


def _parties() -> list[PartyAnswer]:
    """Every party, by number: names and ceilings are public on the chain as well."""
    parties = merchants.public_merchants(ledger())
    return [PartyAnswer.of(party, ceiling=present_ceiling(party.ceiling)) for party in parties]
