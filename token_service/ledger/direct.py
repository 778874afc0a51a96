"""Statements that go straight to the driver: SQLAlchemy compiles each once, and its bookkeeping for results is left out.

A use case writes some eight rows into as many tables; going through `Connection.execute` for each costs four times as much
as the driver's own call, and asking twice as much. The transaction, its types and its errors stay SQLAlchemy's (store.py). On
PostgreSQL many rows go as one statement, with an array for each column.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    insert,
    update,
)
from sqlalchemy.exc import DBAPIError

FEW: Final = 2
"""Up to so many rows go one by one: those statements are prepared already."""


@dataclass(frozen=True, slots=True)
class Change:
    """An update of one table: what to set in the row whose `key` is :of, from values named "new_" and the column."""

    table: Table
    key: str
    names: tuple[str, ...]

    def statement(self) -> Update:
        """For one row."""
        values: dict[str, Any] = {name: bindparam("new_" + name) for name in self.names}
        return update(self.table).where(self.table.c[self.key] == bindparam("of")).values(values)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The text in the driver's style, and each value's name with what makes it one of the driver's."""

    text: str
    places: Sequence[tuple[str, Callable[[Any], Any] | None]]
    is_positional: bool

    def values(self, row: Mapping[str, Any]) -> Any:
        if self.is_positional:
            return [row[name] if convert is None else convert(row[name]) for name, convert in self.places]
        return {name: row[name] if convert is None else convert(row[name]) for name, convert in self.places}

    def columns(self, rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """An array for each value."""
        return [
            [row[name] for row in rows] if convert is None else [convert(row[name]) for row in rows]
            for name, convert in self.places
        ]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A prepared question, the class of its rows, and what makes the driver's values ours, by place."""

    prepared: _Prepared
    said: Mapping[str, Any]
    """Values that the query itself says."""
    row: Callable[..., Any]
    converters: Sequence[tuple[int, Callable[[Any], Any]]]

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Any]:
        if not self.converters:
            return [self.row(*values) for values in found]
        return [self.row(*self._converted(values)) for values in found]

    def _converted(self, values: Sequence[Any]) -> list[Any]:
        ours = list(values)
        for place, convert in self.converters:
            ours[place] = convert(ours[place])
        return ours


def ask(connection: Connection, query: Select[Any], values: Mapping[str, Any]) -> list[Any]:
    """The rows that a query finds, with its columns' names. The query is a module's constant, since it is prepared once and kept;
    its parameters are single values, or texts of `among`. Raises DBAPIError.
    """
    asked, cursor = _asked(query, connection.dialect), connection.connection.cursor()
    with driver_errors(connection):
        cursor.execute(asked.prepared.text, asked.prepared.values({**asked.said, **values}))
        return asked.rows(cursor.fetchall())


@contextmanager
def driver_errors(connection: Connection) -> Iterator[None]:
    """What the driver raises, where SQLAlchemy does not stand between, as SQLAlchemy's DBAPIError."""
    driver_error = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except driver_error as error:
        raise DBAPIError.instance(None, None, error, driver_error) from error


