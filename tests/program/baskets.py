"""Purchases, rulesets and refunds for the tests of the rules: short ways to make one, and strategies that draw many."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from token_service.program.facts import ItemFacts, MemberFacts, PurchaseFacts, VisitFacts, local_time
from token_service.program.refunds import LineRefund, Refund, refundable
from token_service.program.ruleset import Ruleset, parse_ruleset

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
"""A Sunday, 12:00 in Paris."""

PROGRAM = {"name": "Les Halles", "currency": "EUR", "time_zone": "Europe/Paris"}
BASE = {"id": "base", "kind": "spend", "points": 1, "per": 100}


def ruleset_of(**keys: Any) -> Ruleset:
    """A ruleset with these keys over the simplest one."""
    import json

    return parse_ruleset(json.dumps({"ruleset": 1, "program": PROGRAM, "earning": [BASE], **keys}))


def item(line: int, amount: int, *, category: str | None = None, sku: str | None = None, **figures: int) -> ItemFacts:
    return ItemFacts(line=line, sku=sku, category=category, amount=amount, **{"quantity": 1, **figures})


def purchase(total: int = 0, *, at: datetime = NOON, items: tuple[ItemFacts, ...] = (), **facts: Any) -> PurchaseFacts:
    """A purchase of `total` cents; with items and no total, of their sum."""
    member = MemberFacts(
        tier=facts.pop("tier", None),
        age_days=facts.pop("age_days", 0),
        purchases=facts.pop("purchases", 0),
        day_points=facts.pop("day_points", 0),
    )
    visit = VisitFacts(number=facts.pop("visit", 1), receipt=facts.pop("receipt", 1))
    defaults = {"tax": 0, "shipping": 0, "discount": 0, "paid_with_points": 0, "channel": None, "store": None}
    return PurchaseFacts(
        occurred_at=at,
        local=local_time(at, "Europe/Paris"),
        currency="EUR",
        total=total or sum(line.amount for line in items),
        items=items,
        merchant="mrc_1",
        member=member,
        visit=visit,
        **{**defaults, **facts},
    )


def instants(first_year: int, last_year: int) -> st.SearchStrategy[datetime]:
    """Whole seconds in UTC, from the first instant of one year to the last of another."""
    first, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    return st.integers(int(first.timestamp()), int(end.timestamp()) - 1).map(lambda at: datetime.fromtimestamp(at, UTC))


CATEGORIES = st.sampled_from(["GROCERY", "PRODUCE", "MEAT", "DELI", None])


@st.composite
def purchases(draw: st.DrawFn) -> PurchaseFacts:
    """Purchases that the ledger would accept: lines, shipping and discount add up to the total."""
    count = draw(st.integers(0, 4))
    items = tuple(
        ItemFacts(
            line=line,
            sku=draw(st.sampled_from(["A", "B", None])),
            category=draw(CATEGORIES),
            quantity=draw(st.integers(0, 6)),
            amount=(amount := draw(st.integers(0, 20_000))),
            discount=0,
            tax=draw(st.integers(0, amount // 5)),
        )
        for line in range(1, count + 1)
    )
    shipping = draw(st.integers(0, 900))
    listed = sum(line.amount for line in items) if items else draw(st.integers(0, 100_000))
    discount = draw(st.integers(0, listed + shipping))
    total = listed + shipping - discount
    return (
        purchase(
            total,
            at=draw(instants(2025, 2027)),
            items=items,
            tax=draw(st.integers(0, total // 5)),
            shipping=shipping,
            discount=discount,
            channel=draw(st.sampled_from(["store", "web", None])),
            tier=draw(st.sampled_from(["bronze", "silver", "gold", None])),
            day_points=draw(st.integers(0, 400)),
            purchases=draw(st.integers(0, 30)),
            visit=draw(st.integers(1, 30)),
        )
        if total
        else purchase()
    )


CONDITIONS = st.sampled_from(
    [
        None,
        "order.total >= 5000",
        "order.total < 5000",
        "order.total % 7 == 0",
        'order.items.exists(i, i.category == "PRODUCE")',
        '!("MEAT" in order.categories)',
        "order.quantity <= 3",
        "visit.number % 10 == 0",
        'order.channel == "store"',
        "visit.weekday in [6, 7]",
    ]
)
ROUNDINGS = st.sampled_from(["floor", "half_up", "ceil"])


def _without_none(keys: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value is not None}


@st.composite
def rulesets(draw: st.DrawFn) -> Ruleset:
    """Rulesets of every kind of earning, campaign, multiplier and limit."""
    spend = {
        **BASE,
        "points": draw(st.integers(1, 5)),
        "per": draw(st.sampled_from([1, 33, 100, 250])),
        "basis": draw(st.sampled_from(["gross", "net", "goods"])),
        "rounding": draw(ROUNDINGS),
    }
    item_rule = {"id": "item", "kind": "item", "points": draw(st.integers(1, 9)), "categories": ["PRODUCE", "MEAT"]}
    item_rule["rounding"] = draw(ROUNDINGS)
    item_rule |= draw(
        st.sampled_from([{"per_quantity": 2}, {"per": 70, "basis": "net"}, {"per": 100, "basis": "gross"}])
    )
    visit_rule = {"id": "visit", "kind": "visit", "points": draw(st.integers(1, 40)), "every": draw(st.integers(1, 4))}
    awards = st.sampled_from(
        [
            {"points": 50},
            {"points": 7},
            {"multiplier_percent": 200},
            {"multiplier_percent": 133},
            {"multiplier_percent": 170, "items": {"skus": ["A"], "categories": ["MEAT"]}},
            {"points": 3, "per": 70, "rounding": "half_up", "items": {"categories": ["PRODUCE"]}},
            {"points": 1, "per": 90, "basis": "net", "rounding": "ceil", "items": {"skus": ["B"]}},
            {"points": 2, "per": 110, "basis": "goods"},
        ]
    )
    campaigns = [
        _without_none({"id": f"c{index}", "when": draw(CONDITIONS), "award": draw(awards)})
        for index in range(draw(st.integers(0, 3)))
    ]
    levels = [{"id": "bronze", "from": 0}, {"id": "gold", "from": 10_000, "multiplier_percent": 150}]
    caps = {
        "per_order_points": draw(st.none() | st.integers(1, 300)),
        "per_member_day_points": draw(st.none() | st.integers(300, 500)),
    }
    return ruleset_of(
        earning=draw(st.sampled_from([[spend], [spend, item_rule, visit_rule], [item_rule], [visit_rule]])),
        campaigns=campaigns,
        tiers={"qualify_by": "spend", "window": {"kind": "lifetime"}, "levels": levels},
        multipliers={"basis": draw(st.sampled_from(["earning", "earning_and_bonuses"])), "rounding": draw(ROUNDINGS)},
        limits=_without_none(caps),
    )


@st.composite
def refunds_of(draw: st.DrawFn, facts: PurchaseFacts) -> tuple[Refund, ...]:
    """Up to four refunds in a row that `check_refund` accepts."""
    refunds: list[Refund] = []
    pieces = {line.line: line.quantity for line in facts.items}
    for _ in range(draw(st.integers(0, 4))):
        room = refundable(facts, tuple(refunds))
        lines = []
        for line in draw(st.lists(st.sampled_from(sorted(pieces)), unique=True, max_size=3)) if pieces else []:
            money = draw(st.integers(0, room))
            lines.append(LineRefund(line, draw(st.integers(0, pieces[line])), money))
            room -= money
            pieces[line] -= lines[-1].quantity
        refund = Refund(draw(st.just(0) | st.integers(0, room)), tuple(lines))
        if refund.total or any(line.quantity for line in lines):
            refunds.append(refund)
    return tuple(refunds)
