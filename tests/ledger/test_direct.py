"""Rows written straight through the driver: the same rows, in the same order, however many they are; and nothing is cut."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from ledger_town import Town
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    select,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from token_service.errors import InvariantBroken
from token_service.ledger import direct
from token_service.ledger.among import among
from token_service.ledger.schema import Serial, UtcTime

TABLE = Table(
    "things",
    MetaData(),
    Column("seq", Serial, primary_key=True),
    Column("name", String(5), nullable=False, unique=True),
    Column("said", JSON),
    Column("raw", LargeBinary),
    Column("at", UtcTime),
    Column("on", Date),
    Column("is_new", Boolean),
    Column("points", BigInteger),
    Column("text", Text),
)
RENAME = direct.Change(TABLE, "name", ("points", "at"))
AT = datetime(2026, 11, 22, 9, 0, 0, 123_456, tzinfo=UTC)


def thing(number: int, **more: Any) -> dict[str, Any]:
    """Every type there is, nothing in every third row."""
    if number % 3 == 0:
        return dict.fromkeys(("said", "raw", "at", "on", "is_new", "points", "text")) | {"name": f"n{number}"} | more
    return {
        "name": f"n{number}",
        "said": {"é": [number, None, '"\\']},
        "raw": bytes([0, 255, number % 256]),
        "at": AT + timedelta(microseconds=number),
        "on": date(2026, 1, 1 + number % 28),
        "is_new": bool(number % 2),
        "points": -(2**53) + number,
        "text": 'a "quoted" {brace}, a \\ and a line\nmore',
    } | more


@pytest.mark.parametrize("count", [1, 2, 3, 250])
def test_what_is_written_is_read_in_its_order(town: Town, count: int) -> None:
    rows = [thing(number) for number in range(count)]
    with town.context.store.write() as connection:
        TABLE.create(connection)
        with town.context.store.one_trip(connection):
            direct.append(connection, TABLE, rows)
        found = [dict(row._mapping) for row in connection.execute(select(TABLE).order_by(TABLE.c.seq))]
    assert [{name: value for name, value in row.items() if name != "seq"} for row in found] == rows
    assert [row["seq"] for row in found] == list(range(1, count + 1))


@pytest.mark.parametrize("count", [1, 40])
def test_rows_are_changed_by_their_key_and_of_two_the_last_holds(town: Town, count: int) -> None:
    with town.context.store.write() as connection:
        TABLE.create(connection)
        direct.append(connection, TABLE, [thing(number) for number in range(count + 5)])
        changes = [{"of": f"n{number}", "new_points": number, "new_at": None} for number in range(count)]
        changes.append({"of": "n0", "new_points": 77, "new_at": AT})
        with town.context.store.one_trip(connection):
            direct.change_each(connection, RENAME, changes)
        found = {row.name: (row.points, row.at) for row in connection.execute(select(TABLE))}
    assert found["n0"] == (77, AT)
    assert all(found[f"n{number}"] == (number, None) for number in range(1, count))
    untouched = thing(count + 4)
    assert found[f"n{count + 4}"] == (untouched["points"], untouched["at"])


def test_nothing_is_written_where_there_is_nothing(town: Town) -> None:
    with town.context.store.write() as connection:
        TABLE.create(connection)
        direct.append(connection, TABLE, [])
        direct.change_each(connection, RENAME, [])
        assert connection.execute(select(TABLE)).all() == []


def test_a_text_that_is_too_long_is_never_cut(town: Town, database: str) -> None:
    """PostgreSQL refuses it; SQLite has no lengths and keeps all of it."""
    rows = [thing(number, name=f"too long {number}") for number in range(5)]

    def written(connection: Connection) -> list[str]:
        TABLE.create(connection)
        with town.context.store.one_trip(connection):
            direct.append(connection, TABLE, rows)
        return list(connection.execute(select(TABLE.c.name).order_by(TABLE.c.seq)).scalars())

    if database == "sqlite":
        assert town.context.store.transact(written) == [row["name"] for row in rows]
        return
    with pytest.raises(DBAPIError):
        town.context.store.transact(written)


def test_a_repeated_key_among_many_is_refused_as_ever(town: Town) -> None:
    def twice(connection: Connection) -> None:
        TABLE.create(connection)
        with town.context.store.one_trip(connection):
            direct.append(connection, TABLE, [thing(number, name=f"n{number % 4}") for number in range(5)])

    with pytest.raises((InvariantBroken, IntegrityError)):
        town.context.store.transact(twice)


def test_what_is_asked_comes_back_as_sqlalchemy_gives_it(town: Town) -> None:
    """Values of every type, those that the query itself says, and two columns of one name."""
    rows = [thing(number) for number in range(7)]
    named = select(TABLE, TABLE.c.name.label("name"), TABLE.c.at).where(
        TABLE.c.seq > bindparam("place"), TABLE.c.name != "n5", TABLE.c.name < "n4"
    )
    query = named.order_by(TABLE.c.seq)
    with town.context.store.write() as connection:
        TABLE.create(connection)
        direct.append(connection, TABLE, rows)
        found = direct.ask(connection, query, {"place": 2})
        expected = [tuple(row) for row in connection.execute(query, {"place": 2})]
    assert [tuple(row) for row in found] == expected
    assert [row.name for row in found] == ["n2", "n3"]
    assert [row.said for row in found] == [rows[2]["said"], None]


def test_a_question_that_the_database_refuses_is_an_error_of_ours(town: Town) -> None:
    with pytest.raises(DBAPIError), town.context.store.write() as connection:
        direct.ask(connection, select(TABLE).where(TABLE.c.seq == bindparam("seq")), {"seq": 1})


def test_many_texts_are_one_parameter(town: Town) -> None:
    names = ['"', "\\", "{a}", "é,", "'"]
    query = select(TABLE.c.name).where(among(TABLE.c.name, "names")).order_by(TABLE.c.seq)
    with town.context.store.write() as connection:
        TABLE.create(connection)
        direct.append(connection, TABLE, [thing(number, name=name) for number, name in enumerate([*names, "n9"])])
        for asked in (names, ["n9", "nobody"], [], [f"x{number}" for number in range(2_000)] + ["n9"]):
            expected = [name for name in [*names, "n9"] if name in asked]
            assert [row.name for row in direct.ask(connection, query, {"names": asked})] == expected
            assert list(connection.execute(query, {"names": asked}).scalars()) == expected
