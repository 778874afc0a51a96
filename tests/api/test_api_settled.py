"""The API of a whole deployment on the embedded chain: what is recorded is settled, proved, and read back from the chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from api_callers import Caller, done, new_reference, purchase, refused
from sqlalchemy import select, update

from token_service.app.application import Application, open_application
from token_service.app.setup import Founding, initialise, read_ruleset
from token_service.app.web import create_web
from token_service.config import Settings
from token_service.errors import InvalidInput
from token_service.ledger.api_keys import create_api_key
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewApiKey, NewMerchant
from token_service.ledger.merchants import create_merchant
from token_service.ledger.tables import members
from token_service.protocol import receipt_files, receipts

TOTAL_SUPPLY = "0x18160ddd"


@dataclass
class Deployment:
    application: Application
    shop: Caller
    foreign: Caller
    nobody: Caller
    entry: dict[str, Any]
    member_id: str


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A purchase and a redemption, settled; and one merchant who has nothing to do with them."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("deployment") / "var")
    initialise(settings, Founding(read_ruleset(None)))
    with open_application(settings) as application:
        app = create_web(application)
        shops = []
        for name in ("Alice", "Charlie"):
            merchant = create_merchant(application.context, Actor.admin(), NewMerchant(name))
            key = create_api_key(application.context, Actor.admin(), NewApiKey(name, merchant.id))
            shops.append(Caller(app, key.secret, merchant.id))
        shop = shops[0]
        member = shop.enrol()
        now = datetime.now(UTC).isoformat()
        bought = shop.buy(member["id"], 5000, occurred_at=now)
        spend = {"reference": new_reference(), "member_id": member["id"], "points": 20}
        done(shop.post("/v1/redemptions", spend), 201)
        application.settle(60)
        yield Deployment(application, shop, shops[1], Caller(app), bought["entries"][0], member["id"])


def test_a_settled_entry_is_final_and_says_where(deployment: Deployment) -> None:
    settlement = done(deployment.shop.get(f"/v1/entries/{deployment.entry['id']}"))["settlement"]
    assert settlement["state"] == "final"
    assert settlement["operator"].startswith("0x")
    assert settlement["seq"] >= 1
    assert settlement["index"] >= 0
    assert len(settlement["transaction_hash"]) == 66
    assert settlement["block_number"] >= 1


def test_the_balance_on_the_chain_is_the_balance(deployment: Deployment) -> None:
    balance = deployment.shop.balance(deployment.member_id)
    assert balance["on_chain"]["points"] == balance["available"] == 30
    assert balance["on_chain"]["settled"] is True


def test_a_receipt_proves_its_entry(deployment: Deployment) -> None:
    document = done(deployment.shop.get(f"/v1/entries/{deployment.entry['id']}/receipt"))
    receipt = receipts.receipt_from_json(document)
    assert receipts.proves(receipt)
    assert (receipt.outcome, receipt.entry_id, receipt.leaf.amount) == ("applied", deployment.entry["id"], 50)
    assert receipt.opening is not None
    assert json.loads(receipt.opening.detail)["reference"] == deployment.entry["reference"]


def test_a_foreign_merchant_gets_no_receipt(deployment: Deployment) -> None:
    refused(deployment.foreign.get(f"/v1/entries/{deployment.entry['id']}/receipt"), 404, "not_found")


def test_the_leaves_of_a_batch_are_public_and_hash_to_its_root(deployment: Deployment) -> None:
    batches = done(deployment.nobody.get("/v1/batches", limit=100))["data"]
    assert batches
    for batch in batches:
        assert batch["state"] == "final"
        response = deployment.nobody.get(f"/v1/batches/{batch['operator']}/{batch['seq']}/receipts")
        document = receipt_files.parse(response.get_data(as_text=True))
        assert len(document.leaves) == batch["leaf_count"]
        assert receipt_files.computed_root(document.leaves) == batch["receipts_root"] == document.receipts_root
        lower = deployment.nobody.get(f"/v1/batches/{batch['operator'].lower()}/{batch['seq']}/receipts")
        assert lower.get_data() == response.get_data()
    assert "external_id" not in response.get_data(as_text=True)


def test_an_unknown_batch_is_not_found(deployment: Deployment) -> None:
    refused(deployment.nobody.get(f"/v1/batches/0x{'ab' * 20}/1/receipts"), 404, "not_found")


def test_batches_are_listed_part_by_part(deployment: Deployment) -> None:
    everything = done(deployment.nobody.get("/v1/batches", limit=100))["data"]
    first = done(deployment.nobody.get("/v1/batches", limit=1))
    assert first["data"] == everything[:1]
    if first["next_cursor"]:
        second = done(deployment.nobody.get("/v1/batches", limit=1, cursor=first["next_cursor"]))
        assert second["data"] == everything[1:2]


def test_the_embedded_chain_answers_at_rpc_and_agrees_with_the_ledger(deployment: Deployment) -> None:
    program = done(deployment.nobody.get("/v1/program"))
    call = {"to": program["contract"], "data": TOTAL_SUPPLY}
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
    answer = done(deployment.nobody.post("/rpc", body))
    assert int(answer["result"], 16) == program["totals"]["outstanding"] == 30
    chain = done(deployment.nobody.post("/rpc", {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}))
    assert int(chain["result"], 16) == program["chain_id"]
    assert program["rpc_url"].endswith("/rpc")


def test_rpc_reads_only_and_takes_batches(deployment: Deployment) -> None:
    send = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": ["0x00"]}
    assert "error" in done(deployment.nobody.post("/rpc", send))
    calls = [{"jsonrpc": "2.0", "id": number, "method": "eth_blockNumber"} for number in range(3)]
    answers = json.loads(deployment.nobody.post("/rpc", calls).get_data())
    assert [answer["id"] for answer in answers] == [0, 1, 2]


def test_the_status_says_that_nothing_waits(deployment: Deployment) -> None:
    status = done(deployment.nobody.get("/status"))
    assert (status["unsettled"], status["oldest_unsettled_at"]) == (0, None)
    assert status["entries"] == 2
    assert status["gas"] > 0
    (lane,) = status["lanes"]
    assert (lane["number"], lane["state"], lane["code"], lane["retiring"]) == (0, "active", None, False)
    assert status["head"] == status["final"] > 0
    text = deployment.nobody.get("/metrics").get_data(as_text=True)
    assert 'mereau_lane_state{lane="0",reason="",state="active"} 1.0' in text
    assert f'mereau_lane_next_seq{{lane="0"}} {lane["next_seq"]}.0' in text
    assert f"mereau_indexer_final_block {status['final']}.0" in text
    assert 'mereau_ops_state{state="batched"} 0.0' in text


def test_the_first_ruleset_is_published(deployment: Deployment) -> None:
    ruleset = done(deployment.nobody.get("/v1/program"))["ruleset"]
    assert (ruleset["state"], ruleset["effective_at"]) == ("published", "1970-01-01T00:00:00Z")


def test_pages_and_api_live_on_one_app(deployment: Deployment) -> None:
    """A page that is not there is a page; an address of the API that is not there is a problem."""
    lost = deployment.nobody.get("/nowhere")
    assert (lost.status_code, lost.mimetype) == (404, "text/html")
    refused(deployment.nobody.get("/v1/nowhere"), 404, "not_found")
    assert deployment.nobody.get("/").status_code in (200, 302, 303)


def test_a_purchase_in_a_settled_deployment_settles_next(deployment: Deployment) -> None:
    body = purchase(deployment.member_id, 700) | {"occurred_at": datetime.now(UTC).isoformat()}
    made = done(deployment.shop.post("/v1/purchases", body), 201)
    assert done(deployment.shop.get(f"/v1/entries/{made['entries'][0]['id']}"))["settlement"]["state"] == "accepted"
    refused(deployment.shop.get(f"/v1/entries/{made['entries'][0]['id']}/receipt"), 404, "not_found")
    deployment.application.settle(60)
    assert done(deployment.shop.get(f"/v1/entries/{made['entries'][0]['id']}/receipt"))["outcome"] == "applied"


def auditor(deployment: Deployment) -> Caller:
    """Whoever holds a key for openings and nothing else."""
    made = create_api_key(deployment.application.context, Actor.admin(), NewApiKey("auditor", None, ("openings:read",)))
    return Caller(deployment.shop.app, made.secret)


def openings_of(deployment: Deployment) -> dict[str, Any]:
    settlement = done(deployment.shop.get(f"/v1/entries/{deployment.entry['id']}"))["settlement"]
    return done(auditor(deployment).get(f"/v1/batches/{settlement['operator']}/{settlement['seq']}/openings"))


def test_an_admitted_auditor_opens_every_leaf(deployment: Deployment) -> None:
    batch = receipt_files.parse(json.dumps(openings_of(deployment)))
    assert receipt_files.computed_root(batch.leaves) == batch.receipts_root
    for filed in batch.leaves:
        assert filed.opening is not None
        assert receipts.opens(filed.opening, filed.leaf.commitment)
        assert json.loads(filed.opening.detail)["id"] == filed.id


def test_a_merchants_key_opens_nothing_and_can_not_get_the_scope(deployment: Deployment) -> None:
    path = f"/v1/batches/{deployment.application.program().contract}/1/openings"
    refused(deployment.shop.get(path), 403, "forbidden")
    refused(deployment.nobody.get(path), 401, "unauthorized")
    with pytest.raises(InvalidInput):
        create_api_key(
            deployment.application.context,
            Actor.admin(),
            NewApiKey("shop", deployment.shop.merchant_id, ("openings:read",)),
        )
    refused(auditor(deployment).get("/v1/members"), 403, "forbidden")


def test_an_erased_members_leaves_stay_closed(deployment: Deployment) -> None:
    with deployment.application.store.write() as connection:
        mine = members.c.id == deployment.member_id
        sealed = connection.execute(select(members.c.sealed_salt_key).where(mine)).scalar_one()
        connection.execute(update(members).where(mine).values(sealed_salt_key=None))
    assert {leaf["closed"] for leaf in openings_of(deployment)["leaves"]} == {"erased"}
    with deployment.application.store.write() as connection:
        connection.execute(update(members).where(mine).values(sealed_salt_key=b"sealed with another key"))
    withheld = openings_of(deployment)["leaves"]
    assert all(leaf["closed"] == "withheld" and "detail" not in leaf for leaf in withheld)
    with deployment.application.store.write() as connection:
        connection.execute(update(members).where(mine).values(sealed_salt_key=sealed))
