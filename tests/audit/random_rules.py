"""The rules under which a business of random people lives (test_replayed_histories.py): every kind that gives, bounds or takes
points, each with numbers drawn at random.
"""

from __future__ import annotations

import random

RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning:
  - {id: base, kind: spend, points: %(points)s, per: 100, basis: net, rounding: %(rounding)s}
  - {id: fruit, kind: item, points: 3, per_quantity: 1, categories: [FRUIT]}
  - {id: second, kind: visit, points: 6, every: 2}
  - {id: review, kind: event, event: review.written, points: 12, limits: {per_member: {times: 2, every: P5D}}}
  - {id: survey, kind: event, event: survey.answered, points: 7, once_per: subject, limits: {budget_amount: 605}%(month)s}
  - {id: box, kind: subscription, points: 25}
  - {id: hello, kind: event, event: member.joined, points: 5, once_per: person%(soon)s}
  - {id: friend, kind: event, event: member.referred, points: 15}
  - {id: share, kind: referral, percent: 10, up_to_points: 30%(never)s}
  - {id: invited, kind: event, event: member.invited, points: 10}
  - {id: cake, kind: event, event: member.birthday, points: 9}
campaigns:
  - {id: third, when: "visit.number %% 3 == 0", award: {points: 50}, limits: {per_member: {times: 2, every: P9D}}}
  - {id: big, when: "order.total >= 5000 && member.tier != 'gold'", award: {multiplier_percent: 200%(soon)s}, limits: %(big)s}
  - {id: juicy, award: {multiplier_percent: 180, items: {categories: [FRUIT]}}, limits: {per_member: {times: 5, every: P6D}}}
  - {id: pulp, award: {points: 2, per: 130, basis: net, rounding: ceil, items: {categories: [FRUIT]}%(month)s}}
  - {id: treat, when: "'FRUIT' in order.categories", award: {voucher: coffee}, limits: %(treat)s}
  - {id: regular, when: visit.number > 2, award: {badge: true}}
  - {id: known, when: "'regulars' in member.segments && size(member.segments) < 2", award: {points: 4}}
  - {id: first, when: "order.total >= 2000", award: {points: 30%(never)s}, limits: {per_member: {times: 1}, budget_points: 75}}
%(offers)smemberships:
  - {id: club, price: 2900, period: P9D, grace: P2D, multiplier_percent: 130, points: 8%(soon)s%(club)s}
  - {id: press, price: 500, period: P1M}
segments: [{id: regulars}, {id: press}%(pros)s]
challenges:
  - {id: card, count: {kind: items, categories: [FRUIT]}, target: 5, repeat: always, award: {reward: coffee}%(card)s}
  - {id: spree, count: {kind: spend, when: order.total > 300}, target: 9000, repeat: always, award: {points: 11}%(spree)s}
  - {id: week, count: {kind: orders}, target: 3, period: week, repeat: always, award: {points: 13%(soon)s}}
  - {id: days, count: {kind: visits}, target: 2, award: {badge: true}}
  - {id: row, count: {kind: streak, every: week}, target: 2, repeat: always, award: {points: 6, badge: false}}
  - {id: critic, count: {kind: events, event: review.written}, target: 2, repeat: always, award: {points: 4}}
tiers:
  qualify_by: %(qualify)s
  window: {kind: rolling, period: P60D}
  downgrade: {after: window, grace: P5D, steps: 1}
  levels:
    - {id: bronze, from: 0%(bronze)s}
    - {id: silver, from: %(silver)s%(keeps_silver)s, multiplier_percent: 120%(of_silver)s}
    - {id: gold, from: %(gold)s%(keeps_gold)s, multiplier_percent: 150%(of_gold)s}
expiry: %(expiry)s
%(window)s
%(delivery)s
%(visits)s
%(redemption)s
%(giving)s
limits: {per_order_points: 400, per_member_day_points: 500, %(caps)smanual_issuance_points: 300, adjustment_points: 400}
accept_late: P10D
restoration_grace: P3D
rewards:
  - {id: coffee, kind: gift, points: 40, points_by_level: {silver: 31, gold: 23}, voucher_valid: P3D, on_expiry: give_back}
  - {id: dinner, kind: gift, points: 20, memberships: [club]}
  - {id: cake, kind: gift, points: 9, per_member: {times: 1, every: P3D}, voucher_valid: PT40H, on_expiry: lose}
