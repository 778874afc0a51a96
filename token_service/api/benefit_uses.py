"""Benefits used: a merchant records that a member uses one, takes that back, and lists what was used."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, list_of, respond
from token_service.api.fields import Id, Reason, Reference
from token_service.api.input import Body
from token_service.api.lists import ListQuery
from token_service.api.members import BenefitPath
from token_service.api.replays import answer_once
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import benefit_using
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewBenefitUse, NewUseReversal
from token_service.ledger.views import UseOutcome

routes = Routes("benefit_uses", __name__, abp_tags=[{"name": "Benefits"}])


class BenefitUseBody(Body):
    """The use's own name, and where it is."""

    reference: Reference
    merchant_id: Id | None = Field(default=None, description="With an admin key: where the benefit is used.")
    store_id: Id | None = None
    note: Reason | None = Field(default=None, description="For the merchant's own records; kept with the use.")

    def resolved(self) -> NewBenefitUse:
        """What the ledger is asked."""
        return NewBenefitUse(**dict(self))


class UseReversalBody(Body):
    """The reversal's own name, and why."""

    reference: Reference
    reason: Reason | None = None

    def resolved(self) -> NewUseReversal:
        """What the ledger is asked."""
        return NewUseReversal(**dict(self))


class UsePath(BenefitPath):
    use_id: str = Field(max_length=30)


class BenefitUseAnswer(Answer):
    """One use. `granted_by` is what let the member use it, `grant` its id. It might be used `times` in `every` (null: any
    number); `used` of them were with this one, and `left` were not. `reversed_at`: it was taken back and counts no more."""

    object: Literal["benefit_use"] = "benefit_use"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    store_id: str | None
    benefit: str
    note: str | None
    granted_by: Literal["tier", "membership", "campaign"]
    grant: str
    times: int | None
    every: str | None
    used: int
    left: int | None
    reversed_at: Instant | None
    ruleset: str


class BenefitUseList(ListAnswer[BenefitUseAnswer]):
    pass


PATH = "/v1/members/<member_id>/benefits/<benefit_id>/uses"


@routes.post(PATH, responses={201: BenefitUseAnswer, 200: BenefitUseAnswer})
@needs("redemptions:write", idempotent=True)
def use(path: BenefitPath, body: BenefitUseBody) -> Response:
    """Use a benefit, if the member may now: it counts against its limit. One without a limit is recorded, too.

    Refused with 409 and the reason as the code: `tier_needed`, `membership_needed`, `campaign_needed`, `used_up` (with
    `next_at`), `member_frozen`, `member_leaving`."""
    asked = body.resolved()

    def run(context: Context) -> UseOutcome:
        return benefit_using.use_benefit(context, caller(), path.member_id, path.benefit_id, asked)

    return answer_once(
        run,
        body=body,
        present=lambda done: BenefitUseAnswer.of(done.use),
        ids=lambda done: [done.use.id],
        load=lambda context, _ids: run(context),
        status=lambda done: 200 if done.replayed else 201,
    )


@routes.get(PATH, responses={200: BenefitUseList})
@needs("redemptions:read")
def list_uses(path: BenefitPath, query: ListQuery) -> Response:
    """When the member used this benefit, newest first; a merchant sees what was used with it."""
    page = benefit_using.list_uses(
        ledger(), caller(), path.member_id, benefit=path.benefit_id, limit=query.limit, cursor=query.cursor
    )
    return list_of(BenefitUseList, page, BenefitUseAnswer.of)


@routes.get(PATH + "/<use_id>", responses={200: BenefitUseAnswer})
@needs("redemptions:read")
def get(path: UsePath) -> Response:
    """One use."""
    asked = path.use_id, path.member_id, path.benefit_id
    return respond(BenefitUseAnswer.of(benefit_using.get_use(ledger(), caller(), *asked)))


@routes.post(PATH + "/<use_id>/reversals", responses={201: BenefitUseAnswer, 200: BenefitUseAnswer})
@needs("redemptions:write", idempotent=True)
def reverse(path: UsePath, body: UseReversalBody) -> Response:
    """Take a use back, once: it is free again."""
    asked = body.resolved()

    def run(context: Context) -> UseOutcome:
        where = {"use_id": path.use_id, "member_id": path.member_id, "benefit": path.benefit_id}
        return benefit_using.reverse_use(context, caller(), asked, **where)

    return answer_once(
        run,
        body=body,
        present=lambda done: BenefitUseAnswer.of(done.use),
        ids=lambda done: [done.use.id],
        load=lambda context, _ids: run(context),
        status=lambda done: 200 if done.replayed else 201,
    )