def append(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, which all name the same columns, in their order."""
    if len(rows) > FEW and connection.dialect.name == "postgresql":
        _send_arrays(connection, _inserted_at_once(table, tuple(rows[0]), connection.dialect), rows)
    elif rows:
        _send(connection, _prepared(_insert(table), tuple(rows[0]), connection.dialect), rows)


def change(connection: Connection, statement: Update, rows: Sequence[Mapping[str, Any]]) -> int:
    """Runs an update once for each row of values for its parameters. How many rows of the table it changed; nobody knows that
    inside of `Store.one_trip`.
    """
    return _send(connection, _prepared(statement, (), connection.dialect), rows) if rows else 0


def change_each(connection: Connection, wanted: Change, rows: Sequence[Mapping[str, Any]]) -> None:
    """Changes the rows that `of` names; of two for the same one the last holds."""
    if len(rows) > FEW and connection.dialect.name == "postgresql":
        last = {row["of"]: row for row in rows}
        _send_arrays(connection, _changed_at_once(wanted, connection.dialect), list(last.values()))
    elif rows:
        _send(connection, _prepared(_statement(wanted), (), connection.dialect), rows)


def row_class(columns: Iterable[ColumnElement[Any]]) -> Callable[..., Any]:
    """A named tuple of these columns; of two with one name the first has it."""
    return namedtuple("Row", [str(column.key) for column in columns], rename=True)


@cache
def _insert(table: Table) -> Insert:
    return insert(table).inline()


@cache
def _statement(wanted: Change) -> Update:
    return wanted.statement()


@cache
def _asked(query: Select[Any], dialect: Dialect) -> _Asked:
    columns = list(query.selected_columns)
    given = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    converters = [(place, convert) for place, convert in enumerate(given) if convert is not None]
    said = {name: value for name, value in query.compile(dialect=dialect).params.items() if value is not None}
    return _Asked(_prepared(query, (), dialect), said, row_class(columns), converters)


@cache
def _prepared(statement: Insert | Update | Select[Any], columns: tuple[str, ...], dialect: Dialect) -> _Prepared:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(columns) or None)
    binds = {compiled.bind_names[bind]: bind for bind in compiled.bind_names}
    names = compiled.positiontup if compiled.positional else list(binds)
    places = [(name, binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names]
    return _Prepared(str(compiled), places, compiled.positional)


@cache
def _inserted_at_once(table: Table, columns: tuple[str, ...], dialect: Dialect) -> _Prepared:
    """The rows stand in the arrays' order, and so do the numbers that the table gives them."""
    names = ", ".join(map(_quoted(dialect), columns))
    arrays, places = _arrays([(name, table.c[name]) for name in columns], dialect)
    text = f"insert into {dialect.identifier_preparer.format_table(table)} ({names}) select * from unnest({arrays})"
    return _Prepared(text, places, is_positional=True)


@cache
def _changed_at_once(wanted: Change, dialect: Dialect) -> _Prepared:
    quoted, table = _quoted(dialect), wanted.table
    sources = [("of", table.c[wanted.key]), *(("new_" + name, table.c[name]) for name in wanted.names)]
    arrays, places = _arrays(sources, dialect)
    given = ", ".join(name for name, _ in sources)
    changes = ", ".join(f"{quoted(name)} = given.new_{name}" for name in wanted.names)
    text = (
        f"update {dialect.identifier_preparer.format_table(table)} as had set {changes} "
        f"from unnest({arrays}) as given ({given}) where had.{quoted(wanted.key)} = given.of"
    )
    return _Prepared(text, places, is_positional=True)


def _quoted(dialect: Dialect) -> Callable[[str], str]:
    return dialect.identifier_preparer.quote


def _arrays(
    sources: Sequence[tuple[str, Column[Any]]], dialect: Dialect
) -> tuple[str, Sequence[tuple[str, Callable[[Any], Any] | None]]]:
    """Placeholders for the arrays, in the driver's binary form, and the values' names."""
    types = [_array_type(column, dialect) for _, column in sources]
    places = [(name, column.type.dialect_impl(dialect).bind_processor(dialect)) for name, column in sources]
    return ", ".join(f"%b::{type_}[]" for type_ in types), places


def _array_type(column: Column[Any], dialect: Dialect) -> str:
    """Texts without their length: a cast would cut them, where the table refuses them."""
    name = column.type.compile(dialect=dialect).lower()
    return "text" if name.startswith("varchar") else name


def _send_arrays(connection: Connection, prepared: _Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
    with driver_errors(connection):
        connection.connection.cursor().execute(prepared.text, prepared.columns(rows))


def _send(connection: Connection, prepared: _Prepared, rows: Sequence[Mapping[str, Any]]) -> int:
    cursor = connection.connection.cursor()
    with driver_errors(connection):
        if len(rows) == 1:
            cursor.execute(prepared.text, prepared.values(rows[0]))
        else:
            cursor.executemany(prepared.text, [prepared.values(row) for row in rows])
    return int(cursor.rowcount)
