"""Members: enrol, find, balance, statement, freeze."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import (
    Answer,
    BalanceAnswer,
    EntryAnswer,
    Instant,
    ListAnswer,
    list_of,
    respond,
)
from token_service.api.fields import BATCH_SIZE_MAX, Code, Day, Email, Id, Locale, Name, Reason
from token_service.api.input import Body, Path
from token_service.api.lists import ListQuery
from token_service.api.many import Refusal, Unchecked, do_items, refusal
from token_service.api.member_bodies import MemberChangeBody, VerifiedBody
from token_service.api.purchases import BreakdownAnswer
from token_service.api.replays import answer_many, answer_once
from token_service.api.request import BATCH_BODY_BYTES_MAX
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.errors import MereauError
from token_service.ledger import (
    balances,
    benefits,
    closing,
    member_codes,
    members,
    profiles,
    statements,
    views,
    welcomes,
)
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import EnrolOutcome

routes = Routes("members", __name__, abp_tags=[{"name": "Members"}])


class EnrolBody(Body):
    """A person to enrol. `external_id` is the merchant's own name for them, unique for the merchant."""

    external_id: Name
    email: Email | None = None
    name: Name | None = None
    locale: Locale | None = None
    birth_date: Day | None = None
    referral_code: Code | None = Field(
        default=None, description="The code of the member who invited them, or a text of your own."
    )
    device: Code | None = Field(
        default=None,
        description="What names the device they join with. Only a hash is kept, to tell invitations apart.",
    )
    household: Code | None = Field(
        default=None,
        description="What names where they live or how they pay (an address, a card's fingerprint), to tell invitations apart: "
        "only a keyed hash is kept. Capitals and blanks make no difference.",
    )
    verified: VerifiedBody | None = None
    merchant_id: Id | None = Field(default=None, description="With an admin key: who enrols.")

    def resolved(self) -> NewMember:
        """What the ledger is asked."""
        verified = None if self.verified is None else self.verified.resolved()
        return NewMember(**{**dict(self), "verified": verified})


class EnrolManyBody(Body):
    """Up to 1,000 people to enrol."""

    members: list[Annotated[Any, Unchecked(EnrolBody)]] = Field(min_length=1, max_length=BATCH_SIZE_MAX)


class IdentifyBody(Body):
    """The code that a member shows, as it was scanned or typed: capitals, spaces and hyphens make no difference."""

    code: Code = Field(examples=["7QK2-M9XD"])
    merchant_id: Id | None = Field(default=None, description="With an admin key: whom the code is shown to.")


class ReasonBody(Body):
    """Why a person decided so; kept with the member."""

    reason: Reason = "no reason given"


class CloseBody(ReasonBody):
    """Why the account is closed, and whether points that are left are lost."""

    forfeit: bool = Field(
        default=False, description="Take the points that are left, by an adjustment with this reason."
    )


class MemberPath(Path):
    member_id: str = Field(max_length=30)


class BenefitPath(MemberPath):
    benefit_id: str = Field(max_length=40)


class MemberListQuery(ListQuery):
    external_id: Name | None = None
    merchant_id: Id | None = Field(default=None, description="With an admin key: only members of this merchant.")


class NextTierAnswer(Answer):
    """The next level up and what is missing, in what the ruleset qualifies by (minor units, points, orders or engagement)."""

    id: str
    missing: int


class HeldMembershipAnswer(Answer):
    """A paid membership that the member holds now; `until` is the end of what is paid."""

    id: str
    until: Instant


class MemberAnswer(Answer):
    """A member, with their address on the chain."""

    object: Literal["member"] = "member"
    id: str
    created_at: Instant
    merchant_id: str
    external_id: str | None
    email: str | None
    name: str | None
    locale: str | None
    birth_date: date | None
    referral_code: str | None
    address: str
    state: str
    frozen: bool
    tier: str | None
    next_tier: NextTierAnswer | None
    memberships: list[HeldMembershipAnswer]
    segments: list[str]
    merged_into: str | None = Field(description="The member that this one became part of.")
    balance: BalanceAnswer


class WelcomeAnswer(Answer):
    """What joining brought: `given`, `nothing` (the breakdown says why: the person had it with another card, …), or `waiting`
    until it is known who the member is (`verified`)."""

    state: Literal["given", "nothing", "waiting"]
    points: int
    breakdown: list[BreakdownAnswer]


