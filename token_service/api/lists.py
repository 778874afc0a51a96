"""Lists: `?limit` up to 100 and an opaque `?cursor` from the answer before."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from token_service.api.fields import PAGE_SIZE_MAX
from token_service.api.input import Query

Cursor = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_=.:-]+$")]


class ListQuery(Query):
    """Which part of a list."""

    limit: int = Field(default=20, ge=1, le=PAGE_SIZE_MAX)
    cursor: Cursor | None = Field(default=None, description="`next_cursor` of the part before.")
