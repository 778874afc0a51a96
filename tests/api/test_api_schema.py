"""schemathesis over the whole API: nothing that it makes up gets a 500, an undocumented status or an answer of another shape.

`positive_data_acceptance` is left out: JSON Schema takes 10211.0 for an integer and the API refuses it (docs/api.md "Numbers"),
and a body of the right shape may still name a member that does not exist.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from api_callers import Caller, done, new_reference
from api_town import Town
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV32SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks

from token_service.api.answers import Answer
from token_service.api.input import InputModel

EXAMPLES = 10
CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.missing_required_header,
    openapi_checks.ignored_auth,
]
GOLDEN = Path(__file__).with_name("openapi_routes.json")


@pytest.fixture(scope="module")
def known(town: Town) -> dict[str, str]:
    """Objects that exist, for paths and bodies that are made up with the right shape."""
    member = town.alice.enrol()
    bought = town.alice.buy(member["id"], 500_000)
    given_ = {"reference": new_reference(), "member_id": member["id"], "points": 5, "reason": "x"}
    spent = {"reference": new_reference(), "member_id": member["id"], "points": 5}
    return {
        "member_id": member["id"],
        "purchase_id": bought["id"],
        "issuance_id": done(town.alice.post("/v1/issuances", given_), 201)["id"],
        "redemption_id": done(town.alice.post("/v1/redemptions", spent), 201)["id"],
        "entry_id": bought["entries"][0]["id"],
        "merchant_id": str(town.alice.merchant_id),
        "hash": bought["ruleset"],
    }


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_made_up_call_breaks_the_document(town: Town, known: dict[str, str], mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", town.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 40
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
            continue  # nothing in it can be wrong: any text may be tried as an id
        try_operation(operation, town, known, mode)


def try_operation(operation: Any, town: Town, known: dict[str, str], mode: GenerationMode) -> None:
    """Calls of one operation that hypothesis makes up, each held against the document."""
    is_public = not operation.definition.raw.get("security")
    headers = {} if is_public else {"Authorization": f"Bearer {town.admin.key}"}

    # A batch answers 200 and refuses each wrong item on its own.
    is_batch = operation.path.endswith(":batch")
    checks = [check for check in CHECKS if not (is_batch and check is openapi_checks.negative_data_rejection)]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: schemathesis.Case) -> None:
        if mode is GenerationMode.POSITIVE:
            use_known(case, known)
        case.call_and_validate(headers=headers, checks=checks)

    holds()


def use_known(case: schemathesis.Case, known: dict[str, str]) -> None:
    """Put ids that exist where the made-up call has ids: so it gets further than "not found"."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known.get(name, case.path_parameters[name])
    if isinstance(case.body, dict) and "member_id" in case.body:
        case.body["member_id"] = known["member_id"]
        if "total" in case.body:
            case.body.pop("external_id", None)
            case.body["occurred_at"] = "2026-11-22T09:00:00Z"
            case.body["total"]["currency"] = "EUR"
    if isinstance(case.body, dict) and "merchant_id" in case.body:
        case.body["merchant_id"] = known["merchant_id"]


def test_the_document_is_valid_openapi(town: Town) -> None:
    document = json.loads(town.nobody.get("/openapi.json").get_data())
    assert document["openapi"].startswith("3.2")
    OpenAPIV32SpecValidator(document).validate()


def test_the_document_says_what_every_call_needs_and_may_answer(town: Town) -> None:
    document = json.loads(town.nobody.get("/openapi.json").get_data())
    for path, item in document["paths"].items():
        for method, operation in item.items():
            where = f"{method} {path}"
            needed = {"400", "404", "409", "415", "422", "429"} | (
                {"401", "403"} if operation.get("security") else set()
            )
            assert needed <= set(operation["responses"]), where
            assert operation["summary"], where
            for status, answer in operation["responses"].items():
                if status[0] in "45" and not (path in ("/rpc", "/readyz") and status in ("400", "503")):
                    assert list(answer["content"]) == ["application/problem+json"], where


def test_no_two_shapes_share_a_name() -> None:
    """The document names shapes by their classes: two of one name would describe each other."""
    waiting: list[type] = [InputModel, Answer]
    shapes: set[type] = set()
    while waiting:
        shape = waiting.pop()
        waiting += shape.__subclasses__()
        shapes.add(shape)
    assert sorted(shape.__name__ for shape in shapes) == sorted({shape.__name__ for shape in shapes})


def test_routes_and_schemas_change_only_on_purpose(town: Town) -> None:
    """The golden file lists each call with its scope, body and answers. Delete it and run this once when a change is meant."""
    document = json.loads(town.nobody.get("/openapi.json").get_data())
    if not GOLDEN.exists():
        GOLDEN.write_text(json.dumps(routes_of(document), indent=1) + "\n", "utf-8")
        pytest.fail(f"{GOLDEN.name} was not there and is written now: read it, then run again")
    assert json.loads(GOLDEN.read_text("utf-8")) == routes_of(document)


def routes_of(document: dict[str, Any]) -> dict[str, Any]:
    """Each call: scope, body, and what it answers when it succeeds."""
    found = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            contents = {"body": (operation.get("requestBody") or {}).get("content", {})}
            contents |= {s: a.get("content", {}) for s, a in operation["responses"].items() if s[0] == "2"}
            shapes = {
                name: content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
                for name, content in contents.items()
            }
            found[f"{method.upper()} {path}"] = {"scope": operation.get("x-scope"), **shapes}
    return found


def test_the_browsable_page_shows_every_call_under_a_strict_policy(town: Town) -> None:
    response = town.nobody.get("/docs")
    page, policy = response.get_data(as_text=True), response.headers["Content-Security-Policy"]
    document = json.loads(town.nobody.get("/openapi.json").get_data())
    for path, item in document["paths"].items():
        assert f">{path}</span>" in page
        for operation in item.values():
            assert f'id="{operation["operationId"]}"' in page
    assert "unsafe" not in policy
    assert "script" not in policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in page
    assert " style=" not in page
    assert "http://" not in page.replace("http://127.0.0.1", "")


def test_data_answers_carry_headers_that_keep_browsers_still(town: Town) -> None:
    response = town.alice.get("/v1/members")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Access-Control-Allow-Origin" not in response.headers


def test_what_is_public_may_be_read_by_any_page(town: Town) -> None:
    for path in ("/v1/program", "/v1/batches", "/openapi.json"):
        assert Caller(town.app).get(path).headers["Access-Control-Allow-Origin"] == "*"
    preflight = town.app.test_client().options("/rpc", headers={"Origin": "https://wallet.example"})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
