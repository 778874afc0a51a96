"""What goes wrong rarely: two merchants in one batch, room that is gone at the last moment, refunds of what the chain refused,
a debt paid twice in one transaction, rules that change while nobody buys.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_town import ADMIN, DAY, START, TIERS, Make, Town, accept_by_chain, rules
from sqlalchemy import select, update

from token_service.errors import AlreadyReversed, CeilingReached
from token_service.ledger import tables
from token_service.ledger.due import next_due_at, run_due
from token_service.ledger.idempotency import once
from token_service.ledger.members import freeze, get_member, unfreeze
from token_service.ledger.purchases import record_purchases
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.rulesets import draft, publish
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.tier_outlook import get_tier
from token_service.ledger.views import BatchOutcome, DueReport
from token_service.ledger.voids import void_skipped


def skip(town: Town, entry_id: str) -> None:
    """What the indexer does when a leaf was skipped for a final reason."""
    with town.context.store.write() as connection:
        connection.execute(update(leaves).where(leaves.c.id == entry_id).values(skip_reason=4))
        void_skipped(connection, town.context, entry_id, 4)


def every_entry_has_its_leaf(town: Town) -> bool:
    with town.context.store.read() as connection:
        entries = set(connection.execute(select(tables.entries.c.id).where(tables.entries.c.voids.is_(None))).scalars())
        facts = set(connection.execute(select(tables.facts.c.id)).scalars())
        return entries | facts == set(connection.execute(select(leaves.c.id)).scalars())


def test_a_batch_for_two_merchants_is_answered_again_like_the_first_time(town: Town) -> None:
    members = {actor: town.member(actor) for actor in (town.alice, town.charlie)}
    news = [
        replace(town.new_purchase(member, 1_000), merchant_id=actor.merchant_id) for actor, member in members.items()
    ]
    first = record_purchases(town.context, ADMIN, news)
    again = record_purchases(town.context, ADMIN, news)
    assert [item.replayed for item in again if isinstance(item, BatchOutcome)] == [True, True]
    assert [item.value for item in again] == [item.value for item in first]  # type: ignore[union-attr]
    town.check()


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_keyed_batch_that_loses_the_last_room_leaves_nothing_of_it_behind(make: Make, database: str) -> None:
    """Between the check and the write somebody else takes the room: what had been written for the batch is undone."""
    town = make(ceiling_points=30)
    member, other = town.member(), town.member()
    plain_id, asked = town.context.new_id, list[str]()

    def slow_id(prefix: str) -> str:
        asked.append(prefix)
        if asked.count("ent") == 2 and prefix == "ent":
            town.issue(other, 15)
        return plain_id(prefix)

    news = [town.new_purchase(member, 1_000), town.new_purchase(member, 1_500)]

    def run() -> list[object]:
        done = once(
            replace(town.context, new_id=slow_id),
            scope="admin",
            key="k",
            content={},
            status=200,
            run=lambda context: record_purchases(context, town.alice, news),
            ids=lambda answers: [],
            load=lambda context, ids: [],
        )
        return list(done.value)

    recorded, refused = run()
    assert isinstance(recorded, BatchOutcome)
    assert not recorded.replayed
    assert isinstance(refused, CeilingReached)
    assert town.balance(member).available == 10
    assert every_entry_has_its_leaf(town)
    town.check()


class TestWhatTheChainRefused:
    def test_a_refund_takes_nothing_twice(self, town: Town) -> None:
        member = town.member()
        town.issue(member, 40)
        bought = town.buy(member, 10_000)
        skip(town, bought.entries[0].id)
        refund = town.refund(bought.value.id, 10_000).value
        assert (refund.kept, refund.reversed, refund.debt) == (0, 0, 0)
        assert (town.balance(member).available, town.balance(member).debt) == (40, 0)
        town.check()

    def test_a_reversal_takes_nothing_twice(self, town: Town) -> None:
        member = town.member()
        town.issue(member, 40)
        issued = town.issue(member, 60)
        skip(town, issued.entries[0].id)
        reversal = town.reverse(issued.value.id).value
        assert (reversal.reversed, reversal.debt) == (0, 0)
        assert town.balance(member).available == 40
        town.check()

    def test_what_came_back_already_is_not_restored_again(self, town: Town) -> None:
        member = town.member()
        town.issue(member, 50)
        spent = town.redeem(member, 20)
        skip(town, spent.entries[0].id)
        assert town.balance(member).available == 50
        with pytest.raises(AlreadyReversed):
            town.restore(spent.value.id)
        assert town.balance(member).available == 50
        town.check()


def test_a_debt_paid_by_two_credits_at_once_has_two_parts(make: Make) -> None:
    """An auditor counts one entry for each (merchant, kind, reference, part)."""
    town = make(rules(return_window="P14D"))
    member = town.member()
    issued = town.issue(member, 30)
    town.redeem(member, 30)
    town.reverse(issued.value.id)
    town.buy(member, 1_000)
    town.buy(member, 1_000)
    town.pass_time(15 * DAY)
    assert (town.balance(member).available, town.balance(member).debt) == (0, 10)
    with town.context.store.read() as connection:
        columns = tables.entries.c
        details = connection.execute(select(columns.detail).where(columns.member_id == member)).scalars().all()
    parts = [
        (detail["operation"], detail["reference"], detail["part"])
        for detail in map(json.loads, details)
        if "operation" in detail
    ]
    assert len(parts) == len(set(parts))
    town.check()


def test_a_tier_follows_new_rules_on_their_day_also_for_who_bought_in_between(make: Make) -> None:
    town = make(rules(tiers=TIERS.replace("kind: rolling, period: P12M", "kind: lifetime")))
    buyer, idle = town.member(), town.member()
    town.buy(buyer, 6_000)
    town.buy(idle, 6_000)
    stricter = draft(town.context, ADMIN, rules(tiers=TIERS.replace("5000", "50000")))
    publish(town.context, ADMIN, stricter.hash, START + 30 * DAY)
    accept_by_chain(town, stricter.hash)
    town.clock.forward(10 * DAY)
    town.buy(buyer, 1_000)
    late = town.member()
    town.buy(late, 10_000)
    assert get_member(town.context, town.alice, buyer).tier == "gold"
    for member in (buyer, idle, late):
        ahead = get_tier(town.context, town.alice, member).projected
        assert (ahead.tier, ahead.at, ahead.because) == ("bronze", START + 30 * DAY, "rules")
        assert ahead.ruleset == stricter.hash
    town.pass_time(21 * DAY)
    for member in (buyer, idle, late):
        assert get_member(town.context, town.alice, member).tier == "bronze"
    town.check()


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_report_reads_one_snapshot_while_others_write(town: Town, database: str) -> None:
    member = town.member()
    balance = select(tables.members.c.available).where(tables.members.c.id == member)
    with town.context.store.read() as connection:
        before = connection.execute(balance).scalar_one()
        town.issue(member, 5)
        assert connection.execute(balance).scalar_one() == before
    assert town.balance(member).available == before + 5


def test_months_at_once_mature_then_expire_then_lower_the_tier(make: Make) -> None:
    """The service stood still for a year: everything falls due in one run, in the order in which it should have."""
    tiers = TIERS.replace("levels", "downgrade: {after: window, grace: P30D, steps: 1}, levels")
    town = make(rules(return_window="P14D", tiers=tiers, expiry="{kind: inactivity, period: P6M}"))
    member = town.member()
    town.buy(member, 6_000)
    town.clock.forward(timedelta(days=500))
    report = run_due(town.context)
    assert (report.awards_matured, report.lots_expired, report.points_expired, report.tiers_changed) == (1, 1, 60, 1)
    assert town.moves(member) == [("issuance", 60), ("expiry", -60)]
    assert get_member(town.context, town.alice, member).tier == "bronze"
    assert run_due(town.context) == replace(report, awards_matured=0, lots_expired=0, points_expired=0, tiers_changed=0)
    town.check()
    rebuild(town.context)
    assert check_rebuild(town.context) == []


def test_what_a_frozen_member_waits_for_is_not_due(make: Make) -> None:
    """Else the worker would look at it every second, for ever."""
    town = make(rules(expiry="{kind: fixed, period: P1M}", return_window="P14D"))
    member = town.member()
    town.issue(member, 50)
    town.buy(member, 1_000)
    freeze(town.context, town.alice, member, "looks odd")
    town.clock.forward(40 * DAY)
    assert next_due_at(town.context) is None
    assert run_due(town.context) == DueReport()
    unfreeze(town.context, town.alice, member, "was right")
    assert next_due_at(town.context) == START + 14 * DAY
    run_due(town.context)
    assert town.moves(member) == [("issuance", 50), ("issuance", 10), ("expiry", -60)]
    assert next_due_at(town.context) is None
    town.check()
