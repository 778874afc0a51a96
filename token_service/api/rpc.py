"""`POST /rpc`: the embedded chain as any node answers, read-only. The methods and their limits are the chain room's."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from token_service.api.access import public
from token_service.api.routing import Routes
from token_service.api.services import services
from token_service.errors import NotFound

routes = Routes("rpc", __name__, abp_tags=[{"name": "Chain"}])
_ANY: Final[dict[str, Any]] = {"content": {"application/json": {"schema": {}}}}


@routes.post(
    "/rpc",
    request_body={
        "required": True,
        "content": {"application/json": {"schema": {"anyOf": [{"type": "object"}, {"type": "array"}]}}},
    },
    responses={200: {"description": "JSON-RPC 2.0", **_ANY}, 204: None, 400: {"description": "Not JSON", **_ANY}},
)
@public()
def rpc() -> Response:
    """JSON-RPC 2.0 to the embedded chain, read-only: what `cast`, a wallet or the auditor asks a node."""
    answer = services().answer_rpc
    if answer is None:
        raise NotFound("This programme is on another chain; /v1/program names a node.")
    if request.mimetype != "application/json":
        raise UnsupportedMediaType()
    status, body = answer(request.get_data())
    return Response(body, status=status, mimetype="application/json")
