"""How often a call asks the database: fixed, however many members or purchases there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from ledger_town import ADMIN, TIERS, Make, Town, rules
from sqlalchemy import Connection, Select, Table, event

from token_service.ledger import direct
from token_service.ledger.balances import get_balance
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import EnrolOutcome, enrol_batch, list_members

PURCHASE_QUERIES_MAX = 2  # the merchant with its member, programme and rules; what is read ahead


@contextmanager
def counting(town: Town) -> Iterator[Callable[[], int]]:
    """Counts every query, through SQLAlchemy or straight to the driver, but not the rows that are appended in one trip."""
    asked: list[object] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    def ask(connection: Connection, query: Select[Any], values: Mapping[str, Any]) -> list[Any]:
        asked.append(query)
        return straight(connection, query, values)

    straight = direct.ask
    event.listen(town.context.store.engine, "before_cursor_execute", note)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "ask", ask)
        yield lambda: len(asked)
    event.remove(town.context.store.engine, "before_cursor_execute", note)


def asked_for(town: Town, work: Callable[[], object]) -> int:
    with counting(town) as count:
        work()
        return count()


def enrol_many(town: Town, names: list[str]) -> list[str]:
    answers = enrol_batch(town.context, town.alice, [NewMember(name) for name in names])
    return [answer.member.id for answer in answers if isinstance(answer, EnrolOutcome)]


def test_a_purchase_asks_little_and_no_more_the_hundredth_time(town: Town) -> None:
    member = town.member()
    for _ in range(3):
        town.buy(member, 1_000)
    assert asked_for(town, lambda: town.buy(member, 1_000)) == PURCHASE_QUERIES_MAX


def test_visits_that_are_counted_by_their_times_are_read_with_the_rest(make: Make) -> None:
    town = make(rules(visits="{}"))
    member = town.member()
    for _ in range(3):
        town.buy(member, 1_000)
    assert asked_for(town, lambda: town.buy(member, 1_000)) == PURCHASE_QUERIES_MAX


@pytest.mark.parametrize(("total", "is_told"), [(100, False), (5_000, True)])
def test_a_purchase_that_changes_no_level_writes_as_many_rows_as_without_notices(
    make: Make, total: int, is_told: bool
) -> None:
    town = make(rules(tiers=TIERS, expiry="{kind: fixed, period: P12M}"))
    member, written = town.member(), set[str]()
    town.buy(member, 100)

    def append(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        written.update({table.name} if rows else ())
        straight(connection, table, rows)

    straight = direct.append
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "append", append)
        town.buy(member, total)
    ordinary = {"operations", "entries", "lots", "lot_uses", "purchases", "leaves"}
    assert written == (ordinary | {"facts", "notices"} if is_told else ordinary)


def test_a_balance_is_one_query(town: Town) -> None:
    member = town.member()
    town.buy(member, 1_000)
    assert asked_for(town, lambda: get_balance(town.context, town.alice, member)) == 1


def test_many_members_are_enrolled_and_listed_with_as_many_queries_as_one(make: Make) -> None:
    town = make(rules(tiers=TIERS))
    enrol_many(town, ["first"])  # the process reads and parses the rules now, and remembers them
    one = asked_for(town, lambda: enrol_many(town, ["a-0"]))
    assert asked_for(town, lambda: enrol_many(town, [f"b-{number}" for number in range(30)])) == one
    listed = asked_for(town, lambda: list_members(town.context, ADMIN, limit=1))
    assert asked_for(town, lambda: list_members(town.context, ADMIN, limit=31)) == listed


def test_whoever_comes_twice_in_a_batch_is_one_member(town: Town) -> None:
    first, second, third = enrol_many(town, ["a", "b", "a"])
    assert first == third != second
