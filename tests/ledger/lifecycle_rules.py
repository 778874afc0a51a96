"""The rules under which the members of test_whole_lifecycle.py live: one of every kind that gives, bounds or takes points."""

from __future__ import annotations

from datetime import timedelta

from ledger_town import rules

ORDER, MEMBER_DAY, STORE_DAY, MERCHANT_DAY, PROGRAM_DAY = 100, 130, 110, 140, 160
BUDGETS = {"often": 150, "scarce": 90, "review": 60}
OFTEN_TIMES, OFTEN_EVERY = 2, "P3D"
VELOCITY, VELOCITY_EVERY = 4, "P1D"
FRIENDS = 2
"""For how many friends a member is paid at most."""
INVITED = 90
"""Of money that a month's invitations may cost in cents: nine points at 10 cents each."""
LATE = timedelta(days=4)
"""How late a fact may come under every version of the rules: those change their `accept_late` only to have another hash."""
TREAT, TREATS = 40, 5
"""The price of a reward, and how many pieces there are of it."""
FIXED, INACTIVE = "{kind: fixed, period: P25D}", "{kind: inactivity, period: P9D}"

_BASE = "{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}"
_EVENTS = (
    "{id: review, kind: event, event: review.written, points: 6, limits: {budget_points: 60}}",
    "{id: survey, kind: event, event: survey.answered, points: 3, once_per: subject}",
    "{id: month, kind: subscription, points: 5}",
    "{id: hello, kind: event, event: member.joined, points: 4, once_per: person}",
    "{id: cake, kind: event, event: member.birthday, points: 8}",
    f"{{id: friend, kind: event, event: member.referred, points: 11, limits: {{per_member: {{times: {FRIENDS}}}}}}}",
    f"{{id: invited, kind: event, event: member.invited, points: 3, limits: {{budget_amount: {INVITED}}}}}",
)
WHOLE = rules(
    campaigns=f"[{{id: often, award: {{points: 9}}, "
    f"limits: {{per_member: {{times: {OFTEN_TIMES}, every: {OFTEN_EVERY}}}, budget_points: {BUDGETS['often']}}}}}, "
    f"{{id: scarce, award: {{multiplier_percent: 150}}, limits: {{budget_points: {BUDGETS['scarce']}}}}}, "
    "{id: known, when: '\"press\" in member.segments', award: {points: 3}}]",
    segments="[{id: press}, {id: regulars}]",
    challenges="[{id: card, count: {kind: items, categories: [coffee]}, target: 4, repeat: always, award: {reward: treat}}, "
    "{id: week, count: {kind: orders}, target: 2, period: week, repeat: always, award: {points: 13}}]",
    memberships="[{id: club, price: 900, period: P8D, grace: P2D, points: 5, multiplier_percent: 120}]",
    rewards=f"[{{id: treat, kind: gift, points: {TREAT}}}]",
    tiers="{qualify_by: spend, window: {kind: rolling, period: P20D}, downgrade: {after: window, grace: P2D, steps: 1}, "
    "levels: [{id: bronze, from: 0}, {id: silver, from: 9000, keep: 6000, multiplier_percent: 130}, {id: gold, from: 20000}]}",
    expiry=FIXED,
    return_window="P2D",
    limits=f"{{per_order_points: {ORDER}, per_member_day_points: {MEMBER_DAY}, per_store_day_points: {STORE_DAY}, "
    f"per_merchant_day_points: {MERCHANT_DAY}, program_day_points: {PROGRAM_DAY}, "
    f"velocity: {{purchases: {VELOCITY}, every: {VELOCITY_EVERY}}}}}",
).replace(f"[{_BASE}]", f"[{', '.join((_BASE, *_EVENTS))}]")


def changed(points: int, days: int, *, is_inactivity: bool) -> str:
    """Other rules with the same limits: base points, how points expire, and a hash of their own by `days`."""
    text = WHOLE.replace("{id: base, kind: spend, points: 1", f"{{id: base, kind: spend, points: {points}")
    text = text.replace(FIXED, INACTIVE) if is_inactivity else text
    return f"{text}accept_late: P{LATE.days + 1 + days}D\n"


def with_campaign(document: str, number: int) -> str:
    """The rules of a canonical document and a campaign more, which may only add."""
    import json

    more = json.loads(document)
    more["campaigns"] = [*more["campaigns"], {"id": f"flash-{number}", "award": {"points": 2}}]
    return json.dumps(more)
