"""A row for each sentence that `mereau ruleset check` can say: what a document has, the place, and words of the sentence."""

from __future__ import annotations

from typing import Any

PROGRAM = {"name": "M", "currency": "EUR", "time_zone": "Europe/Paris"}
BASE = {"id": "base", "kind": "spend", "points": 1, "per": 100}
ITEM = {"id": "n", "kind": "item", "points": 1}
EVENT = {"id": "n", "kind": "event", "points": 1}
CAMPAIGN = {"id": "c", "award": {"points": 1}}
COFFEE = {"skus": ["COFFEE"]}
LEVELS = [{"id": "bronze", "from": 0}, {"id": "gold", "from": 100}]
TIERS = {"qualify_by": "spend", "window": {"kind": "rolling", "period": "P1Y"}, "levels": LEVELS}
CLUB = {"id": "club", "price": 900, "period": "P1Y"}
CHALLENGE = {"id": "x", "count": {"kind": "orders"}, "target": 2, "award": {"points": 1}}
REWARD = {"id": "r", "kind": "gift", "points": 1}
DISCOUNT = REWARD | {"kind": "discount"}
GIVES = REWARD | {"kind": "donation", "cause": "Refuge"}
SEAT = REWARD | {"kind": "training", "seats": 1}
PROS = [{"id": "pros", "companies": True}]
OFFER = {"id": "c", "award": {"benefit": "b"}}
SCHEDULE = {"id": "s", "every": "month", "points": 1}


def earning(**keys: Any) -> dict[str, Any]:
    return {"earning": [BASE, keys]}


def award(**keys: Any) -> dict[str, Any]:
    return {"campaigns": [CAMPAIGN | {"award": keys}]}


ONCE = {"per_member": {"times": 1}}
WEEKLY = {"per_member": {"times": 1, "every": "P7D"}}


def gift(limits: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"campaigns": [CAMPAIGN | {"award": keys, "limits": limits}], "rewards": [REWARD]}


def challenge(**keys: Any) -> dict[str, Any]:
    return {"challenges": [CHALLENGE | keys]}


def levels(**keys: Any) -> dict[str, Any]:
    return {"tiers": TIERS | keys}


ON = {"kind": "date", "on": "2026-12-30"}
MONTH = {"kind": "fixed", "period": "P30D"}


def dated(until: str | None, **keys: Any) -> dict[str, Any]:
    ends = {} if until is None else {"until": until}
    return {"campaigns": [CAMPAIGN | ends | {"award": {"points": 1, "expiry": ON}}]} | keys


