"""What members are told, exactly once: levels, points and memberships, with what causes it or ahead of time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, START, Make, Town, accept_by_chain, rules
from sqlalchemy import event, func, insert, select, text, update

from token_service.errors import InvalidInput, NotFound
from token_service.ledger import due_members
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.due import DueRun, go_on, next_due_at, run_due
from token_service.ledger.inputs import NewMembership, NewReversal
from token_service.ledger.members import freeze, unfreeze
from token_service.ledger.memberships import refund_membership, sell_membership
from token_service.ledger.merging import merge_members
from token_service.ledger.notice_lists import list_notices, list_of_member, mark_seen
from token_service.ledger.notice_tables import notices
from token_service.ledger.rebuild import rebuild
from token_service.ledger.rulesets import draft, publish
from token_service.ledger.tables import members
from token_service.program.notices import DOWNGRADE_AHEAD, EXPIRY_AHEAD

LEVELS = (
    "{qualify_by: spend, window: {kind: rolling, period: P12M}, "
    "levels: [{id: bronze, from: 0}, {id: silver, from: 2000}, {id: gold, from: 5000}]}"
)
YEAR = datetime(2027, 3, 2, 9, 0, tzinfo=START.tzinfo)
"""When a purchase of the first day leaves the window."""


@pytest.fixture
def levels(make: Make) -> Town:
    return make(rules(tiers=LEVELS))


def told(town: Town, member: str, kind: str = "") -> list[tuple[str, Mapping[str, object]]]:
    """Kind and data, oldest first."""
    page = list_of_member(town.context, ADMIN, member, limit=100).page
    return [(one.kind, one.data) for one in reversed(page) if one.kind.startswith(kind)]


def kinds(town: Town, member: str) -> list[str]:
    return [kind for kind, _ in told(town, member)]


def count_of(town: Town) -> int:
    with town.context.store.read() as connection:
        return connection.execute(select(func.count()).select_from(notices)).scalar_one()


def wait_until(town: Town, at: datetime) -> None:
    town.clock.at = at
    run_due(town.context)


def test_crossing_a_threshold_in_the_evaluation_window_changes_the_tier_and_emits_tier_upgraded(levels: Town) -> None:
    """The issue: "Crossing a threshold in the evaluation window changes the tier and emits `tier.upgraded`"."""
    member = levels.member()
    levels.buy(member, 1_999)
    assert told(levels, member) == []
    levels.buy(member, 1)
    levels.buy(member, 100)
    assert told(levels, member) == [("tier.upgraded", {"from": "bronze", "to": "silver"})]


def test_what_is_given_back_says_tier_downgraded(levels: Town) -> None:
    member = levels.member()
    bought = levels.buy(member, 6_000).value.id
    levels.refund(bought, 6_000)
    assert told(levels, member) == [
        ("tier.upgraded", {"from": "bronze", "to": "gold"}),
        ("tier.downgraded", {"from": "gold", "to": "bronze"}),
    ]


def test_tiers_say_will_downgrade_a_quarter_ahead_once(levels: Town) -> None:
    """The issue: "'will downgrade' notice"."""
    member = levels.member()
    levels.buy(member, 6_000)
    wait_until(levels, YEAR - DOWNGRADE_AHEAD - timedelta(seconds=1))
    assert kinds(levels, member) == ["tier.upgraded"]
    assert next_due_at(levels.context) == YEAR - DOWNGRADE_AHEAD
    assert levels.pass_time(timedelta(seconds=1)).notices_told == 1
    assert told(levels, member, "tier.will") == [
        (
            "tier.will_downgrade",
            {"from": "gold", "to": "bronze", "at": "2027-03-02T09:00:00Z", "missing": 5_000, "qualify_by": "spend"},
        )
    ]
    for _ in range(3):
        assert levels.pass_time(DAY).notices_told == 0
    wait_until(levels, YEAR)
    assert kinds(levels, member) == ["tier.upgraded", "tier.will_downgrade", "tier.downgraded"]


def test_who_buys_on_the_way_is_told_the_next_date_when_the_first_has_come(levels: Town) -> None:
    member = levels.member()
    levels.buy(member, 6_000)
    wait_until(levels, YEAR - 60 * DAY)
    levels.buy(member, 5_500)
    run_due(levels.context)
    assert kinds(levels, member).count("tier.will_downgrade") == 1
    wait_until(levels, YEAR)
    assert kinds(levels, member) == ["tier.upgraded", "tier.will_downgrade"]
    wait_until(levels, YEAR + 305 * DAY - DOWNGRADE_AHEAD)
    assert [data["at"] for _, data in told(levels, member, "tier.will")] == [
        "2027-03-02T09:00:00Z",
        "2028-01-01T09:00:00Z",
    ]


def test_a_refund_that_brings_the_end_nearer_is_told(levels: Town) -> None:
    member = levels.member()
    levels.buy(member, 3_000)
    wait_until(levels, START + 100 * DAY)
    later = levels.buy(member, 3_000).value.id
    wait_until(levels, YEAR - 100 * DAY)
    levels.refund(later, 3_000)
    wait_until(levels, YEAR - 90 * DAY)
    assert kinds(levels, member) == ["tier.upgraded", "tier.upgraded", "tier.downgraded", "tier.will_downgrade"]
    assert told(levels, member)[-1][1]["from"] == "silver"


def test_a_level_that_the_rules_no_longer_have_goes_neither_up_nor_down(levels: Town) -> None:
    member = levels.member()
    levels.buy(member, 6_000)
    other = rules(tiers=LEVELS.replace("id: gold", "id: platinum"))
    hash_ = draft(levels.context, ADMIN, other).hash
    publish(levels.context, ADMIN, hash_, START + 30 * DAY)
    accept_by_chain(levels, hash_)
    wait_until(levels, START + 31 * DAY)
    assert told(levels, member)[-1] == ("tier.changed", {"from": "gold", "to": "platinum"})
    wait_until(levels, YEAR - DOWNGRADE_AHEAD)
    assert told(levels, member)[-1][1]["from"] == "platinum"


def test_points_that_expire_are_told_thirty_days_ahead_a_day_at_a_time(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P12M}"))
    member, other = town.member(), town.member()
    for total in (500, 700):
        town.buy(member, total)
        town.clock.forward(timedelta(hours=1))
    wait_until(town, START + DAY)
    town.buy(member, 300)
    town.buy(other, 400)
    wait_until(town, YEAR - EXPIRY_AHEAD)
    said = {"points": 12, "on": "2027-03-02", "at": "2027-03-02T09:00:00Z"}
    assert told(town, member) == [("points.expiring", said)]
    town.redeem(other, 4)
    assert town.pass_time(DAY).notices_told == 1
    assert [data["points"] for _, data in told(town, member)] == [12, 3]
    assert told(town, other) == []


def test_points_that_come_back_are_told(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P12M}"))
    member = town.member()
    town.buy(member, 500)
    spent = town.redeem(member, 5).value.id
    wait_until(town, YEAR - EXPIRY_AHEAD)
    assert told(town, member) == []
    town.restore(spent)
    run_due(town.context)
    assert [data["points"] for _, data in told(town, member)] == [5]


def test_short_lived_points_are_told_at_half_their_time(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P10D}"))
    member = town.member()
    town.buy(member, 500)
    assert town.pass_time(4 * DAY).notices_told == 0
    assert town.pass_time(DAY).notices_told == 1


def test_points_that_are_gone_or_expired_are_not_told(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P12M}"))
    member = town.member()
    town.buy(member, 500)
    wait_until(town, YEAR + DAY)  # nobody looked for a month
    assert told(town, member) == []


def test_a_membership_that_ends_is_told_unless_it_is_paid_on(make: Make) -> None:
    town = make(rules(memberships="[{id: club, price: 4900, period: P12M, grace: P14D, benefits: [lounge]}]"))
    ends, renewed = town.member(), town.member()

    def sell(member: str) -> str:
        return sell_membership(town.context, town.alice, NewMembership(town.reference(), "club", member)).value.id

    for member in (ends, renewed):
        sell(member)
    wait_until(town, YEAR - 40 * DAY)
    second = sell(renewed)
    wait_until(town, YEAR - 30 * DAY)
    assert told(town, ends) == [("membership.ending", {"membership": "club", "at": "2027-03-02T09:00:00Z"})]
    assert told(town, renewed) == []
    refund_membership(town.context, town.alice, second, NewReversal(town.reference()))
    run_due(town.context)
    assert kinds(town, renewed) == ["membership.ending"]
    wait_until(town, YEAR + DAY)
    assert count_of(town) == 2


def test_a_completed_challenge_and_a_badge_are_told_with_the_purchase(make: Make) -> None:
    coffee = "{id: coffee, count: {kind: orders}, target: 2, repeat: always, award: {points: 5}}"
    regular = "{id: regular, count: {kind: orders}, target: 3, award: {badge: true}}"
    town = make(rules(challenges=f"[{coffee}, {regular}]"))
    member = town.member()
    for _ in range(3):
        town.buy(member, 100)
    nothing = {"points": 0, "reward": None, "voucher_id": None}
    assert told(town, member) == [
        ("challenge.completed", {"challenge": "coffee", **nothing, "points": 5}),
        ("challenge.completed", {"challenge": "regular", **nothing}),
        ("badge.awarded", {"badge": "regular"}),
    ]


def test_due_notices_go_on_where_they_were_cut_off_and_come_from_any_worker(
    levels: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_members, "CHUNK", 2)
    members = [levels.member() for _ in range(5)]
    for member in members:
        levels.buy(member, 6_000)
    levels.clock.at = YEAR - DOWNGRADE_AHEAD
    before, run = count_of(levels), DueRun()
    while count_of(levels) == before:
        run = go_on(levels.context, run, 1)
    assert count_of(levels) == before + 2  # and this worker is gone
    assert run_due(levels.context).notices_told == 3
    assert all(kinds(levels, member).count("tier.will_downgrade") == 1 for member in members)


def test_a_look_walks_through_nobody_else_also_right_after_a_day_on_which_all_were_due(levels: Town) -> None:
    levels.buy(levels.member(), 6_000)
    with levels.context.store.write() as connection:
        one = dict(connection.execute(select(members)).mappings().one())
        rows = [one | {"id": f"mem_{n}", "address": f"0x{n:040}", "notice_due_at": START} for n in range(3_000)]
        connection.execute(insert(members), rows)
    with levels.context.store.ask() as connection:
        connection.execute(text("analyze members"))
    with levels.context.store.write() as connection:
        connection.execute(update(members).values(notice_due_at=YEAR))
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "notice_due_at <= " in statement:
            asked.append((statement, values))

    event.listen(levels.context.store.engine, "before_cursor_execute", note)
    run_due(levels.context)
    event.remove(levels.context.store.engine, "before_cursor_execute", note)
    explain = "explain query plan " if levels.context.store.is_sqlite else "explain "
    with levels.context.store.ask() as connection:
        for statement, values in asked:
            plan = str(connection.exec_driver_sql(explain + statement, values).all())
            assert "ix_members_notice_due_at" in plan
            assert "Sort" not in plan
            assert "TEMP B-TREE" not in plan
    assert len(asked) == 1


def test_many_whose_dates_are_the_same_are_each_looked_at_once(levels: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_members, "CHUNK", 2)
    for _ in range(5):
        levels.buy(levels.member(), 6_000)
    frozen = levels.member()
    levels.buy(frozen, 6_000)
    freeze(levels.context, ADMIN, frozen, "an odd pattern")
    levels.clock.at = YEAR - DOWNGRADE_AHEAD + DAY
    assert run_due(levels.context).notices_told == 5
    assert run_due(levels.context).notices_told == 0


def test_a_rebuild_tells_nothing_twice(levels: Town) -> None:
    member = levels.member()
    levels.buy(member, 6_000)
    wait_until(levels, YEAR - DOWNGRADE_AHEAD)
    before = count_of(levels)
    rebuild(levels.context)
    run_due(levels.context)
    assert count_of(levels) == before
    levels.check()


def test_the_frozen_are_told_when_they_are_free_again(levels: Town) -> None:
    member = levels.member()
    levels.buy(member, 6_000)
    freeze(levels.context, ADMIN, member, "an odd pattern")
    wait_until(levels, YEAR - DOWNGRADE_AHEAD + DAY)
    assert (kinds(levels, member), next_due_at(levels.context)) == (["tier.upgraded"], None)
    unfreeze(levels.context, ADMIN, member, "it was all right")
    run_due(levels.context)
    assert kinds(levels, member) == ["tier.upgraded", "tier.will_downgrade"]


def test_nobody_writes_to_a_closed_account(levels: Town) -> None:
    member = levels.member()
    levels.buy(member, 6_000)
    close_member(levels.context, ADMIN, member, "moved away", forfeit=True)
    wait_until(levels, YEAR - DOWNGRADE_AHEAD)
    assert list_notices(levels.context, ADMIN).data == ()
    assert told(levels, member) == []
    reopen_member(levels.context, ADMIN, member, "came back")
    run_due(levels.context)
    assert kinds(levels, member) == ["tier.upgraded", "tier.will_downgrade"]


def test_what_an_account_was_told_stays_with_it_when_it_becomes_part_of_another(levels: Town) -> None:
    source, target = levels.member(), levels.member()
    levels.buy(source, 3_000)
    levels.buy(target, 3_000)
    merge_members(levels.context, ADMIN, source, target, "one person")
    assert told(levels, source) == told(levels, target)
    assert told(levels, target) == [
        ("tier.upgraded", {"from": "bronze", "to": "silver"}),
        ("tier.upgraded", {"from": "silver", "to": "gold"}),
    ]
    wait_until(levels, YEAR - DOWNGRADE_AHEAD)
    assert {one.member_id for one in list_notices(levels.context, ADMIN).data} == {target}


def test_a_merchant_gets_what_is_new_of_its_own_members_oldest_first(levels: Town) -> None:
    own, foreign = levels.member(), levels.member(levels.charlie)
    levels.buy(own, 3_000)
    levels.buy(foreign, 3_000, actor=levels.charlie)
    levels.clock.forward(DAY)
    levels.buy(own, 3_000)
    first, second = list_notices(levels.context, levels.alice).data
    assert [one.member_id for one in (first, second)] == [own, own]
    assert first.external_id is not None
    assert [one.data["to"] for one in (first, second)] == ["silver", "gold"]
    assert len(list_notices(levels.context, ADMIN).data) == 3
    only_charlie = list_notices(levels.context, ADMIN, merchant_id=levels.charlie.merchant_id).data
    assert [one.member_id for one in only_charlie] == [foreign]
    assert list_notices(levels.context, levels.alice, after=first.id).data == (second,)
    assert list_notices(levels.context, levels.alice, since=START + DAY).data == (second,)
    assert list_notices(levels.context, levels.alice, kind="tier.downgraded").data == ()
    part = list_notices(levels.context, levels.alice, limit=1)
    assert list_notices(levels.context, levels.alice, cursor=part.next_cursor).data == (second,)
    with pytest.raises(InvalidInput, match="since"):
        list_notices(levels.context, levels.alice, after="ntc_gone")
    with pytest.raises(NotFound):
        list_of_member(levels.context, levels.alice, foreign)


def test_who_polls_misses_nothing_that_was_numbered_earlier_and_written_later(levels: Town) -> None:
    store, member = levels.context.store, levels.member()
    if store.is_sqlite:  # one writes after the other: nothing can be numbered in between
        levels.buy(member, 3_000)
        assert len(list_notices(levels.context, levels.alice).data) == 1
        return
    slow = {"id": "ntc_slow", "member_id": member, "kind": "tier.upgraded", "cause": "slow", "created_at": START}
    with store.write() as connection:
        connection.execute(insert(notices).values(**slow, data={}))
        levels.issue(levels.member(), 1)
        levels.buy(levels.member(), 3_000)
        assert list_notices(levels.context, levels.alice).data == ()
    page = list_notices(levels.context, levels.alice).data
    assert [one.id == "ntc_slow" for one in page] == [True, False]


def test_a_member_has_seen_what_was_on_the_page_and_all_before_it(levels: Town) -> None:
    member, other = levels.member(), levels.member()
    levels.buy(member, 3_000)
    levels.buy(member, 3_000)
    levels.buy(other, 3_000)
    own = Actor.member(member)
    found = list_of_member(levels.context, own, member)
    gold, silver = found.page
    assert found.unseen == {gold.id, silver.id}
    mark_seen(levels.context, own, silver.id)
    assert list_of_member(levels.context, own, member).unseen == {gold.id}
    mark_seen(levels.context, own, gold.id)
    mark_seen(levels.context, own, silver.id)
    assert list_of_member(levels.context, own, member).unseen == frozenset()
    with pytest.raises(NotFound):
        mark_seen(levels.context, Actor.member(other), gold.id)
