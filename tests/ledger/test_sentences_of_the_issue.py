"""More sentences of the brief's list and of the issue, in their own words, through the ledger on both databases."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from ledger_town import ADMIN, DAY, START, Make, Town, accept_by_chain, rules
from sqlalchemy import select

from token_service.ledger import tables
from token_service.ledger.due import run_due
from token_service.ledger.events import reverse_event, send_event
from token_service.ledger.inputs import NewEvent, NewMember, NewReversal
from token_service.ledger.members import enrol, freeze, get_member
from token_service.ledger.merging import merge_members
from token_service.ledger.referrals import get_invitation
from token_service.ledger.rulesets import draft, publish, ruleset_in_force
from token_service.ledger.segments import set_segments
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.tier_outlook import get_tier

WORKERS = 4
BASE = "{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}"
LEVELS = (
    "{qualify_by: spend, window: {kind: rolling, period: P12M}, downgrade: {after: window, grace: P30D, steps: 1}, "
    "levels: [{id: bronze, from: 0}, {id: silver, from: 5000}, {id: gold, from: 9000}]}"
)


def facts_of(town: Town, member: str, kind: str) -> list[dict[str, object]]:
    """The details of the member's facts of a kind, oldest first."""
    columns = tables.facts.c
    query = select(columns.detail).where(columns.member_id == member, columns.kind == kind).order_by(columns.seq)
    with town.context.store.read() as connection:
        return [json.loads(detail) for detail in connection.execute(query).scalars()]


def test_number_7_crossing_a_threshold_emits_the_change_and_window_end_and_downgrade_policy_are_explicit(
    make: Make,
) -> None:
    town = make(rules(tiers=LEVELS))
    member = town.member()
    town.buy(member, 4_999)
    town.buy(member, 4_001)
    told = facts_of(town, member, "tier")
    changes = [(one["from"], one["to"], one["figure"]) for one in told]
    assert changes == [("bronze", "gold", 9_000)], "49.99 EUR changed nothing"
    standing = get_tier(town.context, town.alice, member)
    assert standing.downgrade is not None
    ends_at, grace_ends_at = (
        datetime(2027, 3, 2, 9, 0, tzinfo=UTC),
        datetime(2027, 4, 1, 8, 0, tzinfo=UTC),
    )  # summer time
    assert (standing.downgrade.at, standing.downgrade.to) == (grace_ends_at, "silver"), "a year, the grace, one step"
    town.clock.at = ends_at
    run_due(town.context)
    kept = get_tier(town.context, town.alice, member)
    assert (kept.tier, kept.figure, kept.keeps_until) == ("gold", 0, grace_ends_at)
    for level in ("silver", "bronze"):
        town.pass_time(30 * DAY)
        assert get_member(town.context, ADMIN, member).tier == level
    assert [one["to"] for one in facts_of(town, member, "tier")][-2:] == ["silver", "bronze"]
    town.check()


@pytest.mark.parametrize(
    ("basis", "points"), [("gross", 60), ("net", 50), ("goods", 55)], ids=["paid", "without tax", "without shipping"]
)
def test_number_13_the_basis_is_a_declared_setting(make: Make, basis: str, points: int) -> None:
    """60.00 EUR with 10.00 of tax and 5.00 of shipping."""
    town = make(rules().replace("basis: gross", f"basis: {basis}"))
    bought = town.buy(town.member(), 6_000, tax=1_000, shipping=500).value
    assert bought.points == points
    assert {"gross": "paid", "net": "paid without tax", "goods": "paid without shipping"}[basis] in bought.breakdown[
        0
    ].why


def test_number_46_caps_per_merchant_and_day(make: Make) -> None:
    town = make(rules(limits="{per_merchant_day_points: 50}"))
    mine, theirs = town.member(), town.member(town.charlie)
    first, second = town.buy(mine, 4_000).value, town.buy(town.member(), 4_000).value
    assert (first.points, second.points) == (40, 10)
    assert (second.breakdown[-1].rule, second.breakdown[-1].points) == ("limit:per_merchant_day_points", -30)
    assert town.buy(theirs, 4_000, actor=town.charlie).value.points == 40, "another merchant has its own day"
    town.clock.forward(DAY)
    assert town.buy(mine, 4_000).value.points == 40
    town.check()


def test_number_20_recurrence_policy_on_expiry(make: Make) -> None:
    """Once a week: completed or not, the next week begins anew, and it can be completed in each."""
    town = make(rules(challenges="[{id: three, count: {kind: orders}, target: 3, period: week, award: {points: 50}}]"))
    member = town.member()
    weeks = [[len(town.buy(member, 100).value.completed) for _ in range(times)] for times in (4,)]
    for times in (2, 3):
        town.clock.forward(7 * DAY)
        weeks.append([len(town.buy(member, 100).value.completed) for _ in range(times)])
    assert weeks == [[0, 0, 1, 0], [0, 0], [0, 0, 1]], "once, then not enough, then once again"
    town.check()


