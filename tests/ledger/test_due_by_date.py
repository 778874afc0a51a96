"""Levels, birthdays and anniversaries to look at are found by their dates: no look walks through all members."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from ledger_town import START, TIERS, Make, Town, rules
from sqlalchemy import event, func, insert, select, text, update

from token_service.ledger import due_members
from token_service.ledger.due import run_due
from token_service.ledger.tables import members

EARNING = (
    "[{id: base, kind: spend, points: 1, per: 100}, {id: cake, kind: event, event: member.birthday, points: 5}, "
    "{id: year, kind: event, event: member.anniversary, points: 7}]"
)
LATER = date(2027, 1, 1)
COLUMNS = ("tier_due_at", "birthday_due_on", "anniversary_due_on")
COUNT = 3_000


@pytest.fixture
def town(make: Make) -> Town:
    document = rules(tiers=TIERS).splitlines()
    return make("\n".join(f"earning: {EARNING}" if line.startswith("earning") else line for line in document))


def fill(town: Town, count: int, **values: Any) -> None:
    """So many more members like the first."""
    town.member()
    with town.context.store.write() as connection:
        one = dict(connection.execute(select(members)).mappings().one())
        rows = [one | {"id": f"mem_{n:05}", "address": f"0x{n:040}"} | values for n in range(count)]
        connection.execute(insert(members), rows)


def test_a_look_walks_through_nobody_else_also_right_after_a_day_on_which_all_were_due(town: Town) -> None:
    fill(town, COUNT, tier_due_at=START, birthday_due_on=START.date(), anniversary_due_on=START.date())
    with town.context.store.ask() as connection:
        connection.execute(text("analyze members"))
    with town.context.store.write() as connection:
        far = town.clock.at.replace(year=2027)
        later = {"tier_due_at": far, "birthday_due_on": LATER, "anniversary_due_on": LATER}
        connection.execute(update(members).values(**later, notice_due_at=None))
    asked: list[tuple[str, str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.extend((name, statement, values) for name in COLUMNS if f"members.{name} <= " in statement)

    event.listen(town.context.store.engine, "before_cursor_execute", note)
    run_due(town.context)
    event.remove(town.context.store.engine, "before_cursor_execute", note)
    explain = "explain query plan " if town.context.store.is_sqlite else "explain "
    with town.context.store.ask() as connection:
        for name, statement, values in asked:
            plan = str(connection.exec_driver_sql(explain + statement, values).all())
            assert f"ix_members_{name}" in plan
            assert "Sort" not in plan
            assert "TEMP B-TREE" not in plan
    assert {name for name, _, _ in asked} == set(COLUMNS)


def test_many_whose_day_is_the_same_each_have_it_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_members, "CHUNK", 2)
    made = [town.member() for _ in range(5)]
    town.clock.at = START.replace(year=2027)
    with town.context.store.write() as connection:
        connection.execute(update(members).values(birth_date=date(1990, 3, 2), birthday_due_on=date(2027, 3, 2)))
    report = run_due(town.context)
    assert (report.birthdays, report.anniversaries) == (5, 5)
    again = run_due(town.context)
    assert (again.birthdays, again.anniversaries) == (0, 0)
    assert {town.balance(one).available for one in made} == {12}
    with town.context.store.read() as connection:
        latest = select(func.min(members.c.birthday_due_on), func.min(members.c.anniversary_due_on))
        assert tuple(connection.execute(latest).one()) == (date(2028, 3, 2), date(2028, 3, 2))
