"""What the API is given by app.py: the ledger's context, and the few things that are not the ledger's to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from flask import current_app
from werkzeug.wrappers import Response

from token_service.ledger.context import Context

AnswerRpc = Callable[[bytes], tuple[int, bytes]]
"""A JSON-RPC body to an HTTP status and the body of the answer."""
_KEY: Final = "mereau"
RATE_LIMIT: Final = "2000 per second"
"""Requests of one API key, or of one address without a key; issue 2 asks for no limit below 1,000."""


@dataclass(frozen=True)
class Services:
    """Everything that a request may use. No module of the api keeps state of its own."""

    ledger: Context
    version: str = "0.0.0"
    public_url: str | None = None
    """Where clients reach this service, without a slash at the end; None: as the request says."""
    rpc_url: str | None = None
    """The node that clients may read the chain from; None with `answer_rpc`: this service's own /rpc."""
    answer_rpc: AnswerRpc | None = None
    """The embedded chain's JSON-RPC; None on any other chain."""
    readiness: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    """Further named checks of /readyz (worker alive, migrations current …), which raise when the answer is no."""
    rate_limit: str = RATE_LIMIT
    error_page: Callable[[int], Response] | None = None
    """The page for an HTTP status at an address that is not the API's; None: a problem there too."""
    moved_clock: bool = False
    """Whether MEREAU_CLOCK moves the time: /status and /v1/program say so."""


def services() -> Services:
    """The services of the app that answers this request."""
    return cast(Services, current_app.extensions[_KEY])


def ledger() -> Context:
    """The ledger's context of the app that answers this request."""
    return services().ledger


def install(extensions: dict[str, object], given: Services) -> None:
    """Put the services where `services()` finds them."""
    extensions[_KEY] = given
