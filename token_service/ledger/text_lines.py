"""Texts of many rows as the lines of one: `string_agg` on PostgreSQL, `group_concat` on SQLite. Null of no rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Lines(FunctionElement[str]):
    type = Text()
    inherit_cache = True
    name = "lines"


def lines_of(column: ColumnElement[str]) -> ColumnElement[str]:
    """The column's texts, one a line, in any order."""
    return _Lines(column)


@compiles(_Lines, "postgresql")
def _string_agg(element: _Lines, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **keywords)}, chr(10))"


@compiles(_Lines, "sqlite")
def _group_concat(element: _Lines, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **keywords)}, char(10))"
