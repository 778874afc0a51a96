"""`mereau ruleset check` explains every mistake with its place: a row for each sentence of ruleset_check.py, said by the tool."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from token_service.cli.ruleset_commands import ruleset
from token_service.errors import Place
from token_service.program import ruleset_check
from token_service.program.ruleset import check_ruleset, parse_ruleset

PROGRAM = {"name": "M", "currency": "EUR", "time_zone": "Europe/Paris"}
BASE = {"id": "base", "kind": "spend", "points": 1, "per": 100}
ITEM = {"id": "n", "kind": "item", "points": 1}
EVENT = {"id": "n", "kind": "event", "points": 1}
CAMPAIGN = {"id": "c", "award": {"points": 1}}
LEVELS = [{"id": "bronze", "from": 0}, {"id": "gold", "from": 100}]
TIERS = {"qualify_by": "spend", "window": {"kind": "rolling", "period": "P1Y"}, "levels": LEVELS}
CLUB = {"id": "club", "price": 900, "period": "P1Y"}
CHALLENGE = {"id": "x", "count": {"kind": "orders"}, "target": 2, "award": {"points": 1}}
REWARD = {"id": "r", "kind": "gift", "points": 1}


def earning(**keys: Any) -> dict[str, Any]:
    return {"earning": [BASE, keys]}


def challenge(**keys: Any) -> dict[str, Any]:
    return {"challenges": [CHALLENGE | keys]}


def levels(**keys: Any) -> dict[str, Any]:
    return {"tiers": TIERS | keys}


MISTAKES = [
    ({"earning": [BASE, BASE]}, "/earning/1/id", "nothing else in the ruleset has"),
    ({"campaigns": [CAMPAIGN | {"id": "base"}]}, "/campaigns/0/id", "nothing else in the ruleset has"),
    ({"segments": [{"id": "s"}, {"id": "s"}]}, "/segments/1/id", "nothing else in the ruleset has"),
    (levels(levels=[LEVELS[0], LEVELS[1] | {"id": "bronze"}]), "/tiers/levels/1/id", "nothing else"),
    ({"tiers": TIERS, "memberships": [CLUB | {"id": "gold"}]}, "/memberships/0/id", "nothing else"),
    ({"challenges": [CHALLENGE, CHALLENGE]}, "/challenges/1/id", "nothing else"),
    ({"rewards": [REWARD, REWARD]}, "/rewards/1/id", "nothing else"),
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
    ({"benefits": [{"id": "b", "name": {"en": "B"}}]}, "/benefits/0/id", "that a level or a membership grants"),
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
]


def document(keys: dict[str, Any]) -> str:
    return json.dumps({"ruleset": 1, "program": PROGRAM, "earning": [BASE], **keys})


@pytest.mark.parametrize(("keys", "pointer", "sentence"), MISTAKES, ids=[f"{one[1]} {one[2]}"[:60] for one in MISTAKES])
def test_mereau_ruleset_check_explains_every_mistake_with_its_place(
    tmp_path: Path, keys: dict[str, Any], pointer: str, sentence: str
) -> None:
    path = tmp_path / "rules.json"
    path.write_text(document(keys))
    answer = CliRunner().invoke(ruleset, ["check", str(path)])
    assert answer.exit_code == 1
    told = [line.strip() for line in answer.output.splitlines() if f"{pointer}: " in line]
    assert len(told) == 1, answer.output
    assert sentence in told[0]


def test_the_table_has_a_row_for_each_sentence_that_the_check_can_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which `Place(…)` of ruleset_check.py spoke is seen by its line."""
    calls = {
        range(node.lineno, (node.end_lineno or 0) + 1)
        for node in ast.walk(ast.parse(inspect.getsource(ruleset_check)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Place"
    }
    spoke: set[int] = set()

    def noted(pointer: str, detail: str) -> Place:
        spoke.add(sys._getframe(1).f_lineno)
        return Place(pointer, detail)

    monkeypatch.setattr(ruleset_check, "Place", noted)
    for keys, pointer, _ in MISTAKES:
        assert pointer in {place.pointer for place in check_ruleset(parse_ruleset(document(keys)))}
    silent = [lines.start for lines in calls if not spoke & set(lines)]
    assert len(calls) >= 35
    assert not silent, f"no row for ruleset_check.py, lines {sorted(silent)}"
