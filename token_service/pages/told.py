"""What a member was told: news at the top of the wallet until they have read them, and all of it on a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.ledger.notice_lists import list_of_member, mark_seen
from token_service.ledger.notice_views import MemberNotices
from token_service.ledger.views import Member
from token_service.pages.levels_ahead import LevelsAhead
from token_service.pages.notices_in_words import at_of, notice_in_words
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id
from token_service.program.notices import ENDING, EXPIRING, WILL_DOWNGRADE

NEWS_MAX: Final = 3
LINES_A_PAGE: Final = 20


@dataclass(frozen=True)
class ShownNotice:
    """In words, when it was told, and whether the member has not read it."""

    text: str
    at: datetime
    is_new: bool


@dataclass(frozen=True)
class News:
    """The newest that the member has not read; `newest` is the id that marks all of them as read."""

    lines: list[ShownNotice]
    newest: str
    has_more: bool


def add_to(pages: Blueprint) -> None:
    """Adds /notices."""
    pages.add_url_rule("/notices", "notices", notices)
    pages.add_url_rule("/notices/seen", "notices_seen", notices_seen, methods=["POST"])


def notices() -> ResponseReturnValue:
    """Everything that the member was told, newest first."""
    cursor = request.args.get("cursor")
    found = list_of_member(services().context, actor(), member_id(), limit=LINES_A_PAGE, cursor=cursor)
    return render_template(
        "notices.html",
        program=services().ruleset().program,
        lines=shown(found),
        newest=found.page[0].id if found.unseen and cursor is None else None,
        older=found.next_cursor,
        is_first=cursor is None,
    )


def notices_seen() -> ResponseReturnValue:
    """The member has read what was on the page; back to the wallet. NotFound for what is not theirs."""
    mark_seen(services().context, actor(), request.form.get("newest", ""))
    return redirect(url_for("pages.wallet"), 303)


def shown(found: MemberNotices) -> list[ShownNotice]:
    """Each in words."""
    return [
        ShownNotice(notice_in_words(one, services().ruleset_named(one.ruleset)), one.created_at, one.id in found.unseen)
        for one in found.page
    ]


def news_of(member: Member, ahead: LevelsAhead | None) -> News | None:
    """What is new, without what has been overtaken: a level that was saved, points that have expired."""
    found = list_of_member(services().context, actor(), member.id, limit=LINES_A_PAGE)
    lines = shown(found)
    fresh = [
        line
        for line, one in zip(lines, found.page, strict=True)
        if line.is_new and _still_holds(one.kind, at_of(one), member, ahead)
    ]
    return News(fresh[:NEWS_MAX], found.page[0].id, len(fresh) > NEWS_MAX) if fresh else None


def _still_holds(kind: str, at: datetime | None, member: Member, ahead: LevelsAhead | None) -> bool:
    if kind == WILL_DOWNGRADE:
        return ahead is not None and ahead.at_risk is not None and ahead.at_risk.until == at
    if kind == ENDING:
        return at in _paid_until(member)
    if kind == EXPIRING:
        return at is not None and at > services().context.now()
    return True


def _paid_until(member: Member) -> Sequence[datetime]:
    now = services().context.now()
    return [held.until for held in member.memberships if held.until > now]
