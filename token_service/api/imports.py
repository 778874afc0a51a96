"""Files of members from an earlier programme that wait for a second person: looked at and decided with another key."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, ListAnswer, respond
from token_service.api.input import NothingBody, Path
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import imports

routes = Routes("imports", __name__, abp_tags=[{"name": "Adjustments"}])


class ImportPath(Path):
    import_id: str = Field(max_length=30)


class ImportAnswer(Answer):
    """A file that `mereau members import` was given. `file_hash` is the SHA-256 of its bytes: compare it with that of the file
    you looked at. `alone` needs nobody else."""

    object: Literal["import"] = "import"
    id: str
    created_at: Instant
    file_hash: str
    source: str
    merchant_id: str
    welcomes: bool
    members: int
    points: int
    proposed_by: str
    state: Literal["alone", "open", "approved", "declined"]
    decided_by: str | None
    decided_at: Instant | None


class ImportList(ListAnswer[ImportAnswer]):
    pass


@routes.get("/v1/imports", responses={200: ImportList})
@needs("adjustments:write")
def list_open() -> Response:
    """The files that wait for a second person, oldest first."""
    data = [ImportAnswer.of(one) for one in imports.open_imports(ledger(), caller())]
    return respond(ImportList(data=data, next_cursor=None))


@routes.get("/v1/imports/<import_id>", responses={200: ImportAnswer})
@needs("adjustments:write")
def get(path: ImportPath) -> Response:
    """One file, and what was decided about it."""
    return respond(ImportAnswer.of(imports.get_import(ledger(), caller(), path.import_id)))


@routes.post("/v1/imports/<import_id>/approve", responses={200: ImportAnswer})
@needs("adjustments:write")
def approve(path: ImportPath, body: NothingBody) -> Response:
    """Let the whole file come in, in somebody else's name than the one who gave it. Repeatable. The command brings it in."""
    return respond(ImportAnswer.of(imports.approve_import(ledger(), caller(), path.import_id)))


@routes.post("/v1/imports/<import_id>/decline", responses={200: ImportAnswer})
@needs("adjustments:write")
def decline(path: ImportPath, body: NothingBody) -> Response:
    """Decline it: nothing of it comes in. Repeatable."""
    return respond(ImportAnswer.of(imports.decline_import(ledger(), caller(), path.import_id)))