class EnrolledMember(MemberAnswer):
    """The member, and what joining brought them; null where the rules give nothing for it, or nothing could be issued."""

    welcome: WelcomeAnswer | None


class MemberList(ListAnswer[MemberAnswer]):
    pass


class BenefitAnswer(Answer):
    """Whether a member may use a benefit now. `reason`: `tier` (the level `tier` grants it, until `until` if that level is on its
    way down), `membership` (`membership` grants it, paid until `until`), `campaign` (`campaign` grants it until `until`),
    `used_up`, `tier_needed` (`needs` says which; null if only a lower level has it), `membership_needed` (one of
    `needs_memberships`), `campaign_needed` (one of `needs_campaigns`), `member_frozen`,
    `member_leaving` for a closed account.

    It may be used `times` in `every` (null: without a limit): `used` of them are, `left` are not, the next one is free again at
    `next_at`."""

    object: Literal["benefit"] = "benefit"
    id: str
    granted: bool
    reason: str
    tier: str | None
    until: Instant | None
    needs: NextTierAnswer | None
    membership: str | None
    needs_memberships: list[str]
    campaign: str | None
    needs_campaigns: list[str]
    times: int | None
    every: str | None = Field(
        description="In any stretch of this length; null: in all, of a membership in its paid period."
    )
    used: int
    left: int | None
    next_at: Instant | None


class BenefitList(Answer):
    """Every benefit of the rules in force."""

    object: Literal["list"] = "list"
    data: list[BenefitAnswer]


class EntryList(ListAnswer[EntryAnswer]):
    pass


class Enrolled(Answer):
    """201: enrolled now; 200: enrolled before with the same content."""

    status: int
    member: EnrolledMember


class EnrolManyAnswer(Answer):
    """One result for each item, in order."""

    object: Literal["list"] = "list"
    data: list[Enrolled | Refusal]


@routes.post("/v1/members", responses={201: EnrolledMember, 200: EnrolledMember})
@needs("members:write", idempotent=True)
def enrol(body: EnrolBody) -> Response:
    """Enrol a member.

    The same `external_id` with the same content answers 200 with the first member; with other content 409."""

    def load(context: Context, ids: list[str]) -> EnrolOutcome:
        welcome = welcomes.get_welcome(context, caller(), ids[0])
        return EnrolOutcome(members.get_member(context, caller(), ids[0]), created=False, welcome=welcome)

    return answer_once(
        lambda context: members.enrol(context, caller(), body.resolved()),
        body=body,
        present=_with_welcome,
        ids=lambda outcome: [outcome.member.id],
        load=load,
        status=lambda outcome: 201 if outcome.created else 200,
    )


@routes.post("/v1/members:batch", responses={200: EnrolManyAnswer})
@needs("members:write", idempotent=True, body_bytes_max=BATCH_BODY_BYTES_MAX)
def enrol_many(body: EnrolManyBody) -> Response:
    """Enrol up to 1,000 members; each succeeds or fails on its own."""
    return answer_many(
        lambda context: do_items(
            body.members, EnrolBody, EnrolBody.resolved, lambda items: members.enrol_batch(context, caller(), items)
        ),
        body=body,
        present=lambda results: EnrolManyAnswer(data=[_enrolled(result) for result in results]),
    )


def _enrolled(result: EnrolOutcome | MereauError) -> Enrolled | Refusal:
    if isinstance(result, MereauError):
        return refusal(result)
    return Enrolled(status=201 if result.created else 200, member=_with_welcome(result))


def _with_welcome(outcome: EnrolOutcome) -> EnrolledMember:
    said = None if outcome.welcome is None else WelcomeAnswer.of(outcome.welcome)
    return EnrolledMember.of(outcome.member, welcome=said)


@routes.post("/v1/members:identify", responses={200: MemberAnswer})
@needs("members:write")
def identify(body: IdentifyBody) -> Response:
    """Find the member who shows a code.

    The merchant may see this member from now on. A code lives for five minutes and may be asked again until then; unknown and
    expired ones are answered alike, and too many of them 429."""
    return respond(MemberAnswer.of(member_codes.member_by_code(ledger(), caller(), body.code, body.merchant_id)))