%(gifts)s"""
EXPIRIES = (
    "{kind: none}",
    "{kind: fixed, period: P20D}",
    "{kind: fixed, period: P20D, round_to: month_end}",
    "{kind: period_end, period: month}",
    "{kind: inactivity, period: P12D}",
)


OWN = {
    "soon": ", expiry: {kind: fixed, period: P6D}",
    "month": ", expiry: {kind: period_end, period: month, periods: 1}",
    "never": ", expiry: {kind: none}",
}
"""Expiries of some awards alone, under every model but the first."""


CAPS = "per_merchant_day_points: 450, program_day_points: 700, velocity: {purchases: 4, every: P3D}, "
BY_HAND = (
    "count_manual: true, manual_issuance_day_points: 400, adjustment_day_points: 450, "
    "over: {per_order_points: refuse, per_merchant_day_points: refuse}, "
)
BOUND = "redemption: {min_points: 5, max_points: 110, per_member_day_points: 300, cool_down: PT2H}"


OFFERS = """\
  - {id: pool, when: "'regulars' in member.segments && visit.weekday < 6", award: {benefit: pool}, limits: {per_member: %s}}
  - {id: guests, when: "member.tier != 'gold'", award: {benefit: lounge}, limits: {per_member: {times: 1}}}
"""
GIFTS = """\
  - {id: meal, kind: donation, points: 25, points_by_level: {gold: 12}, cause: Refuge, per_member: {times: 3, every: P6D}}
  - {id: flyers, kind: marketing_funds, points: 30, funds: 5000, segments: [pros], voucher_valid: P5D, on_expiry: give_back}
"""
GIVING = """\
donations: {causes: [%s], min_points: %d, step_points: %d, per_member_day_points: %d, per_member_points: %d%s}
schedules:
  - {id: weekly, every: week, points: 6, when: member.purchases > 1, limits: {per_member: {times: 3}, budget_points: 90}}
"""


DELIVERIES = (
    "",
    "delivery: {channels: [online], within: P4D, otherwise: lapse}",
    "delivery: {channels: [online], within: P3D, otherwise: begin}",
)


def rules(draw: random.Random, post: random.Random | None = None, *, with_giving: bool = False) -> str:
    """`post` draws which orders wait for their delivery, if any do. `with_giving`: also with limited benefits, limits of gifts to
    causes, rewards that give, a reward for companies and points by the calendar.
    """
    qualify = draw.choice(["spend", "points", "engagement"])
    silver, gold = {"spend": (4_000, 12_000), "points": (300, 900), "engagement": (2, 5)}[qualify]
    return RULES % {
        "points": draw.randrange(1, 4),
        "rounding": draw.choice(["floor", "half_up", "ceil"]),
        "qualify": qualify,
        "silver": silver,
        "gold": gold,
        "expiry": (model := draw.choice(EXPIRIES)),
        **{name: own if model != EXPIRIES[0] else "" for name, own in OWN.items()},
        "big": "{budget_amount: 7009, budget_points: 800}",
        "treat": draw.choice(
            [
                "{per_member: {times: 3}}",
                "{per_member: {times: 2, every: P9D}, budget_vouchers: 4}",
                "{per_member: {times: 3}, budget_vouchers: 3}",
            ]
        ),
        "card": draw.choice(["", ", limits: {budget_vouchers: 2, per_member: {times: 1, every: P6D}}"]),
        "spree": draw.choice(
            ["", ", limits: {budget_points: 40, budget_amount: 350}", ", limits: {per_member: {times: 2}}"]
        ),
        "window": draw.choice(["", "return_window: P2D"]),
        "delivery": "" if post is None else post.choice(DELIVERIES),
        "visits": draw.choice(["", "visits: {}", "visits: {window: PT30H}", "visits: {window: PT5H, refunded: count}"]),
        "caps": (caps := draw.choice(["", CAPS, CAPS + BY_HAND])),
        "redemption": BOUND if BY_HAND in caps else "",
        "keeps_silver": (keeps := draw.choice(["", f", keep: {silver // 2}"])),
        "keeps_gold": keeps and f", keep: {gold // 3}",
        **(_giving(draw) if with_giving else dict.fromkeys(_GIVING, "")),
    }


_GIVING = ("offers", "club", "pros", "bronze", "of_silver", "of_gold", "giving", "gifts")


def _giving(draw: random.Random) -> dict[str, str]:
    causes, worth = (
        draw.choice(["Refuge", "Refuge, Lire"]),
        draw.choice(["", ", point_value: {points: 100, amount: 1250}"]),
    )
    least, step = draw.choice([(1, 1), (10, 1), (10, 5)])
    day, ever = draw.choice([40, 90]), draw.choice([120, 2_000])
    return {
        "offers": OFFERS % _limit(draw),
        "club": f", benefits: [{{id: lounge, times: {draw.randrange(1, 4)}}}, pool]",
        "pros": ", {id: pros, companies: true}",
        "bronze": ", benefits: [paper]",
        "of_silver": f", benefits: [paper, {_benefit(draw)}]",
        "of_gold": f", benefits: [paper, {draw.choice(['lounge', _benefit(draw)])}]",
        "giving": GIVING % (causes, least, step, day, ever, worth),
        "gifts": GIFTS,
    }


def _limit(draw: random.Random) -> str:
    return draw.choice(["{times: 1}", "{times: 2, every: P4D}", "{times: 1, every: PT30H}"])


def _benefit(draw: random.Random) -> str:
    return "{id: lounge, " + _limit(draw)[1:]
