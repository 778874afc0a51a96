"""What members were told, for those who write to them: poll, and send on."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, ExpiringAnswer, Facts, Instant, ListAnswer, list_of, respond
from token_service.api.fields import Id, Time
from token_service.api.lists import ListQuery
from token_service.api.members import MemberPath
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import notice_lists

routes = Routes("notices", __name__, abp_tags=[{"name": "Notices"}])

Kind = Literal[
    "tier.upgraded",
    "tier.downgraded",
    "tier.changed",
    "tier.will_downgrade",
    "points.expiring",
    "membership.ending",
    "challenge.completed",
    "badge.awarded",
]


class NoticeBalanceAnswer(Answer):
    """What the member has now. `next_expiry`: the points that expire first; null where none do."""

    available: int
    pending: int
    next_expiry: ExpiringAnswer | None


class NoticeAnswer(Answer):
    """Something that a member was told, once. `data` depends on `kind` (docs/api.md "Notices"); nothing personal is in it.
    `ruleset`: the rules in force then, which name the levels. `balance` is read when you ask, for what you write to the member.
    """

    object: Literal["notice"] = "notice"
    id: str
    key: str = Field(
        description="Never given twice: what you sent under it, you need not send again.",
        examples=["tier.will_downgrade:mem_01JD…:gold:2027-02-28T23:00:00Z"],
    )
    created_at: Instant
    kind: Kind
    member_id: str
    external_id: str | None = Field(description="Your own name for the member.")
    data: Facts
    ruleset: str
    balance: NoticeBalanceAnswer


class NoticeList(ListAnswer[NoticeAnswer]):
    pass


class MemberNoticeQuery(ListQuery):
    kind: Kind | None = None


class NoticeQuery(MemberNoticeQuery):
    """Which part: `after` is what a program that polls goes on with."""

    since: Time | None = Field(default=None, description="Only those of this instant and later.")
    after: Id | None = Field(
        default=None, description="Only those behind the notice of this id: the last one that you got."
    )
    merchant_id: Id | None = Field(default=None, description="With an admin key: only of this merchant's members.")


@routes.get("/v1/notices", responses={200: NoticeList})
@needs("members:read")
def list_all(query: NoticeQuery) -> Response:
    """What your members were told, oldest first. Poll with the last `id` as `after`: none is missed and none comes twice."""
    page = notice_lists.list_notices(ledger(), caller(), **dict(query))
    return list_of(NoticeList, page, NoticeAnswer.of)


@routes.get("/v1/members/<member_id>/notices", responses={200: NoticeList})
@needs("members:read")
def list_of_member(path: MemberPath, query: MemberNoticeQuery) -> Response:
    """What the member was told, newest first."""
    found = notice_lists.list_of_member(ledger(), caller(), path.member_id, **dict(query))
    data = [NoticeAnswer.of(one) for one in found.page]
    return respond(NoticeList(data=data, next_cursor=found.next_cursor))
