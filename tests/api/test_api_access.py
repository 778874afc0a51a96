"""Keys, scopes, isolation: every route has a rule, and every rule holds for every kind of key."""

from __future__ import annotations

import pytest
from api_callers import Caller, done, new_reference, purchase, refused
from api_town import Town
from flask import Flask

from token_service.api.access import access_of
from token_service.ledger.context import ADMIN_SCOPES, SCOPES

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
FILLED = {"member_id": f"mem_{ULID}", "seq": "1", "operator": "0x" + "ab" * 20}


def api_routes(app: Flask) -> list[tuple[str, str, str | None]]:
    """Method, path with something in its variable parts, and the scope that it needs (None: public)."""
    found = []
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if access is None:
            continue
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<{name}>", FILLED.get(name, f"abc_{ULID}"))
        found += [(method, path, access.scope) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}]
    return sorted(found)


def call(caller: Caller, method: str, path: str) -> int:
    body = {} if method != "GET" else None
    return caller.app.test_client().open(path, method=method, json=body, headers=caller.headers()).status_code


def test_every_route_has_a_rule(town: Town) -> None:
    for rule in town.app.url_map.iter_rules():
        assert access_of(town.app, rule.endpoint) is not None, rule.rule


def test_every_scope_is_one_that_a_key_can_have(town: Town) -> None:
    scopes = {scope for _, _, scope in api_routes(town.app) if scope}
    assert scopes <= set(ADMIN_SCOPES)


def test_public_routes_are_these_and_no_others(town: Town) -> None:
    public = {path for _, path, scope in api_routes(town.app) if scope is None}
    assert public == {
        "/docs",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/readyz",
        "/rpc",
        "/status",
        "/v1/batches",
        f"/v1/batches/{FILLED['operator']}/1/receipts",
        "/v1/causes",
        "/v1/program",
        f"/v1/rulesets/abc_{ULID}",
    }


def test_each_route_answers_each_kind_of_key_as_its_rule_says(town: Town) -> None:
    for method, path, scope in api_routes(town.app):
        route = f"{method} {path}"
        nobody, revoked = call(town.nobody, method, path), call(town.revoked, method, path)
        alice, charlie, admin = (call(who, method, path) for who in (town.alice, town.charlie, town.admin))
        if scope is None:
            assert {nobody, revoked, alice, charlie, admin}.isdisjoint({401, 403, 500}), route
            continue
        assert (nobody, revoked) == (401, 401), route
        assert admin not in (401, 403, 500), route
        assert (alice == 403) == (scope not in SCOPES), route
        assert alice == charlie != 500, route


def test_each_route_needs_its_very_scope(town: Town) -> None:
    for method, path, scope in api_routes(town.app):
        if scope not in SCOPES:
            continue
        others = town.with_scopes(*(set(SCOPES) - {scope}))
        only = town.with_scopes(scope)
        assert call(others, method, path) == 403, f"{method} {path}"
        assert call(only, method, path) not in (401, 403), f"{method} {path}"


def test_a_missing_scope_is_named(town: Town) -> None:
    narrow = town.with_scopes("members:read")
    problem = refused(narrow.post("/v1/members", {"external_id": "x"}), 403, "forbidden")
    assert problem["scope"] == "members:write"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer mk_" + "x" * 43,
        "Bearer mk_" + "x" * 10_000,
        "Basic bWs6bWs=",
        "Bearer clé",
        "mk_x",
    ],
)
def test_what_is_not_a_valid_key_is_refused_alike(town: Town, header: str) -> None:
    response = town.app.test_client().get("/v1/members", headers={"Authorization": header})
    refused(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_is_asked_before_the_body_is_looked_at(town: Town) -> None:
    refused(town.nobody.send("/v1/purchases", b"{"), 401, "unauthorized")


def test_a_revoked_key_opens_nothing_from_then_on(town: Town) -> None:
    made = done(town.admin.post("/v1/api-keys", {"name": "short", "merchant_id": town.alice.merchant_id}), 201)
    short = Caller(town.app, made["key"])
    done(short.get("/v1/members"))
    revoked = done(town.admin.post(f"/v1/api-keys/{made['id']}/revoke", {}))
    assert revoked["revoked_at"] == "2026-11-22T12:00:00Z"
    refused(short.get("/v1/members"), 401, "unauthorized")


def test_a_key_is_shown_once_and_listed_without_its_secret(town: Town) -> None:
    merchant_id = town.merchant("Quiet").merchant_id
    body = {"name": "till 4", "merchant_id": merchant_id, "scopes": ["members:read"]}
    made = done(town.admin.post("/v1/api-keys", body), 201)
    assert made["scopes"] == ["members:read"]
    listed = done(town.admin.get("/v1/api-keys", merchant_id=merchant_id, limit=100))
    assert made["id"] in [key["id"] for key in listed["data"]]
    assert made["key"] not in str(listed)


def test_an_unknown_scope_is_refused(town: Town) -> None:
    body = {"name": "x", "merchant_id": town.alice.merchant_id, "scopes": ["everything"]}
    refused(town.admin.post("/v1/api-keys", body), 422, "invalid_input")


def test_a_merchants_key_cannot_have_an_admins_scope(town: Town) -> None:
    body = {"name": "x", "merchant_id": town.alice.merchant_id, "scopes": ["merchants:write"]}
    refused(town.admin.post("/v1/api-keys", body), 422, "invalid_input")


def test_one_merchant_never_sees_anything_of_another(town: Town) -> None:
    """Every object that alice made, asked for by charlie, does not exist; the admin sees all of them."""
    member = town.alice.enrol("hers")
    bought = town.alice.buy(member["id"], 9000)
    issued = {"reference": new_reference(), "member_id": member["id"], "points": 5, "reason": "x"}
    issuance = done(town.alice.post("/v1/issuances", issued), 201)
    spent = {"reference": new_reference(), "member_id": member["id"], "points": 5}
    redemption = done(town.alice.post("/v1/redemptions", spent), 201)
    paths = [
        f"/v1/members/{member['id']}",
        f"/v1/members/{member['id']}/balance",
        f"/v1/members/{member['id']}/entries",
        f"/v1/purchases/{bought['id']}",
        f"/v1/issuances/{issuance['id']}",
        f"/v1/redemptions/{redemption['id']}",
        f"/v1/entries/{bought['entries'][0]['id']}",
        f"/v1/merchants/{town.alice.merchant_id}",
        f"/v1/merchants/{town.alice.merchant_id}/stores",
    ]
    for path in paths:
        refused(town.charlie.get(path), 404, "not_found")
        done(town.admin.get(path))
        done(town.alice.get(path))
    refused(town.charlie.post("/v1/simulations/purchase", purchase(member["id"])), 404, "not_found")
