"""Adjustments above the ruleset's limit: proposed with one key, decided with another."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.adjustments import AdjustmentAnswer, AdjustmentBody
from token_service.api.answers import Answer, Instant, ListAnswer, respond
from token_service.api.input import NothingBody, Path
from token_service.api.replays import answer_move, answer_once
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import proposals

routes = Routes("proposals", __name__, abp_tags=[{"name": "Adjustments"}])


class ProposalPath(Path):
    proposal_id: str = Field(max_length=30)


class ProposalAnswer(Answer):
    """An adjustment that waits for a second person, or what became of it."""

    object: Literal["proposal"] = "proposal"
    id: str
    created_at: Instant
    reference: str
    member_id: str
    merchant_id: str | None
    points: int
    reason: str
    proposed_by: str
    state: Literal["open", "approved", "declined"]
    decided_by: str | None
    decided_at: Instant | None
    adjustment_id: str | None


class ProposalList(ListAnswer[ProposalAnswer]):
    pass


@routes.post("/v1/adjustment-proposals", responses={201: ProposalAnswer})
@needs("adjustments:write", idempotent=True)
def propose(body: AdjustmentBody) -> Response:
    """Propose an adjustment that the ruleset's limit leaves to a second person. Nothing moves yet."""
    asked = body.resolved()
    return answer_once(
        lambda context: proposals.propose_adjustment(context, caller(), asked),
        body=body,
        present=ProposalAnswer.of,
        ids=lambda proposal: [proposal.id],
        load=lambda context, ids: proposals.get_proposal(context, caller(), ids[0]),
    )


@routes.get("/v1/adjustment-proposals", responses={200: ProposalList})
@needs("adjustments:write")
def list_open() -> Response:
    """What waits for a second person, oldest first."""
    data = [ProposalAnswer.of(one) for one in proposals.open_proposals(ledger(), caller())]
    return respond(ProposalList(data=data, next_cursor=None))


@routes.get("/v1/adjustment-proposals/<proposal_id>", responses={200: ProposalAnswer})
@needs("adjustments:write")
def get(path: ProposalPath) -> Response:
    """One proposal."""
    return respond(ProposalAnswer.of(proposals.get_proposal(ledger(), caller(), path.proposal_id)))


@routes.post("/v1/adjustment-proposals/<proposal_id>/approve", responses={201: AdjustmentAnswer, 200: AdjustmentAnswer})
@needs("adjustments:write", idempotent=True)
def approve(path: ProposalPath, body: NothingBody) -> Response:
    """Make the adjustment, with another key than the one that proposed it."""
    return answer_move(
        lambda context: proposals.approve_proposal(context, caller(), path.proposal_id),
        body=body,
        shape=AdjustmentAnswer,
        name="adjustment",
    )


@routes.post("/v1/adjustment-proposals/<proposal_id>/decline", responses={200: ProposalAnswer})
@needs("adjustments:write")
def decline(path: ProposalPath, body: NothingBody) -> Response:
    """Decline it: nothing moves. Repeatable."""
    return respond(ProposalAnswer.of(proposals.decline_proposal(ledger(), caller(), path.proposal_id)))
