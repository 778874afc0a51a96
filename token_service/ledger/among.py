"""A condition on many texts as one parameter: `column = any(:names)` on PostgreSQL, a JSON list on SQLite.

A list of placeholders would make the statement another one for each number of texts, and long: taking it apart costs the driver
as much as reading the rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Texts(TypeDecorator[Sequence[str]]):
    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        texts = list(value or ())
        return texts if dialect.name == "postgresql" else json.dumps(texts)


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "among"


def among(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Whether the column is one of the texts that parameter `name` holds: a sequence, perhaps an empty one."""
    return _Among(column, bindparam(name, type_=_Texts()))


@compiles(_Among, "postgresql")
def _any(element: _Among, compiler: SQLCompiler, **keywords: Any) -> str:
    column, texts = (compiler.process(one, **keywords) for one in element.clauses)
    return f"{column} = any({texts})"


@compiles(_Among, "sqlite")
def _each(element: _Among, compiler: SQLCompiler, **keywords: Any) -> str:
    column, texts = (compiler.process(one, **keywords) for one in element.clauses)
    return f"{column} in (select value from json_each({texts}))"
