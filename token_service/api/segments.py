"""The segments that a member is in."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import respond
from token_service.api.input import Body
from token_service.api.members import MemberAnswer, MemberPath
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import segments

routes = Routes("segments", __name__, abp_tags=[{"name": "Members"}])
SEGMENTS_MAX = 100


class SegmentsBody(Body):
    """All the segments that the member is in from now on; an empty list takes them out of all."""

    segments: list[str] = Field(max_length=SEGMENTS_MAX, examples=[["regulars"]])


@routes.put("/v1/members/<member_id>/segments", responses={200: MemberAnswer})
@needs("members:write")
def set_segments(path: MemberPath, body: SegmentsBody) -> Response:
    """Say which of the rules' segments a member is in. With an admin key: everybody's offers depend on it. Repeatable."""
    return respond(MemberAnswer.of(segments.set_segments(ledger(), caller(), path.member_id, body.segments)))
