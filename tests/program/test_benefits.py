"""Benefits: what grants them, how often they may be used, and the campaigns that give them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import BenefitUsedUp, InvalidInput
from token_service.program.addendum import is_addendum_of
from token_service.program.benefit_facts import UseFacts
from token_service.program.benefit_grants import Holder
from token_service.program.benefits import benefit_of, decide_use
from token_service.program.conditions import facts_read
from token_service.program.document import read_document
from token_service.program.durations import add
from token_service.program.earning import decide_purchase
from token_service.program.facts import MemberFacts, local_time
from token_service.program.memberships import Period, ids_at
from token_service.program.ruleset import Ruleset, canonical_json, check_ruleset, parse_ruleset
from token_service.program.stakes import added_points
from token_service.program.tiers import Standing

from .baskets import BASE, PROGRAM, purchase
from .test_documented_examples import PARIS, examples, instant

ZONE = "Europe/Paris"
NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
LEVELS = """
tiers:
  qualify_by: spend
  window: {kind: lifetime}
  levels: [{id: bronze, from: 0}, {id: silver, from: 100, benefits: [{id: lounge, times: 3, every: P7D}]}]
"""


def ruleset(text: str) -> Ruleset:
    document = {"ruleset": 1, "program": PROGRAM, "earning": [BASE], **read_document(text)}
    return parse_ruleset(json.dumps(document))


def campaign(**more: Any) -> str:
    return json.dumps({"campaigns": [{"id": "open", "award": {"benefit": "pool"}, **more}]})


def holder(
    rules: Ruleset,
    *,
    level: str | None = None,
    at: datetime = NOW,
    used: tuple[datetime, ...] = (),
    club: datetime | None = None,
    segments: tuple[str, ...] = (),
    benefit: str = "lounge",
) -> Holder:
    ends = None if club is None else add(club, "P12M", ZONE)
    periods = () if club is None or ends is None else (Period("club", club, ends, ends),)
    member = MemberFacts(level, 100, 3, 0, ids_at(periods, at), None, segments)
    names = [one.id for one in (rules.tiers.levels if rules.tiers else ())]
    figure = 10**6 if names and level == names[-1] else 0
    standing = Standing(level, 100, (), figure, None, None, None)
    return Holder(at, local_time(at, ZONE), member, standing, periods, {benefit: used})


def said(rules: Ruleset, asked: Holder) -> str:
    """As docs/rulesets.md says it."""
    stands = benefit_of(rules, asked, "lounge")
    if stands.is_used_up:
        assert stands.next_at is not None
        return f"used up until {stands.next_at.astimezone(PARIS).strftime('%Y-%m-%d %H:%M')}"
    if not stands.is_granted:
        return stands.reason
    left = "any number" if stands.left is None else f"{stands.left} of {stands.times} left"
    return f"{stands.reason}, {left}"


@pytest.mark.parametrize(("rules", "written", "answer"), list(examples("| a member | the lounge |")))
def test_a_member_has_what_the_page_says(rules: Ruleset, written: str, answer: str) -> None:
    asked = yaml.safe_load(written)
    times = {name: instant(str(asked[name])) for name in ("at", "club") if name in asked}
    used = tuple(instant(str(at)) for at in asked.get("used", ()))
    segments = tuple(asked.get("segments", ()))
    assert said(rules, holder(rules, level=asked["level"], used=used, segments=segments, **times)) == answer


@given(st.lists(st.integers(1, 60), max_size=40))
def test_no_stretch_ever_holds_more_uses_than_the_limit(hours_apart: list[int]) -> None:
    rules, at = ruleset(LEVELS), NOW
    used: tuple[datetime, ...] = ()
    for hours in hours_apart:
        at += timedelta(hours=hours)
        asked = holder(rules, level="silver", at=at, used=used)
        before = benefit_of(rules, asked, "lounge")
        within = sum(1 for one in used if one <= at < add(one, "P7D", ZONE))
        assert (before.used, before.left) == (within, 3 - within)
        try:
            decision = decide_use(rules, asked, "lounge")
        except BenefitUsedUp as refusal:
            free_at = refusal.facts["next_at"]
            assert isinstance(free_at, datetime)
            assert free_at > at
            assert decide_use(rules, holder(rules, level="silver", at=free_at, used=used), "lounge").left == 0
            continue
        assert decision.left == 2 - within
        used = (*used, at)
    assert all(sum(1 for one in used if start <= one < add(start, "P7D", ZONE)) <= 3 for start in used)


def test_an_entry_is_an_id_or_a_limit_and_an_old_document_keeps_its_form() -> None:
    rules = ruleset(LEVELS.replace("[{id: lounge, times: 3, every: P7D}]", "[lounge, {id: pool, times: 1}]"))
    assert '"benefits":["lounge",{"id":"pool","times":1}]' in canonical_json(rules)
    assert check_ruleset(rules) == []
    twice = ruleset(LEVELS.replace("[{id: lounge, times: 3, every: P7D}]", "[lounge, {id: lounge, times: 1}]"))
    assert [place.pointer for place in check_ruleset(twice)] == ["/tiers/levels/1/benefits"]


@pytest.mark.parametrize(
    ("entry", "pointer", "detail"),
    [
        ("{id: lounge}", "/tiers/levels/1/benefits/0/times", "is missing"),
        ("{id: lounge, times: 0}", "/tiers/levels/1/benefits/0/times", "greater than or equal to 1"),
        ("{id: lounge, times: 1, every: soon}", "/tiers/levels/1/benefits/0/every", "ISO 8601"),
        ("{id: lounge, times: 1, often: true}", "/tiers/levels/1/benefits/0/often", "is not a key"),
        ("5", "/tiers/levels/1/benefits/0", "valid string"),
    ],
)
def test_a_mistake_in_an_entry_is_named_with_its_place(entry: str, pointer: str, detail: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ruleset(LEVELS.replace("{id: lounge, times: 3, every: P7D}", entry))
    (place,) = refused.value.places
    assert place.pointer == pointer
    assert detail in place.detail


@pytest.mark.parametrize(
    ("more", "pointer", "detail"),
    [
        ({"when": "order.total > 5"}, "/campaigns/0/when", "reads order.total"),
        ({"when": "member.age_days > 3 && visit.number == 10"}, "/campaigns/0/when", "reads visit.number"),
        ({"when": "visit.receipt == 1"}, "/campaigns/0/when", "reads visit.receipt"),
        ({"limits": {"budget_points": 5}}, "/campaigns/0/limits/budget_points", "gives no points"),
        ({"from": "2026-02-02", "until": "2026-02-01"}, "/campaigns/0/until", "before from"),
    ],
)
def test_what_needs_a_purchase_is_refused_with_its_place(more: dict[str, Any], pointer: str, detail: str) -> None:
    (place,) = check_ruleset(ruleset(campaign(**more)))
    assert place.pointer == pointer
    assert detail in place.detail


@pytest.mark.parametrize(
    "when",
    [
        "member.age_days > 3",
        '"order.total" != "visit.number"',
        "visit.weekday == 1 && visit.hour < 12",
        "member.memberships.exists(number, number == 'club')",
    ],
)
def test_member_and_time_may_be_asked(when: str) -> None:
    assert check_ruleset(ruleset(campaign(when=when))) == []


def test_facts_that_a_condition_reads_are_named_in_their_order() -> None:
    text = 'order.items.exists(total, total.amount > 3) && "visit.hour" != member.tier && visit.day == 1'
    assert facts_read(text) == ("order.items", "member.tier", "visit.day")


def test_a_campaign_of_a_benefit_touches_no_purchase() -> None:
    plain, with_it = ruleset("{}"), ruleset(campaign(limits={"per_member": {"times": 1}}))
    facts = purchase(12_345)
    assert decide_purchase(with_it, facts) == decide_purchase(plain, facts)
    assert added_points(plain, with_it) == 0, "and costs no points"


def test_a_programme_of_offers_alone_gives_something() -> None:
    """Without points, memberships and levels: a campaign that gives a benefit is enough."""
    alone = {"ruleset": 1, "program": PROGRAM, "campaigns": [{"id": "open", "award": {"benefit": "pool"}}]}
    assert check_ruleset(parse_ruleset(json.dumps(alone))) == []


def test_an_addendum_can_add_one() -> None:
    """CONTRACT: an addendum adds campaigns."""
    assert is_addendum_of(ruleset("{}"), ruleset(campaign()))


def test_a_campaign_counts_uses_from_its_first_day_only() -> None:
    rules = ruleset(campaign(**{"from": "2026-06-01", "limits": {"per_member": {"times": 1}}}))
    before, on_it = NOW - timedelta(days=30), NOW - timedelta(hours=1)
    assert benefit_of(rules, holder(rules, used=(before,), benefit="pool"), "pool").left == 1
    assert benefit_of(rules, holder(rules, used=(before, on_it), benefit="pool"), "pool").is_used_up


def test_facts_of_a_use_survive_json() -> None:
    member = MemberFacts("gold", 3, 2, 1, ("club",), None, ("vip",))
    facts = UseFacts(NOW, local_time(NOW, ZONE), "lounge", "mrc_1", member, "sto_1", "with a child")
    assert UseFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    with pytest.raises(InvalidInput):
        UseFacts.from_json({**facts.to_json(), "benefit": ""})
    with pytest.raises(InvalidInput):
        UseFacts.from_json({})
