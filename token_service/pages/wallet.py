"""The wallet: what a member has, what it is worth, what comes next, vouchers to show, and the newest lines. Moves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from token_service.ledger.benefits import list_benefits
from token_service.ledger.challenge_standings import list_badges
from token_service.ledger.members import get_member
from token_service.ledger.pending_awards import PendingAward, pending_awards
from token_service.ledger.statements import list_entries
from token_service.ledger.views import ExpiringPoints, Member
from token_service.pages.benefits_in_words import ShownBenefit, shown_benefit
from token_service.pages.breakdown import level_named, membership_named_in_words
from token_service.pages.challenges import own_challenges
from token_service.pages.levels_ahead import levels_ahead
from token_service.pages.lines import place_of
from token_service.pages.rewards import rewards_in_reach
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id
from token_service.pages.statement import span_of
from token_service.pages.told import news_of
from token_service.pages.vouchers import ShownVoucher, own_vouchers
from token_service.program.events import pays_for_referrals
from token_service.program.rewards import value_of
from token_service.program.ruleset import Ruleset

LINES_A_PAGE: Final = 20
EXPIRING_WITHIN: Final = timedelta(days=90)
EXPIRING_SHOWN_MAX: Final = 3
REWARDS_SHOWN_MAX: Final = 5
VOUCHERS_SHOWN_MAX: Final = 3
OVER_SHOWN_MAX: Final = 2
CHALLENGES_SHOWN_MAX: Final = 3


@dataclass(frozen=True)
class TierProgress:
    """The member's level, and the way from its threshold to the next one's: `done` of `whole`, in the unit `by`."""

    name: str | None
    next_name: str | None
    missing: int
    done: int
    whole: int
    by: str


@dataclass(frozen=True)
class OwnMembership:
    """A paid membership in words; `until` is the end of what is paid, `is_over`: only the grace is left."""

    name: str
    until: datetime
    is_over: bool


@dataclass(frozen=True)
class WaitingPoints:
    """Points of one purchase on their way into the balance."""

    award: PendingAward
    title: str


def add_to(pages: Blueprint) -> None:
    """Adds /wallet."""
    pages.add_url_rule("/wallet", "wallet", wallet)


def wallet() -> ResponseReturnValue:
    """The whole page, or with ?cursor= an older part of the statement."""
    given, cursor = services(), request.args.get("cursor")
    member = get_member(given.context, actor(), member_id())
    entries = list_entries(given.context, actor(), member.id, limit=LINES_A_PAGE, cursor=cursor)
    rules = given.ruleset()
    waiting = () if cursor else pending_awards(given.context, actor(), member.id)
    vouchers, other_vouchers = ([], 0) if cursor else _vouchers()
    ahead = None if cursor else levels_ahead(rules, member, actor())
    return render_template(
        "wallet.html",
        program=rules.program,
        member=member,
        balance=member.balance,
        worth=value_of(rules, member.balance.available) if rules.program.point_value else None,
        tier=tier_progress(rules, member),
        ahead=ahead,
        news=None if cursor else news_of(member, ahead),
        memberships=own_memberships(rules, member),
        benefits=[] if cursor else own_benefits(rules, member),
        can_invite=pays_for_referrals(rules),
        expiring=_soon(member.balance.expiring),
        rewards=rewards_in_reach(rules)[:REWARDS_SHOWN_MAX],
        challenges=[] if cursor else own_challenges()[:CHALLENGES_SHOWN_MAX],
        has_badges=not cursor and bool(list_badges(services().context, actor(), member_id())),
        vouchers=vouchers,
        other_vouchers=other_vouchers,
        waiting=[WaitingPoints(award, place_of(award.merchant_name, award.store_name)) for award in waiting],
        span=span_of(entries.data),
        older=entries.next_cursor,
        is_first=cursor is None,
    )


def tier_progress(rules: Ruleset, member: Member) -> TierProgress | None:
    """Where the member stands among the levels; None if the programme has none."""
    if rules.tiers is None:
        return None
    name = level_named(rules, member.tier) if member.tier else None
    by = rules.tiers.qualify_by
    if member.next_tier is None:
        return TierProgress(name, None, 0, 1, 1, by)
    thresholds = {level.id: level.threshold for level in rules.tiers.levels}
    whole = max(1, thresholds.get(member.next_tier.id, 0) - thresholds.get(member.tier or "", 0))
    done = min(whole, max(0, whole - member.next_tier.missing))
    next_name = level_named(rules, member.next_tier.id)
    return TierProgress(name, next_name, member.next_tier.missing, done, whole, by)


def own_memberships(rules: Ruleset, member: Member) -> list[OwnMembership]:
    """The paid memberships that the member holds."""
    now = services().context.now()
    return [
        OwnMembership(membership_named_in_words(rules, held.id), held.until, held.until <= now)
        for held in member.memberships
    ]


def own_benefits(rules: Ruleset, member: Member) -> list[ShownBenefit]:
    """What level, memberships and offers bring, with what is left of each."""
    found = list_benefits(services().context, actor(), member.id)
    return [shown_benefit(one, rules) for one in found if one.has_grant]


def _vouchers() -> tuple[list[ShownVoucher], int]:
    """The newest open ones, then the newest that are over; and how many there are besides."""
    every = own_vouchers()
    still_open = [one for one in every if one.voucher.state == "open"]
    shown = still_open[:VOUCHERS_SHOWN_MAX] + every[len(still_open) :][:OVER_SHOWN_MAX]
    return shown, len(every) - len(shown)


def _soon(expiring: tuple[ExpiringPoints, ...]) -> list[ExpiringPoints]:
    """What expires within 90 days, one line for each day, the three nearest."""
    given = services()
    horizon, zone = given.context.now() + EXPIRING_WITHIN, ZoneInfo(given.ruleset().program.time_zone)
    days: dict[date, ExpiringPoints] = {}
    for lot in expiring:
        if lot.at <= horizon:
            day = lot.at.astimezone(zone).date()
            earlier = days.get(day, ExpiringPoints(0, lot.at))
            days[day] = ExpiringPoints(earlier.points + lot.points, earlier.at)
    return list(days.values())[:EXPIRING_SHOWN_MAX]
