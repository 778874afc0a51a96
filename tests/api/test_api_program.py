"""The programme, rulesets, rewards, merchants, stores, probes and /rpc over HTTP."""

from __future__ import annotations

import json

import pytest
from api_callers import RULESET, Caller, done, new_reference, refused
from api_town import CONTRACT, Town

from token_service.errors import NodeUnreachable
from token_service.program.ruleset import ruleset_hash
from token_service.protocol.receipts import jcs


def test_anybody_may_read_the_programme(town: Town) -> None:
    program = done(town.nobody.get("/v1/program"))
    assert program["object"] == "program"
    assert (program["name"], program["currency"]) == ("Les Halles", "EUR")
    assert (program["contract"], program["chain_id"]) == (CONTRACT, 424_242)
    assert program["ruleset"]["state"] in ("publishing", "published")
    assert program["next_ruleset"] is None
    assert program["notice_period"] == "PT0S"
    assert program["totals"]["outstanding"] >= 0
    assert [party["party"] for party in program["parties"]] == sorted(party["party"] for party in program["parties"])
    alice = next(party for party in program["parties"] if party["name"] == "Alice")
    assert (alice["ceiling"]["points"], alice["ceiling"]["period"]) == (1_000_000_000, "P1D")


def test_totals_and_liability_follow_what_happens(town: Town) -> None:
    before = done(town.nobody.get("/v1/program"))
    member = town.alice.enrol()
    town.alice.buy(member["id"], 100_000)
    after = done(town.nobody.get("/v1/program"))
    assert after["totals"]["issued"] - before["totals"]["issued"] == 1000
    assert after["totals"]["members"] - before["totals"]["members"] == 1
    assert after["liability"]["amount"] - before["liability"]["amount"] == 10_000
    assert after["liability"]["currency"] == "EUR"


def test_the_programme_names_a_node_to_read_the_chain_from(town: Town) -> None:
    def answer(_body: bytes) -> tuple[int, bytes]:
        return 200, b"{}"

    assert done(town.nobody.get("/v1/program"))["rpc_url"] is None
    here = Caller(town.another_app(answer_rpc=answer, public_url="https://points.example"))
    assert done(here.get("/v1/program"))["rpc_url"] == "https://points.example/rpc"
    unnamed = Caller(town.another_app(answer_rpc=answer))
    assert done(unnamed.get("/v1/program"))["rpc_url"] == "http://localhost/rpc"
    elsewhere = Caller(town.another_app(rpc_url="https://node.example"))
    assert done(elsewhere.get("/v1/program"))["rpc_url"] == "https://node.example"


def test_a_published_ruleset_is_public_and_hashes_to_its_name(town: Town) -> None:
    hash_ = done(town.nobody.get("/v1/program"))["ruleset"]["hash"]
    ruleset = done(town.nobody.get(f"/v1/rulesets/{hash_}"))
    assert ruleset_hash(jcs(ruleset["document"])) == hash_


def test_a_ruleset_is_drafted_checked_and_published(town: Town) -> None:
    document = RULESET.replace("points: 1, per: 100", "points: 2, per: 100")
    draft = done(town.admin.post("/v1/rulesets", {"document": document}), 201)
    assert (draft["state"], draft["effective_at"]) == ("draft", None)
    assert done(town.admin.post("/v1/rulesets", {"document": draft["document"]}), 201)["hash"] == draft["hash"]
    refused(town.nobody.get(f"/v1/rulesets/{draft['hash']}"), 404, "not_found")
    assert draft["hash"] in [item["hash"] for item in done(town.admin.get("/v1/rulesets"))["data"]]
    path = f"/v1/rulesets/{draft['hash']}/publish"
    published = done(town.admin.post(path, {"effective_at": "2026-12-01T00:00:00Z"}))
    assert (published["state"], published["effective_at"]) == ("publishing", "2026-12-01T00:00:00Z")
    assert done(town.nobody.get("/v1/program"))["next_ruleset"]["hash"] == draft["hash"]
    assert done(town.nobody.get(f"/v1/rulesets/{draft['hash']}"))["document"]["earning"][0]["points"] == 2


