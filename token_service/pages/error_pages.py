"""The pages for what went wrong: what happened, what was kept, what to do. They ask nothing of the database.

app.py also uses `error_page` for addresses that belong to nobody (404 outside the API).
"""

from __future__ import annotations

from typing import Final

from flask import g, make_response, render_template
from werkzeug.wrappers import Response

from token_service.pages.security import add_headers
from token_service.pages.services import services

EXPLAINED: Final = frozenset({403, 404, 429, 500, 503})
RETRY_AFTER_SECONDS: Final = 10


def error_page(status: int, *, staff: bool = False) -> Response:
    """The page for this HTTP status, with the headers of all pages; another 4xx is told as 404, the rest as 500.

    `staff`: in words for those who work with the programme."""
    told = status if status in EXPLAINED else (404 if status < 500 else 500)
    g.session = None
    template = "staff/error.html" if staff else "error.html"
    response = make_response(render_template(template, status=told, program=None), status)
    if told == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return add_headers(response, secure=services().secure)