def test_campaign_budgets_in_points_and_money_are_given_back_when_reversed(make: Make) -> None:
    """Of purchases by their refund, of events by their reversal; 3.00 EUR are 30 points."""
    reviews = "{id: review, kind: event, event: review.written, points: 20, limits: {budget_amount: 300}}"
    text = rules(
        campaigns="[{id: points, award: {points: 20}, limits: {budget_points: 30}}, "
        "{id: money, award: {points: 20}, limits: {budget_amount: 300}}]"
    ).replace(f"[{BASE}]", f"[{BASE}, {reviews}]")
    town = make(text)
    member = town.member()

    def buy() -> tuple[int, str]:
        bought = town.buy(member, 100).value
        return bought.points, bought.id

    def review() -> tuple[int, str]:
        sent = send_event(
            town.context, town.alice, NewEvent(town.reference(), "review.written", town.clock.at, member)
        ).value
        return sent.points, sent.id

    bought = [buy() for _ in range(3)]
    assert [points for points, _ in bought] == [41, 21, 1], "20 and 20, then 10 and 10, then nothing of either"
    town.refund(bought[0][1], 100)
    assert [buy()[0] for _ in range(2)] == [41, 1], "20 of each are there again"
    sent = [review() for _ in range(3)]
    assert [points for points, _ in sent] == [20, 10, 0]
    reverse_event(town.context, town.alice, sent[0][1], NewReversal(town.reference()))
    assert [review()[0] for _ in range(2)] == [20, 0]
    town.check()


def test_merge_two_members_balances_lots_history(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P10D}", tiers=LEVELS))
    one, other = town.member(), town.member()
    town.buy(one, 3_000)
    town.clock.forward(2 * DAY)
    town.buy(other, 2_500)
    town.redeem(other, 5)
    both = merge_members(town.context, ADMIN, one, other, "the same person").member
    assert both.balance.available == 50, "balances: 30 and 20"
    assert [(lot.points, lot.at) for lot in both.balance.expiring] == [(30, START + 10 * DAY), (20, START + 12 * DAY)]
    assert both.tier == "silver", "history: 30.00 and 25.00 EUR make 55.00"
    assert town.moves(other) == [("issuance", 25), ("redemption", -5), ("move", 30)]
    assert town.moves(one) == town.moves(other), "the old id means the account that stays"
    town.clock.at = START + 10 * DAY
    run_due(town.context)
    assert town.balance(other).available == 20
    town.check()


def test_birthdays_are_exactly_once_per_member_and_period_and_run_from_any_worker(make: Make) -> None:
    cake = "{id: cake, kind: event, event: member.birthday, points: 40}"
    town = make(rules().replace(f"[{BASE}]", f"[{BASE}, {cake}]"))
    born = [
        enrol(town.context, town.alice, NewMember(town.reference(), birth_date=date(1990, 3, 4))).member.id
        for _ in range(12)
    ]
    for _ in range(2):
        town.clock.forward(3 * DAY)
        with ThreadPoolExecutor(WORKERS) as pool:
            reports = list(pool.map(lambda _: run_due(town.context), range(WORKERS)))
        assert sum(report.birthdays for report in reports) in {12, 0}
    assert [town.moves(member) for member in born] == [[("issuance", 40)]] * 12
    town.check()


def test_referrals_are_exactly_once_and_run_from_any_worker(make: Make) -> None:
    pays = (
        "{id: friend, kind: event, event: member.referred, points: 7}, "
        "{id: invited, kind: event, event: member.invited, points: 5}"
    )
    town = make(rules(return_window="P2D").replace(f"[{BASE}]", f"[{BASE}, {pays}]"))
    inviter = town.member()
    code = get_invitation(town.context, ADMIN, inviter).code
    friends = [
        enrol(town.context, town.alice, NewMember(town.reference(), referral_code=code)).member.id for _ in range(8)
    ]
    for friend in friends:
        town.buy(friend, 100)
    town.clock.forward(3 * DAY)
    with ThreadPoolExecutor(WORKERS) as pool:
        reports = list(pool.map(lambda _: run_due(town.context), range(WORKERS)))
    assert sum(report.referrals_paid for report in reports) == 8
    assert town.balance(inviter).available == 8 * 7
    assert [town.balance(friend).available for friend in friends] == [1 + 5] * 8
    town.check()


def test_facts_that_move_no_points_are_leaves_too(make: Make) -> None:
    town = make(rules(tiers=LEVELS, segments="[{id: press}]"))
    member = town.member()
    town.buy(member, 99)
    send_event(town.context, town.alice, NewEvent(town.reference(), "unheard.of", town.clock.at, member))
    set_segments(town.context, ADMIN, member, ("press",))
    freeze(town.context, ADMIN, member, "a doubt")
    facts = tables.facts.c
    query = select(facts.kind, leaves.c.kind, leaves.c.amount, leaves.c.promise).outerjoin(
        leaves, leaves.c.id == facts.id
    )
    with town.context.store.read() as connection:
        found = {row[0]: tuple(row[1:]) for row in connection.execute(query.where(facts.member_id == member))}
    assert {"purchase", "event", "segments", "frozen"} <= found.keys()
    for kind, (leaf_kind, amount, promise) in found.items():
        assert (leaf_kind, amount) == (0, 0), kind
        assert promise.startswith("0x")
    assert town.moves(member) == []
    town.check()


def test_notice_before_it_takes_effect(make: Make) -> None:
    """A change waits for its day; until then the rules of before decide, and the day is public."""
    town = make(rules())
    drafted = draft(town.context, ADMIN, rules().replace("points: 1, per", "points: 3, per"))
    published = publish(town.context, ADMIN, drafted.hash, START + 7 * DAY)
    assert published.effective_at == START + 7 * DAY
    accept_by_chain(town, drafted.hash)
    town.clock.at = START + 7 * DAY - timedelta(seconds=1)
    assert ruleset_in_force(town.context, town.clock.at).hash != drafted.hash
    assert town.buy(town.member(), 1_000).value.points == 10
    town.clock.forward(timedelta(seconds=1))
    assert ruleset_in_force(town.context, town.clock.at).hash == drafted.hash
    assert town.buy(town.member(), 1_000).value.points == 30
