"""PostgreSQL goes away in the middle of a purchase: the caller is told to try again, nothing half is kept, the next one works."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from ledger_town import Town
from sqlalchemy import Connection, Select, create_engine, event, text

from token_service.errors import CallerError, DatabaseBusy
from token_service.ledger import direct
from token_service.ledger.balances import get_balance

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def end(town: Town, connection: Any) -> None:
    """Ends the server's side of a driver's connection, and waits until it is gone."""
    pid = connection.info.backend_pid
    other = create_engine(town.context.store.engine.url, isolation_level="AUTOCOMMIT")
    with other.connect() as admin:
        admin.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        until = time.monotonic() + 10
        while admin.execute(text("select count(*) from pg_stat_activity where pid = :pid"), {"pid": pid}).scalar_one():
            assert time.monotonic() < until
    other.dispose()


@pytest.mark.parametrize("moment", ["before the rows are sent", "before the commit"])
def test_a_purchase_whose_connection_ends_is_not_recorded(
    town: Town, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, engine = town.member(), town.context.store.engine
    town.buy(member, 1_000)
    straight, ended = direct.ask, []

    def ask(connection: Connection, query: Select[Any], values: Mapping[str, Any]) -> list[Any]:
        rows = straight(connection, query, values)
        if "day_points" in str(query) and "commit" not in moment and not ended:
            ended.append(moment)
            end(town, connection.connection.driver_connection)
        return rows

    def at_commit(connection: Any) -> None:
        if "commit" in moment and not ended:
            ended.append(moment)
            end(town, connection.connection.driver_connection)

    monkeypatch.setattr(direct, "ask", ask)
    event.listen(engine, "commit", at_commit)
    with pytest.raises(DatabaseBusy):
        town.buy(member, 1_000, reference="lost")
    event.remove(engine, "commit", at_commit)
    assert ended
    assert not town.buy(member, 1_000, reference="lost").replayed
    assert town.balance(member).available == 20
    town.check()


def test_connections_that_ended_between_two_purchases_record_nothing_twice(town: Town) -> None:
    member = town.member()
    town.buy(member, 1_000)
    with town.context.store.ask() as connection:
        end(town, connection.connection.driver_connection)
    for _ in range(2):  # one meets it, the next has a new connection
        try:
            town.buy(member, 1_000, reference="lost")
        except DatabaseBusy:
            continue
    assert town.balance(member).available == 20
    town.check()


def test_a_text_that_cannot_be_stored_is_the_callers_mistake(town: Town) -> None:
    for asked in ({"external_id": "nu\0l"}, {"member_id": "nu\0l"}, {"external_id": "x", "reference": "nu\0l"}):
        with pytest.raises(CallerError):
            town.buy(asked.pop("member_id", None), 1_000, **asked)


def test_a_question_that_met_an_ended_connection_meets_another_one_next(town: Town) -> None:
    member = town.member()
    town.balance(member)
    with town.context.store.ask() as connection:
        end(town, connection.connection.driver_connection)
    with pytest.raises(DatabaseBusy):
        get_balance(town.context, town.alice, member)
    assert get_balance(town.context, town.alice, member).available == 0
