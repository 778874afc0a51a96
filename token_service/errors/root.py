"""The root of the error tree, and our own fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Place:
    """Where in the input something is wrong: a JSON pointer (RFC 6901) and a sentence."""

    pointer: str
    detail: str


class MereauError(Exception):
    """The root. `detail` is a sentence for the person who must act; `facts` are JSON-ready extras of the problem."""

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, places: tuple[Place, ...] = (), **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.places = places
        self.facts = facts


class InvariantBroken(MereauError):
    """Something that must always hold does not (DESIGN §3). The transaction is rolled back."""

    code = "invariant_broken"
    title = "An internal check failed; nothing was changed"
