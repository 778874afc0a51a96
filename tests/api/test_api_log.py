"""What the log says of requests: enough to follow one, nothing that is nobody's business."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api_callers import done, new_reference, purchase, refused
from api_town import Town
from captured_logs import captured_logs

Lines = list[dict[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with captured_logs() as captured:
        yield captured


def requests_in(lines: Lines) -> Lines:
    return [line for line in lines if line["event"] == "request"]


def test_a_purchase_is_one_line_that_leads_to_its_entries(town: Town, lines: Lines) -> None:
    member = town.alice.enrol()["id"]
    response = town.alice.post("/v1/purchases", purchase(member, 2390))
    made = done(response, 201)
    (line,) = [line for line in requests_in(lines) if line["route"] == "/v1/purchases"]
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert (line["method"], line["status"], line["id"], line["log_level"]) == ("POST", 201, made["id"], "info")
    assert line["entries"] == [entry["id"] for entry in made["entries"]] != []
    assert line["key"].startswith("key_")
    assert 0 < line["ms"] < 60_000


def test_a_refusal_says_its_code(town: Town, lines: Lines) -> None:
    refused(town.alice.post("/v1/purchases", purchase("mem_01M8DKP71GM4DPBAPFP3N68FZV", 10)), 404, "not_found")
    (line,) = requests_in(lines)
    assert (line["status"], line["code"]) == (404, "not_found")
    assert "id" not in line


def test_reading_is_told_only_to_who_wants_it_all(town: Town, lines: Lines) -> None:
    member = town.alice.enrol()["id"]
    done(town.alice.get("/v1/program"), 200)
    done(town.alice.post("/v1/simulations/purchase", purchase(member, 2390)), 200)
    town.nobody.post("/rpc", {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
    assert [line["log_level"] for line in requests_in(lines)] == ["info", "debug", "debug", "debug"]


def test_nothing_of_a_request_s_own_words_is_in_a_line(town: Town, lines: Lines) -> None:
    secret = new_reference()
    member = town.alice.enrol(external_id=secret, email="alice@example.org")["id"]
    town.alice.get(f"/v1/members/{member}", note=secret)
    assert len(requests_in(lines)) == 2
    for word in (secret, "alice@example.org", str(town.alice.key)):
        assert word not in str(lines)
