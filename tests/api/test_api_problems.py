"""Errors: one table, every code documented, every failure a problem."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from api_callers import Caller, done, new_reference, purchase, refused
from api_town import Town
from flask import Response

from token_service import errors
from token_service.api import Services, create_api
from token_service.api.docs_page import documented_errors
from token_service.api.limits import RateLimit
from token_service.api.problems import status_of
from token_service.api.services import RATE_LIMIT
from token_service.ledger.store import Store

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_guide_has_the_table_of_all_codes(town: Town) -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert {(code, int(status)) for code, status in rows} == {
        (error.code, error.status) for error in documented_errors()
    }


def test_every_error_says_when_it_happens() -> None:
    for error in documented_errors():
        assert error.meaning, error.code


def test_codes_are_unique_among_our_errors() -> None:
    kinds: list[type[errors.MereauError]] = [errors.MereauError]
    codes: list[str] = []
    while kinds:
        kind = kinds.pop()
        kinds += [sub for sub in kind.__subclasses__() if sub.__module__.startswith(f"{errors.__name__}.")]
        codes.append(kind.code)
    assert len(codes) == len(set(codes)) > 40


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput("x"), 422),
        (errors.NotFound("x"), 404),
        (errors.MemberLeaving("x"), 409),
        (errors.BacklogFull("x"), 429),
        (errors.DatabaseBusy("x"), 503),
        (errors.DiskFull("x"), 503),
        (errors.InvariantBroken("x"), 500),
    ],
)
def test_an_error_has_the_status_of_its_nearest_ancestor(error: errors.MereauError, status: int) -> None:
    assert status_of(error) == status


def test_an_unknown_address_is_a_problem(town: Town) -> None:
    for path in ("/v1/nothing", "/v1", "/v1/members/x/y/z", "/nothing"):
        refused(town.alice.get(path), 404, "not_found")


def test_an_address_outside_the_api_gets_the_page_that_was_given(town: Town) -> None:
    app = town.another_app(error_page=lambda status: Response("<h1>lost</h1>", status=status, mimetype="text/html"))
    caller = Caller(app)
    assert caller.get("/nothing").get_data(as_text=True) == "<h1>lost</h1>"
    refused(caller.get("/v1/nothing"), 404, "not_found")


def test_another_method_is_a_problem_that_names_the_right_ones(town: Town) -> None:
    response = town.app.test_client().delete("/v1/members", headers=town.alice.headers())
    refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_what_nobody_foresaw_is_told_without_its_message(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_body: bytes) -> tuple[int, bytes]:
        raise RuntimeError("the secret is 4711")

    structlog.reset_defaults()  # a deployment that another test of this process opened has sent them to its own stderr
    caller = Caller(town.another_app(answer_rpc=fail))
    response = caller.send("/rpc", b"{}")
    refused(response, 500, "internal_error")
    told = capsys.readouterr()
    assert "4711" not in response.get_data(as_text=True) + told.out + told.err
    assert response.headers["X-Request-Id"] in told.out + told.err


def test_each_request_has_its_own_id_whatever_the_caller_sends(town: Town) -> None:
    client = town.app.test_client()
    first, second = (client.get("/v1/program", headers={"X-Request-Id": "mine"}) for _ in range(2))
    assert first.headers["X-Request-Id"].startswith("req_")
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_a_locked_database_is_answered_with_try_again(town: Town) -> None:
    """Another process holds the ledger's write lock for longer than this one waits."""
    member = town.alice.enrol()
    impatient = Store(str(town.context.store.engine.url), busy_timeout_ms=50)
    app = create_api(Services(ledger=replace(town.context, store=impatient)))
    body = {"reference": new_reference(), "member_id": member["id"], "points": 1, "reason": "x"}
    with town.context.store.write():
        response = Caller(app, town.alice.key).post("/v1/issuances", body)
    impatient.dispose()
    refused(response, 503, "database_busy")
    assert int(response.headers["Retry-After"]) >= 1
    assert done(town.alice.get(f"/v1/members/{member['id']}/entries"))["data"] == []
    done(town.alice.post("/v1/issuances", body), 201)


def test_the_rate_limit_answers_429_and_says_when_to_come_back(town: Town) -> None:
    app = create_api(Services(ledger=town.context, rate_limit="3 per minute"))
    alice, charlie = Caller(app, town.alice.key), Caller(app, town.charlie.key)
    assert [alice.get("/v1/members").status_code for _ in range(3)] == [200, 200, 200]
    response = alice.get("/v1/members")
    refused(response, 429, "too_many_requests")
    assert int(response.headers["Retry-After"]) >= 1
    done(charlie.get("/v1/members"))
    assert Caller(app).get("/healthz").status_code == 200


def test_a_new_window_has_room_again_and_says_how_long_the_old_one_lasts() -> None:
    now = [100.0]
    limit = RateLimit("2 per minute", clock=lambda: now[0])
    limit.take("alice")
    limit.take("alice")
    limit.take("bob")
    with pytest.raises(errors.TooManyRequests) as refusal:
        limit.take("alice")
    assert refusal.value.retry_after_seconds == 20
    now[0] = 120.0
    limit.take("alice")


@pytest.mark.parametrize("rate", ["", "0 per second", "5 per day", "-1 per second", "1000", "1.5 per second"])
def test_a_rate_that_means_nothing_is_refused(rate: str) -> None:
    with pytest.raises(errors.BadSettings):
        RateLimit(rate)


def test_the_default_rate_limit_lets_a_thousand_requests_a_second_pass() -> None:
    count, _, unit = RATE_LIMIT.partition(" per ")
    assert unit == "second"
    assert int(count) >= 1000


def test_an_error_of_the_page_that_the_table_links_to_exists(town: Town) -> None:
    page = town.nobody.get("/docs").get_data(as_text=True)
    for error in documented_errors():
        assert f'id="error-{error.code}"' in page


def test_what_is_turned_away_and_what_comes_twice_is_counted(town: Town) -> None:
    member = town.alice.enrol()["id"]
    body = purchase(member, 2390)
    done(town.alice.post("/v1/purchases", body), 201)
    done(town.alice.post("/v1/purchases", body), 200)
    refused(
        town.alice.post("/v1/purchases", {**body, "total": {"amount": 1, "currency": "EUR"}}), 409, "reference_conflict"
    )
    text = town.nobody.get("/metrics").get_data(as_text=True)
    assert re.search(r"^mereau_idempotent_replays_total [1-9]", text, re.MULTILINE)
    assert re.search(r'^mereau_idempotency_conflicts_total\{code="reference_conflict"\} [1-9]', text, re.MULTILINE)
