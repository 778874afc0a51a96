"""schemathesis over the whole API: nothing that it makes up gets a 500, an undocumented status or an answer of another shape.

`positive_data_acceptance` is left out: JSON Schema takes 10211.0 for an integer and the API refuses it (docs/api.md "Numbers"), and
a body of the right shape may still name a member that does not exist.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from api_callers import Caller
from api_town import Town
from hypothesis import HealthCheck, Phase, settings
from openapi_spec_validator import OpenAPIV32SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks

EXAMPLES = 12
CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.missing_required_header,
    openapi_checks.unsupported_method,
    openapi_checks.use_after_free,
    openapi_checks.ignored_auth,
]
GOLDEN = Path(__file__).with_name("openapi_routes.json")


@pytest.fixture(scope="module")
def api(town: Town) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", town.app)


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_call_breaks_the_document(case: schemathesis.Case, town: Town) -> None:
    key = town.admin.key if case.operation.definition.raw.get("security") else None
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    case.call_and_validate(headers=headers, checks=CHECKS)


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


def test_routes_and_schemas_change_only_on_purpose(town: Town) -> None:
    """The golden file lists each call with its body and answers. Write it anew when a change is meant: see its first line."""
    document = json.loads(town.nobody.get("/openapi.json").get_data())
    assert json.loads(GOLDEN.read_text("utf-8"))["routes"] == routes_of(document)


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
    assert "Access-Control-Allow-Origin" not in response.headers


def test_what_is_public_may_be_read_by_any_page(town: Town) -> None:
    for path in ("/v1/program", "/v1/batches", "/openapi.json"):
        assert Caller(town.app).get(path).headers["Access-Control-Allow-Origin"] == "*"
    preflight = town.app.test_client().options("/rpc", headers={"Origin": "https://wallet.example"})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
