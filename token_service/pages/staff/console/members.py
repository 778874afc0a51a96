"""Members: searched, and one member's whole story on one page."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.ledger.context import Actor
from token_service.ledger.member_search import TEXT_LENGTH_MAX, search_members
from token_service.ledger.member_story import actor_names, known_by, merged_parts, open_lots_of, story
from token_service.ledger.members import get_member
from token_service.ledger.notice_lists import list_of_member
from token_service.ledger.pending_awards import pending_awards
from token_service.ledger.profiles import list_data_changes
from token_service.ledger.staff_members import is_own
from token_service.ledger.staff_trail import list_actions
from token_service.ledger.users import list_user_changes, list_users
from token_service.ledger.views import Member
from token_service.pages.breakdown import own_name
from token_service.pages.levels_ahead import levels_ahead
from token_service.pages.lines import place_of
from token_service.pages.services import services
from token_service.pages.staff.console.deeds import fields_named, told
from token_service.pages.staff.console.story_lines import actor_of, story_line
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.told import shown
from token_service.pages.wallet import TierProgress, WaitingPoints, tier_progress

LINES_A_PAGE = 25
ACTIONS_SHOWN = 20
NOTICES_SHOWN = 10


@dataclass(frozen=True)
class SegmentChoice:
    """A segment of the rules, and whether the member is in it."""

    id: str
    name: str
    is_in: bool


@dataclass(frozen=True)
class MayDo:
    """What this person may do to this member; `is_own`: nothing, because it is their own account."""

    adjust: bool
    freeze: bool
    is_own: bool


def add_to(pages: Blueprint) -> None:
    """Adds /console/members."""
    add_page(pages, "/console/members", "members", members, "members:read")
    add_page(pages, "/console/members/<member_id>", "member", member, "members:read")


def members() -> ResponseReturnValue:
    """The search, and who is found; without a text the newest members."""
    text, cursor = request.args.get("q", "")[:TEXT_LENGTH_MAX], request.args.get("cursor")
    given = services()
    return render_template(
        "staff/console/members.html",
        program=given.ruleset().program,
        text=text,
        found=search_members(given.context, text, cursor=cursor),
        is_first=cursor is None,
    )


def member(member_id: str) -> ResponseReturnValue:
    """The whole page, or with ?cursor= an older part of the story, with ?part= that of an account that became part of it.

    NotFound for nobody's id; the id of such an account leads to the one that stayed.
    """
    found = get_member(services().context, person().actor, member_id)
    if found.id != member_id:
        return redirect(url_for("staff.member", member_id=found.id, part=member_id))
    return member_page(member_id)


def member_page(member_id: str, freezing: str | None = None, closing: str | None = None) -> str:
    """The page of one member; `freezing`, `closing`: why that could not be done."""
    given, cursor = services(), request.args.get("cursor")
    found = get_member(given.context, person().actor, member_id)
    rules = given.ruleset()
    parts = merged_parts(given.context, member_id)
    part = next((one for one in parts if one.id == request.args.get("part")), None)
    lines = story(given.context, member_id if part is None else part.id, limit=LINES_A_PAGE, cursor=cursor)
    actions = list_actions(given.context, member_id=member_id, limit=ACTIONS_SHOWN)
    changes = list_user_changes(given.context, person().actor, member_id, most=ACTIONS_SHOWN)
    corrected = list_data_changes(given.context, person().actor, member_id, most=ACTIONS_SHOWN)
    names = actor_names(given.context, (actor for line in lines.data if (actor := actor_of(line))))
    return render_template(
        "staff/console/member.html",
        program=rules.program,
        member=found,
        balance=found.balance,
        may_do=_may_do(found),
        tier=_tier(found),
        ahead=levels_ahead(rules, found, person().actor),
        waiting=_waiting(member_id),
        lots=open_lots_of(given.context, member_id),
        known_by=known_by(given.context, member_id),
        users=list_users(given.context, person().actor, member_id),
        user_changes=changes,
        changers=actor_names(given.context, [*(one.done_by for one in changes), *(one.done_by for one in corrected)]),
        data_changes=corrected,
        fields_named=fields_named,
        actions=[told(action) for action in actions.data],
        has_more_actions=actions.next_cursor is not None,
        notices=shown(list_of_member(given.context, person().actor, member_id, limit=NOTICES_SHOWN)),
        lines=[story_line(line, names) for line in lines.data],
        older=lines.next_cursor,
        parts=parts,
        part=part,
        is_first=cursor is None,
        done=request.args.get("done"),
        freezing=freezing,
        closing=closing,
        segments=[SegmentChoice(one.id, own_name(one), one.id in found.segments) for one in rules.segments],
    )


def _may_do(found: Member) -> MayDo:
    own = is_own(services().context, person(), found.id)
    return MayDo(
        adjust=person().may("members:adjust") and not own, freeze=person().may("members:freeze") and not own, is_own=own
    )


def _tier(found: Member) -> TierProgress | None:
    return tier_progress(services().ruleset(), found)


def _waiting(member_id: str) -> list[WaitingPoints]:
    awards = pending_awards(services().context, Actor.member(member_id), member_id)
    return [WaitingPoints(award, place_of(award.merchant_name, award.store_name)) for award in awards]
