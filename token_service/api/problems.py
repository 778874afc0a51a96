"""Every error as `application/problem+json` (RFC 9457), and the one table from our errors to HTTP statuses.

What the caller sent is never quoted: details are our own sentences, pointers name our own fields (docs/api.md "Errors").
"""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from token_service import errors
from token_service.api.input import places_of
from token_service.api.plain import plain
from token_service.api.services import services
from token_service.errors import CallerError, InvalidInput, MereauError, Place, TryAgain

PROBLEM_TYPE: Final = "application/problem+json"

STATUS_OF: Final[dict[type[MereauError], int]] = {
    errors.CallerError: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Refused: 409,
    errors.InvalidInput: 422,
    errors.IdempotencyKeyReused: 422,
    errors.RefundExceedsPurchase: 422,
    errors.TotalMismatch: 422,
    errors.WrongCurrency: 422,
    errors.TooLate: 422,
    errors.TooManyRequests: 429,
    errors.BacklogFull: 429,
    errors.MereauError: 500,
    errors.TryAgain: 503,
    errors.OperatorError: 503,
}
"""A class that is not named has the status of its nearest ancestor: 409 when the state of things forbids it, 422 when the
content can never be accepted, 503 when the same request may succeed later or an operator must act."""


API_PATHS: Final = frozenset({"/v1", "/rpc", "/openapi.json", "/docs", "/healthz", "/readyz", "/status", "/metrics"})


@dataclass(frozen=True)
class HttpProblem:
    """A code for what HTTP itself refuses, before any rule of ours is asked."""

    code: str
    title: str
    detail: str


HTTP_PROBLEMS: Final[dict[int, HttpProblem]] = {
    400: HttpProblem("invalid_request", CallerError.title, "The request could not be read."),
    404: HttpProblem("not_found", errors.NotFound.title, "There is nothing at this address."),
    405: HttpProblem("method_not_allowed", "Method not allowed", "This address does not answer to this method."),
    413: HttpProblem("body_too_large", "The body is too large", "The body is larger than this address reads."),
    415: HttpProblem("unsupported_media_type", "Unsupported media type", "Send the body as application/json."),
    429: HttpProblem("too_many_requests", errors.TooManyRequests.title, "The rate limit of this key is reached."),
    500: HttpProblem(
        "internal_error",
        MereauError.title,
        "The server failed; nothing was recorded. The request_id helps to find out why.",
    ),
}


def status_of(error: MereauError | type[MereauError]) -> int:
    """The HTTP status of an error or a class of errors, by its nearest ancestor in STATUS_OF."""
    kind = error if isinstance(error, type) else type(error)
    return next(STATUS_OF[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS_OF)


def problem(
    *, status: int, code: str, title: str, detail: str, places: tuple[Place, ...] = (), **facts: object
) -> dict[str, Any]:
    """The problem object; `facts` become its extension members."""
    body: dict[str, Any] = {
        "type": f"/docs#error-{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": g.get("request_id"),
        "errors": [{"pointer": place.pointer, "detail": place.detail} for place in places],
    }
    return body | {name: value for name, value in plain(facts).items() if name not in body}


def problem_of(error: MereauError) -> dict[str, Any]:
    """The problem object of one of our errors. Errors that are our fault keep their sentence to the log."""
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        told = HTTP_PROBLEMS[500]
        return problem(status=500, code=error.code, title=error.title, detail=told.detail)
    places = tuple(_as_asked(place) for place in error.places)
    return problem(status=status, code=error.code, title=error.title, detail=error.detail, places=places, **error.facts)


def _as_asked(place: Place) -> Place:
    """The ledger points at fields; those of a request without a body are parameters."""
    if request.method in ("GET", "HEAD") and place.pointer.startswith("/"):
        return Place(f"?{place.pointer[1:]}", place.detail)
    return place


def problem_of_invalid(error: ValidationError) -> dict[str, Any]:
    """The problem object of a body, query or path that the model refuses."""
    return problem_of(invalid_input(error))


def invalid_input(error: ValidationError) -> CallerError:
    """Our error for a pydantic one: 400 if the text is not JSON at all, else InvalidInput with every place."""
    if any(item["type"] == "json_invalid" for item in error.errors(include_input=False, include_context=False)):
        return CallerError("The body is not JSON.")
    places = places_of(error)
    noun = "value is" if len(places) == 1 else "values are"
    return InvalidInput(f"{len(places)} {noun} not valid.", places=places)


def respond(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """The response that carries a problem object. Its code is noted for the line that the log gets."""
    g.problem_code = body["code"]
    response = Response(json.dumps(body), status=body["status"], mimetype=PROBLEM_TYPE)
    response.headers.update(headers or {})
    return response


def on_invalid(error: ValidationError) -> Response:
    """What flask-openapi answers when a model refuses the input."""
    return respond(problem_of_invalid(error))


def register(app: Flask) -> None:
    """Answer every error of the app as a problem, HTTP's own and unforeseen ones included."""
    app.register_error_handler(MereauError, _on_our_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_unforeseen)


def _on_our_error(error: MereauError) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, TryAgain):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="mereau"'
    if status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log_failure(error)
    return respond(problem_of(error), headers)


def _on_http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:  # `abort(response)`: it is a problem already
        return error.response
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST:  # a redirect
        return error.get_response()
    page = services().error_page
    if page is not None and not belongs_to_api(request.path):
        return page(status)
    headers: dict[str, str] = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = "1"
    told = HTTP_PROBLEMS.get(status, HTTP_PROBLEMS[400])
    return respond(problem(status=status, code=told.code, title=told.title, detail=told.detail), headers)


def _on_unforeseen(error: Exception) -> Response:
    _log_failure(error)
    told = HTTP_PROBLEMS[500]
    return respond(problem(status=500, code=told.code, title=told.title, detail=told.detail))


def belongs_to_api(path: str) -> bool:
    """Whether a path, known or not, is the API's to answer rather than a page's."""
    return path.startswith("/v1/") or path in API_PATHS


def _log_failure(error: Exception) -> None:
    """Log where it failed, not the message: messages of libraries quote values."""
    frames = [f"{frame.name} {frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    structlog.get_logger().error(
        "request failed",
        request_id=g.get("request_id"),
        method=request.method,
        endpoint=request.endpoint,
        error=type(error).__name__,
        at=frames[-8:],
    )
