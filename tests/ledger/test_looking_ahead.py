"""What an order of a future date would earn: a simulation as of that instant, by the rules announced for then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_town import ADMIN, DAY, Make, Town, accept_by_chain, rules
from sqlalchemy import func, select

from token_service.errors import InvalidInput
from token_service.ledger import tables, views
from token_service.ledger.events import send_event, simulate_event
from token_service.ledger.inputs import NewEvent
from token_service.ledger.looking_ahead import FURTHEST
from token_service.ledger.purchases import record_purchase, simulate_purchase
from token_service.ledger.rulesets import draft, publish

TIERS = (
    "{qualify_by: spend, window: {kind: rolling, period: P30D}, "
    "levels: [{id: bronze, from: 0}, {id: gold, from: 5000, multiplier_percent: 200}]}"
)
SUNDAYS = "[{id: sunday, when: visit.weekday == 7, award: {points: 5}}]"


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(tiers=TIERS, campaigns=SUNDAYS))


def announce(town: Town, points: int, after: timedelta) -> str:
    """Other base points from then on."""
    document = rules(tiers=TIERS, campaigns=SUNDAYS).replace("points: 1, per", f"points: {points}, per")
    made = draft(town.context, ADMIN, document)
    publish(town.context, ADMIN, made.hash, town.clock.at + after)
    accept_by_chain(town, made.hash)
    return made.hash


def earned(town: Town, member: str, after: timedelta) -> views.Purchase:
    """What 10.00 EUR would earn then."""
    new = town.new_purchase(member, 1_000, occurred_at=town.clock.at + after)
    value = simulate_purchase(town.context, town.alice, new).value
    assert value is not None
    return value


def test_an_order_of_a_future_date_is_rated_as_of_then_by_the_rules_announced_for_then(town: Town) -> None:
    member = town.member()
    town.buy(member, 6_000)
    announced = announce(town, 3, 20 * DAY)
    draft(town.context, ADMIN, rules(tiers=TIERS).replace("points: 1, per", "points: 9, per"))  # announced to nobody
    before = count(town), town.balance(member)
    assert [earned(town, member, days * DAY).points for days in (0, 6, 19, 20, 31)] == [20, 25, 20, 65, 30]
    assert earned(town, member, 19 * DAY).ruleset != announced == earned(town, member, 20 * DAY).ruleset
    assert (count(town), town.balance(member)) == before
    town.check()


def test_what_was_simulated_ahead_is_what_the_day_then_brings(town: Town) -> None:
    member = town.member()
    town.buy(member, 6_000)
    announce(town, 3, 20 * DAY)
    told = earned(town, member, 27 * DAY)
    town.pass_time(27 * DAY)
    assert town.buy(member, 1_000).value.points == told.points == 65


def test_nothing_is_recorded_ahead_and_no_simulation_looks_further_than_a_year(town: Town) -> None:
    member = town.member()
    new = town.new_purchase(member, 1_000, occurred_at=town.clock.at + DAY)
    with pytest.raises(InvalidInput, match="in the future"):
        record_purchase(town.context, town.alice, new)
    event = NewEvent(town.reference(), "review.written", town.clock.at + DAY, member)
    assert simulate_event(town.context, town.alice, event).value is not None
    with pytest.raises(InvalidInput, match="in the future"):
        send_event(town.context, town.alice, event)
    assert earned(town, member, FURTHEST).points == 10
    with pytest.raises(InvalidInput, match="366 days ahead"):
        earned(town, member, FURTHEST + timedelta(seconds=1))


def count(town: Town) -> int:
    """How many operations were ever recorded."""
    with town.context.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.operations)).scalar_one())
