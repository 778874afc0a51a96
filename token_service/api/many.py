"""Many objects in one call: each item is read, checked, done and answered on its own, in the caller's order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from token_service.api.answers import Answer, Problem
from token_service.api.input import Body
from token_service.api.problems import invalid_input, problem_of, status_of
from token_service.errors import MereauError

B = TypeVar("B", bound=Body)
N = TypeVar("N")
V = TypeVar("V")


class Refusal(Answer):
    """An item that was not done, and why."""

    status: int
    problem: Problem


class Unchecked:
    """Any JSON value for now, documented as `model`: a wrong item is refused alone, not with its 999 neighbours."""

    def __init__(self, model: type[Body]) -> None:
        self.model = model

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(self.model.__pydantic_core_schema__)


def do_items(
    items: Sequence[Any],
    model: type[B],
    prepare: Callable[[B], N],
    run: Callable[[list[N]], list[V | MereauError]],
) -> list[V | MereauError]:
    """Read each item as the model, run the use case for those that could be read, answer all in the caller's order.

    Pointers of a refused item start at the item."""
    read = [_read(item, model, prepare) for item in items]
    results = iter(run([item for item in read if not isinstance(item, MereauError)]))
    return [item if isinstance(item, MereauError) else next(results) for item in read]


def refusal(error: MereauError) -> Refusal:
    """The answer for an item that was not done."""
    return Refusal(status=status_of(error), problem=Problem.model_validate(problem_of(error)))


def _read(item: Any, model: type[B], prepare: Callable[[B], N]) -> N | MereauError:
    try:
        return prepare(model.model_validate_json(json.dumps(item)))
    except ValidationError as error:
        return invalid_input(error)
    except MereauError as error:
        return error