@pytest.mark.parametrize(
    "change",
    [
        ("kind: spend", "kind: magic"),
        ("per: 100", "per: 0"),
        ("currency: EUR", "currency: euro"),
        ("time_zone: Europe/Paris", "time_zone: Mars/Olympus"),
        ("rewards:", "prizes:"),
        ("accept_late: P30D", "accept_late: soon"),
    ],
)
def test_a_ruleset_that_is_wrong_is_refused_with_the_places(town: Town, change: tuple[str, str]) -> None:
    problem = refused(town.admin.post("/v1/rulesets", {"document": RULESET.replace(*change)}), 422, "invalid_input")
    assert problem["errors"]
    assert all(place["pointer"] for place in problem["errors"])


@pytest.mark.parametrize(
    "condition",
    [
        "true || " * 100 + "true",
        "[1,2,3].map(x, [1,2,3].map(y, x*y)).size() > 0",
        "nofn(2)",
        "secret.key == 1",
        "order.total",
        "(" * 200 + "true" + ")" * 200,
    ],
)
def test_a_hostile_condition_is_refused(town: Town, condition: str) -> None:
    campaign = {
        "id": "c",
        "from": "2026-01-01",
        "until": "2026-12-31",
        "when": condition,
        "award": {"points": 5},
    }
    hash_ = done(town.nobody.get("/v1/program"))["ruleset"]["hash"]
    document = done(town.nobody.get(f"/v1/rulesets/{hash_}"))["document"] | {"campaigns": [campaign]}
    problem = refused(town.admin.post("/v1/rulesets", {"document": document}), 422, "invalid_input")
    assert problem["errors"][0]["pointer"].startswith("/campaigns/0")


@pytest.mark.parametrize(
    "document", ["", "a: [", "- 1", "&a [*a, *a]", "!!python/object/apply:os.system [ls]", "x" * 100]
)
def test_text_that_is_no_ruleset_is_refused(town: Town, document: str) -> None:
    refused(town.admin.post("/v1/rulesets", {"document": document}), 422, "invalid_input")


def test_a_merchant_does_not_write_rules(town: Town) -> None:
    refused(town.alice.post("/v1/rulesets", {"document": RULESET}), 403, "forbidden")


def test_rewards_are_those_of_the_ruleset_in_force(town: Town) -> None:
    [reward] = done(town.alice.get("/v1/rewards"))["data"]
    assert (reward["object"], reward["id"], reward["points"]) == ("reward", "free-coffee", 100)


def test_an_admin_registers_a_merchant_with_a_ceiling_and_stores(town: Town) -> None:
    body = {"name": "Chez Zoé", "ceiling": {"points": 5000, "period": "PT12H"}}
    merchant = done(town.admin.post("/v1/merchants", body), 201)
    assert merchant["object"] == "merchant"
    assert merchant["party"] > 1
    assert (merchant["ceiling"]["points"], merchant["ceiling"]["period"]) == (5000, "PT12H")
    problem = refused(town.admin.post("/v1/merchants", {"name": "Chez Zoé"}), 409, "conflict")
    assert problem["existing_id"] == merchant["id"]
    path = f"/v1/merchants/{merchant['id']}"
    store = done(town.admin.post(f"{path}/stores", {"external_id": "s-1", "name": "Bastille"}), 201)
    assert [item["id"] for item in done(town.admin.get(f"{path}/stores"))["data"]] == [store["id"]]
    assert done(town.admin.get(path))["name"] == "Chez Zoé"


