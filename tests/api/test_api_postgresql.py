"""The API on PostgreSQL: made-up calls, hostile text and callers at once meet the other database as well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from api_callers import done, purchase, refused
from api_made_up import try_all
from api_town import Town, make_town
from databases import PostgreSQL
from schemathesis import GenerationMode

EXAMPLES = 4
"""Of each call: what differs from SQLite are the statements, not what is refused before them."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Town]:
    made = make_town(tmp_path_factory.mktemp("town"), database_url=postgresql.new_database())
    yield made
    made.context.store.dispose()


def test_no_made_up_call_breaks_the_document_on_postgresql(town: Town) -> None:
    try_all(town, GenerationMode.POSITIVE, EXAMPLES)


def test_u0000_never_reaches_postgresql(town: Town) -> None:
    refused(town.alice.send("/v1/members", b'{"external_id": "a\\u0000b"}'), 400, "invalid_request")
    assert town.app.test_client().get("/v1/members?external_id=%00", headers=town.alice.headers()).status_code == 400
    assert town.alice.get("/v1/members/%00").status_code == 400


def test_the_same_purchase_from_eight_tills_at_once_is_recorded_once_on_postgresql(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"], 900)
    with ThreadPoolExecutor(8) as tills:
        answers = list(tills.map(lambda _till: town.alice.post("/v1/purchases", body, Idempotency_Key="k"), range(8)))
    assert len({json.loads(answer.get_data()).get("id") for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert town.alice.balance(member["id"])["available"] == 9


def test_two_who_spend_the_same_points_at_once_do_not_both_succeed(town: Town) -> None:
    member = town.alice.enrol()
    town.alice.buy(member["id"], 1000)
    bodies = [{"reference": f"race-{number}", "member_id": member["id"], "points": 7} for number in range(6)]
    with ThreadPoolExecutor(6) as tills:
        answers = list(tills.map(lambda body: town.alice.post("/v1/redemptions", body), bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert town.alice.balance(member["id"])["available"] == 3
    done(town.alice.get(f"/v1/members/{member['id']}/entries"))