@routes.get("/v1/members", responses={200: MemberList})
@needs("members:read")
def list_members(query: MemberListQuery) -> Response:
    """List members, or find the one with an `external_id`."""
    page: views.Page[views.Member] = members.list_members(
        ledger(),
        caller(),
        merchant_id=query.merchant_id,
        external_id=query.external_id,
        limit=query.limit,
        cursor=query.cursor,
    )
    return list_of(MemberList, page, MemberAnswer.of)


@routes.get("/v1/members/<member_id>", responses={200: MemberAnswer})
@needs("members:read")
def get_member(path: MemberPath) -> Response:
    """One member."""
    return respond(MemberAnswer.of(members.get_member(ledger(), caller(), path.member_id)))


@routes.patch("/v1/members/<member_id>", responses={200: EnrolledMember})
@needs("members:write")
def change_member(path: MemberPath, body: MemberChangeBody) -> Response:
    """Put right what you know of a person whom you enrolled, or say by what they are known.

    A welcome that waited for that is given now, once for each person. Which fields changed, and by whom, is kept. Repeatable."""
    done = profiles.change_member(ledger(), caller(), path.member_id, body.resolved())
    return respond(_with_welcome(EnrolOutcome(done.member, created=False, welcome=done.welcome)))


@routes.get("/v1/members/<member_id>/balance", responses={200: BalanceAnswer})
@needs("members:read")
def get_balance(path: MemberPath) -> Response:
    """A member's points: to spend, pending, held, owed, about to expire, and what the chain says."""
    return respond(BalanceAnswer.of(balances.get_balance(ledger(), caller(), path.member_id)))


@routes.get("/v1/members/<member_id>/benefits", responses={200: BenefitList})
@needs("members:read")
def list_benefits(path: MemberPath) -> Response:
    """What the member may use beside points, and what the other benefits need."""
    found = benefits.list_benefits(ledger(), caller(), path.member_id)
    return respond(BenefitList(data=[BenefitAnswer.of(one) for one in found]))


@routes.get("/v1/members/<member_id>/benefits/<benefit_id>", responses={200: BenefitAnswer})
@needs("members:read")
def get_benefit(path: BenefitPath) -> Response:
    """Whether the member may use this benefit now, and why."""
    return respond(BenefitAnswer.of(benefits.get_benefit(ledger(), caller(), path.member_id, path.benefit_id)))


@routes.get("/v1/members/<member_id>/entries", responses={200: EntryList})
@needs("members:read")
def list_entries(path: MemberPath, query: ListQuery) -> Response:
    """The member's statement, newest first; its points sum to the balance."""
    page = statements.list_entries(ledger(), caller(), path.member_id, limit=query.limit, cursor=query.cursor)
    return list_of(EntryList, page, EntryAnswer.of)


@routes.post("/v1/members/<member_id>/freeze", responses={200: MemberAnswer})
@needs("members:write")
def freeze(path: MemberPath, body: ReasonBody) -> Response:
    """Freeze a member: no points move until somebody unfreezes."""
    return respond(MemberAnswer.of(members.freeze(ledger(), caller(), path.member_id, body.reason)))


@routes.post("/v1/members/<member_id>/close", responses={200: MemberAnswer})
@needs("adjustments:write")
def close(path: MemberPath, body: CloseBody) -> Response:
    """Close a member's account: nothing more is earned or used with it. Points that are left need `forfeit`. Repeatable."""
    closed = closing.close_member(ledger(), caller(), path.member_id, body.reason, forfeit=body.forfeit)
    return respond(MemberAnswer.of(closed))


@routes.post("/v1/members/<member_id>/reopen", responses={200: MemberAnswer})
@needs("adjustments:write")
def reopen(path: MemberPath, body: ReasonBody) -> Response:
    """Open a closed account again. Points that were forfeited stay so."""
    return respond(MemberAnswer.of(closing.reopen_member(ledger(), caller(), path.member_id, body.reason)))


@routes.post("/v1/members/<member_id>/unfreeze", responses={200: MemberAnswer})
@needs("members:write")
def unfreeze(path: MemberPath, body: ReasonBody) -> Response:
    """End a freeze."""
    return respond(MemberAnswer.of(members.unfreeze(ledger(), caller(), path.member_id, body.reason)))
