"""Two accounts of one person that become one."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, respond
from token_service.api.fields import Id, Reason
from token_service.api.input import Body
from token_service.api.members import MemberAnswer, MemberPath
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import merging

routes = Routes("merging", __name__, abp_tags=[{"name": "Members"}])


class MergeBody(Body):
    """The account that stays, and how somebody knows that both are one person's."""

    into: Id = Field(description="The member that stays; the one of the path becomes part of it.")
    reason: Reason


class MergeWaits(Answer):
    """Nothing has happened yet: somebody with another key must ask for the same."""

    object: Literal["merge_request"] = "merge_request"
    member_id: str
    into: str


@routes.post("/v1/members/<member_id>/merge", responses={200: MemberAnswer, 202: MergeWaits})
@needs("adjustments:write")
def merge(path: MemberPath, body: MergeBody) -> Response:
    """Make one account of two: points, purchases, levels and limits go to the one that stays. For ever. Above the limit of
    adjustments a second key must ask for the same (202). Repeatable.
    """
    done = merging.merge_members(ledger(), caller(), path.member_id, body.into, body.reason)
    if done.waits:
        return respond(MergeWaits(member_id=path.member_id, into=body.into), 202)
    return respond(MemberAnswer.of(done.member))
