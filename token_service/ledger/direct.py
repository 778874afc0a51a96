"""Writes that go straight to the driver: SQLAlchemy compiles each once, and its bookkeeping for results is left out.

A use case writes some eight rows into as many tables; going through `Connection.execute` for each costs four times as much
as the driver's own call. The transaction, its types and its errors stay SQLAlchemy's (store.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Table, Update, insert


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


def append(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, which all name the same columns."""
    if rows:
        _send(connection, _prepared(_insert(table), tuple(rows[0]), connection.dialect), rows)


def change(connection: Connection, statement: Update, rows: Sequence[Mapping[str, Any]]) -> int:
    """Runs an update once for each row of values for its parameters. How many rows of the table it changed; nobody knows that
    inside of `Store.one_trip`.
    """
    return _send(connection, _prepared(statement, (), connection.dialect), rows) if rows else 0


@cache
def _insert(table: Table) -> Insert:
    return insert(table).inline()


@cache
def _prepared(statement: Insert | Update, columns: tuple[str, ...], dialect: Dialect) -> _Prepared:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(columns) or None)
    names = compiled.positiontup if compiled.positional else list(compiled.binds)
    places = [(name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names]
    return _Prepared(str(compiled), places, compiled.positional)


def _send(connection: Connection, prepared: _Prepared, rows: Sequence[Mapping[str, Any]]) -> int:
    cursor = connection.connection.cursor()
    if len(rows) == 1:
        cursor.execute(prepared.text, prepared.values(rows[0]))
    else:
        cursor.executemany(prepared.text, [prepared.values(row) for row in rows])
    return cursor.rowcount
