"""PostgreSQL goes away in the middle of a purchase: the caller is told to try again, nothing half is kept, the next one works."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ledger_town import Town
from sqlalchemy import create_engine, event, text

from token_service.errors import CallerError, DatabaseBusy

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
def test_a_purchase_whose_connection_ends_is_not_recorded(town: Town, moment: str) -> None:
    member, engine = town.member(), town.context.store.engine
    town.buy(member, 1_000)
    ended = []

    def after_statement(_: Any, cursor: Any, statement: str, *__: Any) -> None:
        if "day_points" in statement and not ended:
            ended.append(statement)
            end(town, cursor.connection)

    def at_commit(connection: Any) -> None:
        if not ended:
            ended.append("commit")
            end(town, connection.connection.driver_connection)

    name, listener = ("commit", at_commit) if "commit" in moment else ("after_cursor_execute", after_statement)
    event.listen(engine, name, listener)
    with pytest.raises(DatabaseBusy):
        town.buy(member, 1_000, reference="lost")
    event.remove(engine, name, listener)
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
