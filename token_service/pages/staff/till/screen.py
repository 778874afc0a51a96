"""What every page of the till shows beside its own work: the shop's day. And who the page is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from token_service.ledger.members import get_member
from token_service.ledger.till import LISTED_MAX, day_of
from token_service.ledger.till_benefits import KIND as BENEFIT
from token_service.ledger.till_lines import TillLine
from token_service.ledger.till_vouchers import KIND
from token_service.ledger.views import Member
from token_service.pages.services import services
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till import words
from token_service.program.rewards import value_of

RULE: Final = "till:use"
"""Who may open the till's pages."""


@dataclass(frozen=True)
class Customer:
    """The member that a page is about, as a till may show them."""

    member: Member
    name: str
    tier: str | None
    worth: int | None


def till_page(template: str, status: int = 200, *, lines: int = LISTED_MAX, **more: Any) -> ResponseReturnValue:
    """The page with the newest lines of the day beside it."""
    given, rules = services(), services().ruleset()
    since = start_of_day(given.context.now(), rules.program.time_zone)
    day = day_of(given.context, person(), since, most=lines)
    page = render_template(
        f"till/{template}",
        program=rules.program,
        rules=rules,
        day=day,
        now=given.context.now(),
        title_of=words.title_of,
        about=lambda line: words.about(line, rules),
        who=who,
        address_of=address_of,
        short_name=words.short_name,
        **more,
    )
    return page, status


def till_error(error: str, typed: str = "", *, typed_reference: str = "", status: int = 200) -> ResponseReturnValue:
    """The first page, with what was wrong with what was typed."""
    return till_page("till.html", status, error=error, typed=typed, typed_reference=typed_reference)


def customer(member_id: str) -> Customer:
    """The member, if this till's merchant may see them. Raises NotFound."""
    rules = services().ruleset()
    member = get_member(services().context, person().actor, member_id)
    worth = value_of(rules, member.balance.available) if rules.program.point_value else None
    return Customer(member, words.short_name(member.name), words.tier_of(member, rules), worth)


def who(line: TillLine) -> str:
    """Who did it, as the signed-in person reads it."""
    return words.who(line, person())


def address_of(line: TillLine) -> str:
    """Where the line's receipt is."""
    if line.kind == KIND:
        return url_for("staff.till_used", voucher_id=line.id)
    if line.kind == BENEFIT:
        return url_for("staff.till_benefit_used", use_id=line.id)
    return url_for("staff.till_operation", operation_id=line.id)


def start_of_day(now: datetime, time_zone: str) -> datetime:
    """Midnight at the programme's place, as UTC."""
    zone = ZoneInfo(time_zone)
    return datetime.combine(now.astimezone(zone).date(), time.min, zone).astimezone(UTC)
