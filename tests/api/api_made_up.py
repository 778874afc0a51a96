"""Calls that schemathesis makes up from the document, each held against the document.

`positive_data_acceptance` is left out: JSON Schema takes 10211.0 for an integer and the API refuses it (docs/api.md "Numbers"),
and a body of the right shape may still name a member that does not exist.
"""

from __future__ import annotations

from typing import Any

import schemathesis
from api_callers import done, new_reference
from api_town import Town
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks

EXAMPLES = 10
TOO_LARGE = 413


def wrong_input_is_refused(ctx: Any, response: Any, case: Any) -> bool | None:
    """As schemathesis looks at it, which knows no refusal of what is too long to read."""
    return response.status_code == TOO_LARGE or openapi_checks.negative_data_rejection(ctx, response, case)


CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
    wrong_input_is_refused,
    openapi_checks.missing_required_header,
    openapi_checks.ignored_auth,
]


def known_objects(town: Town) -> dict[str, str]:
    """Objects that exist, for paths and bodies that are made up with the right shape."""
    shop = town.merchant(f"Made up {new_reference()}")  # its ceiling will be anything
    member = shop.enrol()
    bought = shop.buy(member["id"], 500_000)
    given_ = {"reference": new_reference(), "member_id": member["id"], "points": 5, "reason": "x"}
    spent = {"reference": new_reference(), "member_id": member["id"], "points": 5}
    return {
        "member_id": member["id"],
        "purchase_id": bought["id"],
        "issuance_id": done(shop.post("/v1/issuances", given_), 201)["id"],
        "redemption_id": done(shop.post("/v1/redemptions", spent), 201)["id"],
        "mandate_id": done(town.admin.post(f"/v1/members/{member['id']}/leave", {"address": "0x" + "52" * 20}), 201)[
            "id"
        ],
        "entry_id": bought["entries"][0]["id"],
        "merchant_id": str(shop.merchant_id),
        "hash": bought["ruleset"],
    }


def try_all(town: Town, mode: GenerationMode, examples: int = EXAMPLES) -> None:
    """Every operation of the document, with right or with wrong input, so many times."""
    known = known_objects(town)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", town.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 40
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
            continue  # nothing in it can be wrong: any text may be tried as an id
        try_operation(operation, town, known, mode, examples)


def try_operation(operation: Any, town: Town, known: dict[str, str], mode: GenerationMode, examples: int) -> None:
    """Calls of one operation that hypothesis makes up, each held against the document."""
    is_public = not operation.definition.raw.get("security")
    headers = {} if is_public else {"Authorization": f"Bearer {town.admin.key}"}

    # A batch answers 200 and refuses each wrong item on its own.
    is_batch = operation.path.endswith(":batch")
    checks = [check for check in CHECKS if not (is_batch and check is wrong_input_is_refused)]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples,
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
