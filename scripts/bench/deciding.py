"""One purchase decided under twenty rules, beside evaluating just their conditions on it: what our own code adds to CEL's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

from scripts.bench.table import Figure, Target
from token_service.program.basket import condition_facts, whole
from token_service.program.campaign_uses import decide_within_limits
from token_service.program.conditions import compiled, holds, prepared
from token_service.program.facts import ItemFacts, MemberFacts, PurchaseFacts, VisitFacts, local_time
from token_service.program.ruleset import Ruleset, parse_ruleset

ITEMS: Final = 10
RULES: Final = 20
CONDITIONS: Final = (
    "order.total >= 5000",
    "visit.number % 10 == 0",
    'order.channel == "store"',
    "visit.weekday == 7 && visit.hour >= 9 && visit.hour < 18",
    'order.items.exists(i, i.category == "category-3" && i.amount >= 100)',
    "member.purchases == 0 || member.age_days > 365",
    'member.tier == "gold"',
    '"category-7" in order.categories',
    "order.quantity >= 12",
    "order.discount > 0 && order.total - order.shipping >= 2000",
)
"""One for each campaign; ten earning rules stand before them."""
TIMES_MAX: Final = 20
DECISIONS_MIN: Final = 2_000
ROUNDS: Final = 5
SECONDS: Final = 0.4
AT: Final = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)


def measure_deciding() -> list[Figure]:
    """How many times the conditions' own time a decision takes (median of the rounds), and decisions a second on one core (the
    fastest round: what else the machine does only takes away). Limited campaigns and a level are among the rules."""
    ruleset, facts = _ruleset(), _facts()
    variables = condition_facts(whole(facts))
    rounds = [(_rate(lambda: _decide(ruleset, facts)), _rate(lambda: _conditions(variables))) for _ in range(ROUNDS)]
    times = median(conditions / decisions for decisions, conditions in rounds)
    rate, alone = max(decisions for decisions, _ in rounds), max(conditions for _, conditions in rounds)
    return [
        Figure(
            f"one purchase of {ITEMS} items decided under {RULES} rules: times its conditions alone",
            times,
            f"{rate:,.0f} decisions/s",
            f"the {len(CONDITIONS)} conditions alone, compiled, {alone:,.0f}/s",
            Target(f"≤ {TIMES_MAX} ×", times <= TIMES_MAX),
        ),
        Figure(
            f"decisions a second and core, of {DECISIONS_MIN:,}",
            rate / DECISIONS_MIN,
            f"{rate:,.0f} decisions/s",
            f"{DECISIONS_MIN:,} decisions/s",
            Target(f"≥ {DECISIONS_MIN:,}/s", rate >= DECISIONS_MIN),
        ),
    ]


def _decide(ruleset: Ruleset, facts: PurchaseFacts) -> None:
    decide_within_limits(ruleset, facts, lambda _: {}, lambda _: 1_000_000)


def _conditions(variables: Mapping[str, Any]) -> None:
    facts = prepared(variables, CONDITIONS)
    for text in CONDITIONS:
        holds(text, facts)


def _rate(work: Callable[[], None]) -> float:
    """How often a second, over SECONDS."""
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SECONDS:
        work()
        count += 1
    return count / passed


def _ruleset() -> Ruleset:
    earning: list[dict[str, Any]] = [
        {"id": "base", "kind": "spend", "points": 1, "per": 100, "basis": "net", "rounding": "floor"}
    ]
    earning += [
        {"id": f"item-{n}", "kind": "item", "points": n + 1, "per": 100, "categories": [f"category-{n}"]}
        for n in range(9)
    ]
    campaigns: list[dict[str, Any]] = [
        {"id": f"campaign-{n}", "when": text, "award": {"points": 10} if n % 2 else {"multiplier_percent": 110 + n}}
        for n, text in enumerate(CONDITIONS)
    ]
    campaigns[0]["limits"] = {"per_member": {"times": 3, "every": "P7D"}}
    campaigns[1]["limits"] = {"budget_points": 1_000_000}
    levels = [{"id": "bronze", "from": 0}, {"id": "gold", "from": 50_000, "multiplier_percent": 150}]
    document = {
        "ruleset": 1,
        "program": {"name": "Bench", "currency": "EUR", "time_zone": "Europe/Paris"},
        "earning": earning,
        "campaigns": campaigns,
        "tiers": {"qualify_by": "spend", "window": {"kind": "rolling", "period": "P12M"}, "levels": levels},
        "limits": {"per_order_points": 5_000, "per_member_day_points": 8_000},
    }
    for text in CONDITIONS:
        compiled(text)
    return parse_ruleset(json.dumps(document))


def _facts() -> PurchaseFacts:
    items = tuple(ItemFacts(n, f"sku-{n}", f"category-{n}", 1 + n % 3, 400 + 90 * n, 0, 60) for n in range(ITEMS))
    return PurchaseFacts(
        occurred_at=AT,
        local=local_time(AT, "Europe/Paris"),
        currency="EUR",
        total=sum(item.amount for item in items) + 490,
        tax=600,
        shipping=490,
        discount=0,
        paid_with_points=0,
        items=items,
        channel="store",
        store="sto_1",
        merchant="mrc_1",
        member=MemberFacts(tier="gold", age_days=400, purchases=31, day_points=0),
        visit=VisitFacts(number=20, receipt=1),
    )