def test_a_purchase_names_a_store_of_its_own_merchant(town: Town) -> None:
    path = f"/v1/merchants/{town.alice.merchant_id}/stores"
    store = done(town.admin.post(path, {"external_id": new_reference(), "name": "Nord"}), 201)
    member = town.alice.enrol()
    assert town.alice.buy(member["id"], store_id=store["id"])["store_id"] == store["id"]
    theirs = town.charlie.enrol()
    body = {
        "reference": new_reference(),
        "member_id": theirs["id"],
        "occurred_at": "2026-11-22T11:00:00Z",
        "total": {"amount": 1, "currency": "EUR"},
        "store_id": store["id"],
    }
    refused(town.charlie.post("/v1/purchases", body), 404, "not_found")


def test_a_lower_ceiling_acts_at_once(town: Town) -> None:
    shop = town.merchant("Lowered")
    ceiling = done(town.admin.put(f"/v1/merchants/{shop.merchant_id}/ceiling", {"points": 10, "period": "P1D"}))
    assert ceiling["ceiling"]["points"] == 10
    body = {"reference": new_reference(), "member_id": shop.enrol()["id"], "points": 11, "reason": "x"}
    refused(shop.post("/v1/issuances", body), 409, "ceiling_reached")


@pytest.mark.parametrize("period", ["P1M", "1D", "P", "PT", "P0D", "P1.5D", "", 86400])
def test_a_period_is_days_hours_minutes_and_seconds(town: Town, period: object) -> None:
    body = {"points": 10, "period": period}
    refused(town.admin.put(f"/v1/merchants/{town.alice.merchant_id}/ceiling", body), 422, "invalid_input")


def test_merchants_see_themselves_and_the_admin_sees_all(town: Town) -> None:
    mine = done(town.alice.get("/v1/merchants"))["data"]
    assert [merchant["id"] for merchant in mine] == [town.alice.merchant_id]
    names = [merchant["name"] for merchant in done(town.admin.get("/v1/merchants", limit=100))["data"]]
    assert {"Alice", "Charlie"} <= set(names)


def test_probes_answer_without_a_key(town: Town) -> None:
    assert done(town.nobody.get("/healthz")) == {"status": "ok"}
    assert done(town.nobody.get("/readyz")) == {"status": "ok", "checks": {"program": "ok"}}
    status = done(town.nobody.get("/status"))
    assert (status["object"], status["version"], status["now"]) == ("status", "1.2.3", "2026-11-22T12:00:00Z")
    assert status["unsettled"] >= 0
    text = town.nobody.get("/metrics").get_data(as_text=True)
    assert 'mereau_requests_total{method="GET",route="/healthz",status="200"}' in text
    assert "mereau_unsettled_leaves" in text


def test_readiness_names_what_is_missing(town: Town) -> None:
    def fails() -> None:
        raise NodeUnreachable("the node at https://user:secret@node is down")

    response = Caller(town.another_app(readiness={"node": fails})).get("/readyz")
    assert response.status_code == 503
    assert json.loads(response.get_data()) == {
        "status": "not_ready",
        "checks": {"program": "ok", "node": "node_unreachable"},
    }


def test_rpc_passes_the_body_on_and_the_answer_back(town: Town) -> None:
    asked: list[bytes] = []

    def answer(body: bytes) -> tuple[int, bytes]:
        asked.append(body)
        return 200, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'

    caller = Caller(town.another_app(answer_rpc=answer))
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
    assert done(caller.send("/rpc", body))["result"] == "0x1"
    assert asked == [body]
    refused(caller.send("/rpc", body, "text/plain"), 415, "unsupported_media_type")


def test_there_is_no_rpc_without_an_embedded_chain(town: Town) -> None:
    refused(town.nobody.post("/rpc", {}), 404, "not_found")


def test_a_store_without_an_external_id_goes_by_its_name(town: Town) -> None:
    path = f"/v1/merchants/{town.alice.merchant_id}/stores"
    assert done(town.admin.post(path, {"name": "Bastille"}), 201)["external_id"] == "Bastille"
