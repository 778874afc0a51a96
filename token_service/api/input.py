"""The three kinds of input model, and where in the input something is wrong, told without repeating the input.

A pointer names only fields of our own models: `/items/0/amount` in a body, `?limit` in a query, `{id}` in a path. An unknown
field is reported at the object that holds it, with the names known there, because the unknown name is the caller's own text.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, Final, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from token_service.errors import Place

PLACES_MAX: Final = 20
"""So many places are named; a caller with more to mend sees the rest the next time."""


class InputModel(BaseModel):
    """Anything a caller sends; unknown fields are refused."""

    pointer_format: ClassVar[str]
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Body(InputModel):
    """A JSON body or a part of one: strict, so "5", 5.0 and true are not 5."""

    pointer_format = "/{}"
    model_config = ConfigDict(strict=True)


class _Text(InputModel):
    """Parts of a URL: everything there is text, so numbers are parsed; the schema is computed once, not at each request."""

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        if args or options:
            return super().model_json_schema(*args, **options)
        return _plain_schema(cls)


class Query(_Text):
    """The query of a URL."""

    pointer_format = "?{}"


class Path(_Text):
    """The variable parts of a path."""

    pointer_format = "{{{}}}"


@cache
def _plain_schema(model: type[_Text]) -> dict[str, Any]:
    return super(_Text, model).model_json_schema()


def places_of(error: ValidationError) -> tuple[Place, ...]:
    """The places that the model refuses, at most PLACES_MAX, in the order of the fields."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    root = _models_by_name().get(error.title)
    return tuple(_place(root, item) for item in details[:PLACES_MAX])


def _place(root: type[InputModel] | None, item: ErrorDetails) -> Place:
    location = item["loc"]
    if item["type"] == "extra_forbidden":
        holder = _model_at(root, location[:-1])
        known = f" Known here: {', '.join(holder.model_fields)}." if holder else ""
        return Place(_pointer(root, location[:-1]), f"An unknown field.{known}")
    return Place(_pointer(root, location), f"{item['msg']}.")


def _pointer(root: type[InputModel] | None, location: tuple[int | str, ...]) -> str:
    form = root.pointer_format if root else "/{}"
    return form.format("/".join(str(part) for part in location)) if location else ""


def _model_at(root: type[InputModel] | None, location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that holds the field at `location`; None where it cannot be told."""
    model: type[BaseModel] | None = root
    for part in location:
        if isinstance(part, int) or model is None:
            continue
        field = model.model_fields.get(part)
        model = _model_in(field.annotation) if field else None
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The one model inside `X`, `X | None`, `list[X]`, `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _models_by_name() -> dict[str, type[InputModel]]:
    found: dict[str, type[InputModel]] = {}
    waiting: list[type[InputModel]] = [InputModel]
    while waiting:
        model = waiting.pop()
        found[model.__name__] = model
        waiting.extend(model.__subclasses__())
    return found


class NothingBody(Body):
    """Nothing needs to be said."""
