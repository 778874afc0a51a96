"""The people of a company that is a member."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, respond
from token_service.api.fields import Email, Name
from token_service.api.input import Body, NothingBody, Path
from token_service.api.members import MemberPath
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import users

routes = Routes("users", __name__, abp_tags=[{"name": "Members"}])


class UserBody(Body):
    """Somebody who signs in to the member with an e-mail address of their own."""

    email: Email
    name: Name | None = None


class UserPath(Path):
    member_id: str = Field(max_length=30)
    user_id: str = Field(max_length=30)


class UserAnswer(Answer):
    """Somebody who signs in to the member."""

    object: Literal["user"] = "user"
    id: str
    member_id: str
    email: str
    name: str | None
    since: Instant


class UserList(Answer):
    """Everybody who signs in to the member, beside its own address."""

    object: Literal["list"] = "list"
    data: list[UserAnswer]


def _list(member_id: str) -> UserList:
    return UserList(data=[UserAnswer.of(one) for one in users.list_users(ledger(), caller(), member_id)])


@routes.get("/v1/members/<member_id>/users", responses={200: UserList})
@needs("members:read")
def list_users(path: MemberPath) -> Response:
    """Who signs in to the member beside its own address. For the merchant that enrolled it."""
    return respond(_list(path.member_id))


@routes.post("/v1/members/<member_id>/users", responses={201: UserAnswer})
@needs("members:write")
def add_user(path: MemberPath, body: UserBody) -> Response:
    """Let somebody of a company sign in to its wallet. Repeatable: the same address is the same person."""
    return respond(UserAnswer.of(users.add_user(ledger(), caller(), path.member_id, body.email, body.name)), 201)


@routes.post("/v1/members/<member_id>/users/<user_id>/remove", responses={200: UserList})
@needs("members:write")
def remove_user(path: UserPath, body: NothingBody) -> Response:
    """Somebody no longer signs in to the member; they are signed out at once. Repeatable."""
    users.remove_user(ledger(), caller(), path.member_id, path.user_id)
    return respond(_list(path.member_id))
