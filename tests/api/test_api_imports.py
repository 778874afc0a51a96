"""Files of members that wait for a second key over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_callers import RULESET, Caller, done, refused
from api_town import Town, make_town

from token_service.ledger import views
from token_service.ledger.context import Actor
from token_service.ledger.import_inputs import NewImport
from token_service.ledger.imports import declare_import


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = make_town(tmp_path, RULESET.replace("limits: {", "limits: {adjustment_points: 100, "))
    yield made
    made.context.store.dispose()


def waiting(town: Town) -> views.Import:
    merchant = done(town.admin.get("/v1/merchants"))["data"][0]["id"]
    new = NewImport("ab" * 32, "Old Club", merchant, 3, 500)
    return declare_import(town.context, Actor.admin("stf_1"), new, points_to_come=500)


def test_another_key_looks_at_a_file_and_approves_it(town: Town) -> None:
    made = waiting(town)
    (listed,) = done(town.admin.get("/v1/imports"))["data"]
    assert listed == done(town.admin.get(f"/v1/imports/{made.id}"))
    seen = (listed["object"], listed["state"], listed["file_hash"], listed["points"], listed["members"])
    assert seen == ("import", "open", "ab" * 32, 500, 3)
    for _ in range(2):
        assert done(town.admin.post(f"/v1/imports/{made.id}/approve", {}))["state"] == "approved"
    assert done(town.admin.get("/v1/imports"))["data"] == []
    refused(town.admin.post(f"/v1/imports/{made.id}/decline", {}), 409, "conflict")


def test_a_file_is_declined_and_a_shop_sees_none(town: Town) -> None:
    made = waiting(town)
    for answer in (town.alice.get("/v1/imports"), town.alice.post(f"/v1/imports/{made.id}/approve", {})):
        refused(answer, 403, "forbidden")
    assert done(town.admin.post(f"/v1/imports/{made.id}/decline", {}))["state"] == "declined"
    other = done(town.admin.post("/v1/api-keys", {"name": "second person"}), 201)
    refused(Caller(town.app, other["key"]).post(f"/v1/imports/{made.id}/approve", {}), 409, "conflict")
    refused(town.admin.get("/v1/imports/imp_none"), 404, "not_found")
