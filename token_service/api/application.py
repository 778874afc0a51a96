"""The Flask app of the API: routes, and the steps that every request takes in this order.

request id → key noted → rate limit → key and scope → body size → model → view; then security headers and counters.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, Request

from token_service.api import (
    adjustments,
    batches,
    benefit_uses,
    causes,
    challenges,
    docs_page,
    entries,
    events,
    health,
    holds,
    imports,
    issuances,
    keys,
    mandates,
    members,
    memberships,
    merchants,
    merging,
    notices,
    program,
    proposals,
    purchases,
    redemptions,
    referrals,
    refusals,
    renewals,
    rewards,
    rpc,
    rulesets,
    segments,
    settlement,
    simulations,
    tiers,
    users,
    vouchers,
)
from token_service.api.access import authorise, identify
from token_service.api.answers import Problem
from token_service.api.documentation import DESCRIPTION, complete
from token_service.api.headers import begin_request, finish_response
from token_service.api.limits import limit_requests
from token_service.api.problems import on_invalid, register
from token_service.api.request import BODY_BYTES_MAX, JsonRequest
from token_service.api.request_log import log_requests
from token_service.api.routing import OpenAPI, Routes
from token_service.api.services import Services, install

ROUTES: Final[tuple[Routes, ...]] = (
    members.routes,
    memberships.routes,
    benefit_uses.routes,
    purchases.routes,
    events.routes,
    issuances.routes,
    redemptions.routes,
    referrals.routes,
    renewals.routes,
    rewards.routes,
    holds.routes,
    causes.routes,
    challenges.routes,
    mandates.routes,
    tiers.routes,
    users.routes,
    merging.routes,
    notices.routes,
    segments.routes,
    vouchers.routes,
    adjustments.routes,
    proposals.routes,
    imports.routes,
    refusals.routes,
    simulations.routes,
    entries.routes,
    program.routes,
    batches.routes,
    rulesets.routes,
    merchants.routes,
    settlement.routes,
    keys.routes,
    rpc.routes,
    health.routes,
    docs_page.routes,
)


class Api(OpenAPI):
    """The app: flask-openapi's, with bodies read as text (request.py)."""

    request_class: type[Request] = JsonRequest


def create_api(services: Services) -> Flask:
    """The app that answers the API. Pages may register their blueprints on it; what has no rule of access is left to them."""
    app = Api(
        "token_service",
        info={"title": "Méreau API", "version": services.version, "description": DESCRIPTION},
        security_schemes={"api_key": {"type": "http", "scheme": "bearer"}},
        validation_error_model=Problem,
        validation_error_callback=on_invalid,
        doc_ui=False,
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    install(app.extensions, services)
    health.count_requests(app)
    log_requests(app)
    app.before_request(begin_request)
    app.before_request(identify)
    limit_requests(app, services.rate_limit)
    app.before_request(authorise)
    app.after_request(finish_response)
    register(app)
    for routes in ROUTES:
        app.register_api(routes)
    complete(app)
    return app
