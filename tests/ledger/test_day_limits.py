"""Limits on what everybody earns in a day, and on how fast one member buys (numbers 46 and 54 of the brief)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import select

from token_service.errors import MemberFrozen
from token_service.ledger import settlement_tables, tables
from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent, NewStore
from token_service.ledger.members import get_member, unfreeze
from token_service.ledger.merchants import create_store
from token_service.ledger.purchases import record_purchases, simulate_purchase
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.views import BatchOutcome, Purchase

HOUR = timedelta(hours=1)
EVENTS = """rounding: floor},
  {id: review, kind: event, event: review.written, points: 30}, {id: hello, kind: event, event: member.joined, points: 40}]"""


def capped(**limits: object) -> str:
    return rules(limits="{" + ", ".join(f"{key}: {value}" for key, value in limits.items()) + "}")


def cut(purchase: Purchase) -> dict[str, int]:
    return {line.rule: line.points for line in purchase.breakdown if line.rule.startswith("limit:")}


def used(town: Town) -> list[int]:
    with town.context.store.read() as connection:
        return sorted(row.used_points for row in connection.execute(select(tables.campaign_budgets)) if row.used_points)


def test_a_merchants_day_gives_no_more_than_it_may(make: Make) -> None:
    town = make(capped(per_merchant_day_points=25))
    given = [town.buy(town.member(), 1_000).value for _ in range(4)]
    assert [one.points for one in given] == [10, 10, 5, 0]
    assert cut(given[2]) == {"limit:per_merchant_day_points": -5}
    assert given[3].breakdown[-1].why == "at most 25 points a day with a merchant, 0 of them left"
    bob = town.member(actor=town.charlie)
    assert town.buy(bob, 1_000, actor=town.charlie).value.points == 10
    town.clock.forward(DAY)
    assert town.buy(town.member(), 1_000).value.points == 10
    town.check()


def test_a_stores_day_is_its_own(make: Make) -> None:
    town = make(capped(per_store_day_points=15))
    centre, station = (
        create_store(town.context, town.alice, NewStore(external_id=name, name=name)).id for name in ("Centre", "Gare")
    )
    member = town.member()
    assert [town.buy(member, 1_000, store_id=store).value.points for store in (centre, centre, station)] == [10, 5, 10]
    assert town.buy(member, 1_000).value.points == 10
    town.check()


def test_the_programmes_day_counts_purchases_and_events_together(make: Make) -> None:
    text = capped(program_day_points=45, per_merchant_day_points=44).replace("rounding: floor}]", EVENTS)
    town = make(text)
    member = town.member()  # welcomed with 40 points, which are no merchant's
    assert town.buy(member, 1_000).value.points == 5
    review = send_event(town.context, town.alice, NewEvent("r-1", "review.written", town.clock.at, member, subject="a"))
    assert review.value.points == 0
    assert used(town) == [5, 45]
    town.clock.forward(DAY)
    review = send_event(town.context, town.alice, NewEvent("r-2", "review.written", town.clock.at, member, subject="b"))
    assert review.value.points == 30
    assert town.buy(member, 2_000).value.points == 14
    town.check()


def test_a_refund_makes_room_again_on_its_own_day(make: Make) -> None:
    town = make(capped(program_day_points=25))
    first = town.buy(town.member(), 2_000).value
    assert town.buy(town.member(), 2_000).value.points == 5
    town.refund(first.id, 1_000)
    assert used(town) == [15]
    assert town.buy(town.member(), 2_000).value.points == 10
    town.refund(first.id, 1_000)
    assert used(town) == [15]
    town.check()


def test_a_batch_and_many_at_once_never_give_more(make: Make) -> None:
    town = make(capped(program_day_points=100))
    members = [town.member() for _ in range(6)]

    def buy(number: int) -> int:
        return sum(town.buy(members[number], 1_000).value.points for _ in range(3))

    with ThreadPoolExecutor(6) as pool:
        alone = sum(pool.map(buy, range(6)))
    assert alone == 100
    news = [town.new_purchase(members[0], 1_000) for _ in range(3)]
    for answer in record_purchases(town.context, town.alice, news):
        assert isinstance(answer, BatchOutcome)
        assert answer.value.points == 0
    assert check_rebuild(town.context) == []
    town.check()


def test_simulating_says_what_is_left_and_takes_nothing(make: Make) -> None:
    town = make(capped(program_day_points=15))
    member = town.member()
    town.buy(member, 1_000)
    simulated = simulate_purchase(town.context, town.alice, town.new_purchase(member, 1_000))
    assert simulated.value is not None
    assert simulated.value.points == 5
    assert used(town) == [10]


def test_who_buys_too_fast_earns_nothing_more(make: Make) -> None:
    town = make(capped(velocity="{purchases: 2, every: PT1H}"))
    member = town.member()
    bought = [town.buy(member, 1_000).value for _ in range(3)]
    assert [one.points for one in bought] == [10, 10, 0]
    assert bought[2].breakdown[-1].why == "at most 2 purchases in PT1H earn points"
    assert not get_member(town.context, ADMIN, member).frozen
    town.refund(bought[0].id, 1_000)
    assert town.buy(town.member(), 1_000).value.points == 10
    town.clock.forward(HOUR)
    assert town.buy(member, 1_000).value.points == 10
    town.check()


@pytest.mark.parametrize("batch", [False, True], ids=["one by one", "in a batch"])
def test_velocity_limits_and_freeze(make: Make, batch: bool) -> None:
    """Number 54: the one too many is recorded, earns nothing and freezes the member until somebody has looked."""
    town = make(capped(velocity="{purchases: 2, every: PT1H, freeze: true}"))
    member = town.member()
    news = [town.new_purchase(member, 1_000) for _ in range(4)]
    if batch:
        answers = record_purchases(town.context, town.alice, news)
        assert isinstance(answers[3], MemberFrozen)
    else:
        for _ in range(3):
            town.buy(member, 1_000)
        with pytest.raises(MemberFrozen):
            town.buy(member, 1_000)
    assert get_member(town.context, ADMIN, member).frozen
    with town.context.store.read() as connection:
        orders = [row.kind for row in connection.execute(select(settlement_tables.admin_operations))]
    assert orders.count("set_frozen") == 1
    unfreeze(town.context, ADMIN, member, "a family's shopping")
    town.clock.forward(HOUR)
    assert town.buy(member, 1_000).value.points == 10
    town.check()
