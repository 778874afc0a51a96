"""The document: schemathesis over the whole API finds no 500, no undocumented status, no answer of another shape. And /docs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from api_callers import Caller
from api_made_up import try_all
from api_town import Town
from openapi_spec_validator import OpenAPIV32SpecValidator
from schemathesis import GenerationMode

from token_service.api.answers import Answer
from token_service.api.input import InputModel

GOLDEN = Path(__file__).with_name("openapi_routes.json")


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_made_up_call_breaks_the_document(town: Town, mode: GenerationMode) -> None:
    try_all(town, mode)


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