MISTAKES = [
    (dated(None), "/campaigns/0/award/expiry/on", "needs until, not behind it"),
    (dated("2026-12-31"), "/campaigns/0/award/expiry/on", "must not lie before until"),
    (
        dated("2026-12-17", return_window="P14D"),
        "/campaigns/0/award/expiry/on",
        "must lie behind until and return_window",
    ),
    (
        award(points=1, expiry=MONTH) | {"return_window": "P30D"},
        "/campaigns/0/award/expiry",
        "must be longer than return_window: these points expire before they can be used",
    ),
    ({"memberships": [CLUB | {"expiry": MONTH}]}, "/memberships/0/expiry", "has no effect without points"),
    (challenge(award={"badge": True, "expiry": MONTH}), "/challenges/0/award/expiry", "has no effect without points"),
    ({"schedules": [SCHEDULE | {"expiry": ON}]}, "/schedules/0/expiry/on", "needs until"),
    ({"earning": [BASE, BASE]}, "/earning/1/id", "nothing else in the ruleset has"),
    ({"campaigns": [CAMPAIGN | {"id": "base"}]}, "/campaigns/0/id", "nothing else in the ruleset has"),
    ({"segments": [{"id": "s"}, {"id": "s"}]}, "/segments/1/id", "nothing else in the ruleset has"),
    (levels(levels=[LEVELS[0], LEVELS[1] | {"id": "bronze"}]), "/tiers/levels/1/id", "nothing else"),
    ({"tiers": TIERS, "memberships": [CLUB | {"id": "gold"}]}, "/memberships/0/id", "nothing else"),
    ({"challenges": [CHALLENGE, CHALLENGE]}, "/challenges/1/id", "nothing else"),
    ({"rewards": [REWARD, REWARD]}, "/rewards/1/id", "nothing else"),
    ({"delivery": {"within": "P60D", "otherwise": "lapse"}}, "/delivery", "say which purchases wait for a delivery"),
    (earning(**ITEM, skus=["A"]), "/earning/1", "must have either per or per_quantity"),
    (earning(**ITEM, per=1), "/earning/1", "must name skus or categories, or it never gives anything"),
    (
        earning(**ITEM, per_quantity=1, skus=["A"], basis="net"),
        "/earning/1/basis",
        "no effect on a rule that counts pieces",
    ),
    (earning(**EVENT, event="member.surprised"), "/earning/1/event", "must be one of member.joined, "),
    (earning(**EVENT, event="member.birthday", once_per="subject"), "/earning/1/once_per", "names no subject"),
    (
        earning(**EVENT, event="a.b", limits={}),
        "/earning/1/limits",
        "must have per_member, budget_points or budget_amount",
    ),
    (earning(**EVENT, event="a.b", limits={"budget_amount": 5}), "/earning/1/limits/budget_amount", "point_value"),
    (
        {
            "program": PROGRAM | {"point_value": {"points": 1, "amount": 100}},
            "campaigns": [CAMPAIGN | {"limits": {"budget_amount": 99}}],
        },
        "/campaigns/0/limits/budget_amount",
        "worth less than one point",
    ),
    ({"campaigns": [CAMPAIGN | {"from": "2026-02-01", "until": "2026-01-31"}]}, "/campaigns/0/until", "before from"),
    (award(voucher="tea"), "/campaigns/0/award/voucher", "must be the id of a reward"),
    (gift({"budget_points": 5}, badge=True), "/campaigns/0/limits/budget_points", "which is no points"),
    (gift(ONCE, badge=True), "/campaigns/0/limits/per_member", "which each member gets once"),
    (gift({"budget_vouchers": 2}, badge=True), "/campaigns/0/limits/budget_vouchers", "is no voucher"),
    (gift({"budget_vouchers": 2}, points=3), "/campaigns/0/limits/budget_vouchers", "the campaign gives no voucher"),
    (
        challenge(limits={"budget_vouchers": 2}),
        "/challenges/0/limits/budget_vouchers",
        "the challenge gives no voucher",
    ),
    (
        challenge(limits={}),
        "/challenges/0/limits",
        "must have per_member, budget_points, budget_amount or budget_vouchers",
    ),
    (challenge(limits={"budget_amount": 5}), "/challenges/0/limits/budget_amount", "needs program.point_value"),
    (challenge(limits={"per_member": {"times": 2}}), "/challenges/0/limits/per_member", "each member completes once"),
    (
        challenge(award={"badge": True}, limits={"budget_points": 5}),
        "/challenges/0/limits",
        "has no effect on a badge, which each member gets once",
    ),
    (
        challenge(award={"reward": "r"}, limits={"budget_points": 5}) | {"rewards": [REWARD | {"id": "r"}]},
        "/challenges/0/limits/budget_points",
        "has no effect on vouchers, which budget_vouchers bounds",
    ),
    (challenge(id="base", limits={"budget_points": 5}), "/challenges/0/id", "it has limits"),
    (award(badge=True) | {"challenges": [CHALLENGE | {"id": "c"}]}, "/challenges/0/id", "nothing else"),
    (award(multiplier_percent=200, items={}), "/campaigns/0/award/items", "must name skus or categories, or it never"),
    (award(points=5, items=COFFEE), "/campaigns/0/award/items", "needs per; so many points for any of these lines"),
    (award(points=5, rounding="ceil"), "/campaigns/0/award/rounding", "has no effect without per"),
    (award(points=5, per=1, basis="goods", items=COFFEE), "/campaigns/0/award/basis", "lines, which hold no shipping"),
    ({"campaigns": [CAMPAIGN | {"when": "order.totl > 1"}]}, "/campaigns/0/when", "totl"),
    ({"campaigns": [CAMPAIGN | {"when": '"x" in member.segments'}]}, "/campaigns/0/when", "segment"),
    (challenge(**{"from": "2026-02-01", "until": "2026-01-31"}), "/challenges/0/until", "before from"),
    (challenge(count={"kind": "items"}), "/challenges/0/count", "must name skus or categories, or it never counts"),
    (
        challenge(count={"kind": "events", "event": "member.x"}),
        "/challenges/0/count/event",
        "must be one of member.joined",
    ),
    (
        challenge(count={"kind": "streak", "every": "week"}, period="month"),
        "/challenges/0/period",
        "counts periods itself",
    ),
    (challenge(count={"kind": "visits", "when": "1"}), "/challenges/0/count/when", ""),
    (
        challenge(award={"points": 1, "reward": "r"}) | {"rewards": [REWARD]},
        "/challenges/0/award",
        "either points or reward",
    ),
    (challenge(award={}), "/challenges/0/award", "must have points, a reward or a badge"),
    (challenge(award={"reward": "none"}), "/challenges/0/award/reward", "must be the id of a reward"),
    (challenge(award={"badge": True}, repeat="always"), "/challenges/0/award/badge", "completed once"),
    (levels(levels=[LEVELS[0], LEVELS[1] | {"from": 0}]), "/tiers/levels/1/from", "thresholds ascend"),
    (levels(levels=[LEVELS[0] | {"benefits": ["a", "a"]}]), "/tiers/levels/0/benefits", "must name each benefit once"),
    (levels(levels=[LEVELS[0], LEVELS[1] | {"keep": 101}]), "/tiers/levels/1/keep", "must not exceed from"),
    (
        levels(levels=[LEVELS[0], LEVELS[1] | {"keep": 50}], window={"kind": "lifetime"}),
        "/tiers/levels/1/keep",
        "the window is a lifetime",
    ),
    (
        levels(levels=[LEVELS[0], LEVELS[1] | {"keep": 50}], downgrade={"after": "never"}),
        "/tiers/levels/1/keep",
        "levels never go down",
    ),
    (levels(qualify_by="engagement"), "/tiers/qualify_by", "no earning rule is for one"),
    (
        levels(window={"kind": "lifetime"}, downgrade={"after": "window"}),
        "/tiers/downgrade",
        "the window is a lifetime",
    ),
    (levels(downgrade={"after": "never", "grace": "P1D"}), "/tiers/downgrade/grace", "levels never go down"),
    (levels(downgrade={"after": "window", "steps": 1}), "/tiers/downgrade/steps", "every step is taken at once"),
    (
        {"benefits": [{"id": "b", "name": {"en": "B"}}]},
        "/benefits/0/id",
        "that a level, a membership or a campaign grants",
    ),
    ({"memberships": [CLUB | {"benefits": ["a", "a"]}]}, "/memberships/0/benefits", "must name each benefit once"),
    (
        {"limits": {"per_order_points": 2, "per_member_day_points": 1}},
        "/limits/per_order_points",
        "must not exceed per_member_day_points, which would always cut it",
    ),
    (
        {"limits": {"per_store_day_points": 3, "program_day_points": 2}},
        "/limits/per_store_day_points",
        "must not exceed program_day_points",
    ),
    ({"rewards": [REWARD | {"from": "2026-02-01", "until": "2026-01-31"}]}, "/rewards/0/until", "before from"),
    (
        {"rewards": [REWARD | {"voucher_valid": "P90D"}]},
        "/rewards/0/voucher_valid",
        "needs on_expiry: give_back or lose",
    ),
    ({"rewards": [REWARD | {"on_expiry": "lose"}]}, "/rewards/0/on_expiry", "no effect without voucher_valid"),
    ({"rewards": [REWARD | {"levels": ["gold"]}]}, "/rewards/0/levels/0", "must be the id of a level"),
    ({"rewards": [REWARD | {"memberships": ["club"]}]}, "/rewards/0/memberships/0", "must be the id of a membership"),
    (
        {"tiers": TIERS, "rewards": [REWARD | {"early_days": {"gold": 1}}]},
        "/rewards/0/early_days",
        "no effect without from",
    ),
    (
        {"rewards": [REWARD | {"from": "2026-02-01", "early_days": {"gold": 1}}]},
        "/rewards/0/early_days/gold",
        "must be a level or a membership that may have the reward",
    ),
    ({"earning": []}, "/earning", "must have a rule, unless memberships, challenges, schedules, or benefits"),
    (
        {"campaigns": [OFFER | {"limits": {"budget_points": 5}}]},
        "/campaigns/0/limits/budget_points",
        "no effect on a benefit, which gives no points",
    ),
    (
        {"campaigns": [OFFER | {"when": "order.total > 1"}]},
        "/campaigns/0/when",
        "reads order.total: a benefit is used without a purchase",
    ),
    ({"schedules": [SCHEDULE, SCHEDULE]}, "/schedules/1/id", "nothing else in the ruleset has"),
    ({"schedules": [SCHEDULE | {"from": "2026-02-01", "until": "2026-01-31"}]}, "/schedules/0/until", "before from"),
    (
        {"schedules": [SCHEDULE | {"from": "2026-01-02", "until": "2026-01-31"}]},
        "/schedules/0/until",
        "leaves no first day of a month, so it never gives anything",
    ),
    ({"schedules": [SCHEDULE | {"limits": {}}]}, "/schedules/0/limits", "must have per_member, budget_points or"),
    (
        {"schedules": [SCHEDULE | {"when": "order.total > 1"}]},
        "/schedules/0/when",
        "reads order, and nothing was bought: it may only read facts of the member",
    ),
    ({"limits": {"over": {}}}, "/limits/over", "must name a limit, with reduce or refuse"),
    (
        {"limits": {"over": {"per_order_points": "refuse"}}},
        "/limits/over/per_order_points",
        "has no effect without limits.per_order_points",
    ),
    ({"limits": {"count_manual": True}}, "/limits/count_manual", "has no effect without one of per_member_day_points"),
    (
        {"limits": {"manual_issuance_points": 5, "manual_issuance_day_points": 4}},
        "/limits/manual_issuance_day_points",
        "must not be less than manual_issuance_points, which it would always cut",
    ),
    (
        {"redemption": {}},
        "/redemption",
        "must have min_points, max_points, step_points, per_member_day_points or cool_down",
    ),
    (
        {"redemption": {"min_points": 30, "step_points": 20}},
        "/redemption/min_points",
        "must be a multiple of step_points",
    ),
    (
        {"redemption": {"min_points": 30, "max_points": 20}},
        "/redemption/max_points",
        "must not be less than min_points or step_points",
    ),
    (
        {"redemption": {"max_points": 20, "per_member_day_points": 10}},
        "/redemption/max_points",
        "has no effect above per_member_day_points",
    ),
    (
        {"redemption": {"step_points": 20, "per_member_day_points": 10}},
        "/redemption/per_member_day_points",
        "must not be less than min_points or step_points",
    ),
    (
        {"redemption": {"per_member_day_points": 4}, "rewards": [REWARD | {"points": 5}]},
        "/rewards/0/points",
        "exceeds redemption.per_member_day_points, so nobody can have it",
    ),
    (
        {"rewards": [REWARD | {"segments": ["press"]}]},
        "/rewards/0/segments/0",
        "must be a segment that the rules declare",
    ),
    ({"rewards": [REWARD | {"points_by_level": {"gold": 1}}]}, "/rewards/0/points_by_level/gold", "the id of a level"),
    (
        {"tiers": TIERS, "rewards": [REWARD | {"levels": ["gold"], "points_by_level": {"bronze": 1}}]},
        "/rewards/0/points_by_level/bronze",
        "has no effect: this level may not have the reward",
    ),
    ({"rewards": [REWARD | {"discount": {"amount": 5}}]}, "/rewards/0/discount", "a reward of the kind discount"),
    ({"rewards": [DISCOUNT | {"discount": {}}]}, "/rewards/0/discount", "must have either amount or percent"),
    (
        {"rewards": [DISCOUNT | {"discount": {"amount": 5, "up_to": 9}}]},
        "/rewards/0/discount/up_to",
        "has no effect on an amount: it is for a percent",
    ),
    ({"donations": {}}, "/donations", "must have min_points, step_points, per_member_day_points, per_member_points"),
    (
        {"donations": {"min_points": 30, "step_points": 20}},
        "/donations/min_points",
        "must be a multiple of step_points",
    ),
    (
        {"donations": {"step_points": 20, "per_member_points": 10}},
        "/donations/per_member_points",
        "must not be less than min_points or step_points",
    ),
    (
        {"donations": {"per_member_day_points": 20, "per_member_points": 10}},
        "/donations/per_member_day_points",
        "must not exceed per_member_points",
    ),
    ({"donations": {"causes": ["Refuge", "Refuge"]}}, "/donations/causes", "must name each cause once"),
    ({"rewards": [REWARD | {"cause": "Refuge"}]}, "/rewards/0/cause", "is for a reward of the kind donation"),
    ({"rewards": [REWARD | {"kind": "donation"}]}, "/rewards/0", "of the kind donation must have cause"),
    ({"rewards": [GIVES | {"min_total": 5}]}, "/rewards/0/min_total", "has no effect on a donation"),
    (
        {"donations": {"causes": ["Banque"]}, "rewards": [GIVES]},
        "/rewards/0/cause",
        "must be one of donations.causes",
    ),
    (
        {"donations": {"per_member_points": 4}, "rewards": [GIVES | {"points": 5}]},
        "/rewards/0/points",
        "exceeds donations.per_member_points, so nobody can have it",
    ),
    ({"rewards": [SEAT]}, "/rewards/0", "of the kind training must name segments of companies"),
    (
        {"segments": [{"id": "press"}], "rewards": [SEAT | {"segments": ["press"]}]},
        "/rewards/0/segments/0",
        "must be a segment with companies: true",
    ),
    (
        {"memberships": [CLUB], "segments": PROS, "rewards": [SEAT | {"segments": ["pros"], "memberships": ["club"]}]},
        "/rewards/0/memberships",
        "would let others than companies have it",
    ),
    (
        {"campaigns": [CAMPAIGN | {"award": {"voucher": "r"}}], "rewards": [GIVES]},
        "/campaigns/0/award/voucher",
        "must not be a donation",
    ),
    (
        {
            "challenges": [CHALLENGE | {"award": {"reward": "r"}}],
            "segments": PROS,
            "rewards": [SEAT | {"segments": ["pros"]}],
        },
        "/challenges/0/award/reward",
        "must not be a reward for companies",
    ),
]
