"""Over time: points that wait for the return window, that expire, and tiers, as the API shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from api_callers import RULESET, done, new_reference, purchase, refused
from api_town import Town, make_town
from documents import block_with

from token_service.ledger.due import run_due

PATIENT = (
    RULESET
    + """
return_window: P14D
expiry: {kind: fixed, period: P3M}
tiers:
  qualify_by: spend
  window: {kind: rolling, period: P12M}
  downgrade: {after: window}
  levels:
    - {id: bronze, from: 0}
    - {id: gold, from: 100000, multiplier_percent: 150}
"""
)


AWAITED = PATIENT + "delivery: {channels: [online], within: P60D, otherwise: lapse}\n"


@pytest.fixture
def awaiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """As `patient`, with orders that wait for their delivery."""
    town = make_town(tmp_path_factory.mktemp("awaiting"), AWAITED)
    yield town
    town.context.store.dispose()


@pytest.fixture
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose rules have a return window, an expiry and two tiers; its clock is the test's own."""
    town = make_town(tmp_path_factory.mktemp("patient"), PATIENT)
    yield town
    town.context.store.dispose()


def test_points_wait_for_the_return_window_and_come_when_it_ends(patient: Town) -> None:
    member = patient.alice.enrol()
    made = patient.alice.buy(member["id"], 5000)
    assert (made["points"], made["pending"], made["entries"]) == (50, 50, [])
    assert made["available_at"] == "2026-12-06T11:58:00Z"
    assert made["promise"]["kind"] == 0
    assert (made["balance"]["available"], made["balance"]["pending"]) == (0, 50)
    patient.clock.forward(days=15)
    run_due(patient.context)
    balance = patient.alice.balance(member["id"])
    assert (balance["available"], balance["pending"]) == (50, 0)
    [entry] = done(patient.alice.get(f"/v1/members/{member['id']}/entries"))["data"]
    assert (entry["kind"], entry["operation_id"]) == ("issuance", made["id"])


def test_a_refund_inside_the_window_cancels_what_waits(patient: Town) -> None:
    member = patient.alice.enrol()
    made = patient.alice.buy(member["id"], 5000)
    body = {"reference": new_reference(), "amount": {"amount": 2000, "currency": "EUR"}}
    refund = done(patient.alice.post(f"/v1/purchases/{made['id']}/refunds", body), 201)
    assert (refund["kept"], refund["pending_cancelled"], refund["reversed"], refund["debt"]) == (30, 20, 0, 0)
    assert refund["entries"] == []
    assert refund["balance"]["pending"] == 30


def test_points_about_to_expire_are_announced_with_their_day_and_then_expire(patient: Town) -> None:
    member = patient.alice.enrol()
    body = {"reference": new_reference(), "member_id": member["id"], "points": 40, "reason": "welcome"}
    done(patient.alice.post("/v1/issuances", body), 201)
    [expiring] = patient.alice.balance(member["id"])["expiring"]
    assert expiring["points"] == 40
    assert expiring["at"].endswith("Z")
    patient.clock.forward(days=120)
    run_due(patient.context)
    balance = patient.alice.balance(member["id"])
    assert (balance["available"], balance["expiring"], balance["lifetime"]["expired"]) == (0, [], 40)


def test_a_tier_is_shown_with_what_is_missing_for_the_next_one(patient: Town) -> None:
    member = patient.alice.enrol()
    assert (member["tier"], member["next_tier"]) == ("bronze", {"id": "gold", "missing": 100_000})
    patient.alice.buy(member["id"], 100_000)
    shown = done(patient.alice.get(f"/v1/members/{member['id']}"))
    assert (shown["tier"], shown["next_tier"]) == ("gold", None)
    assert patient.alice.buy(member["id"], 1000)["points"] == 15


def test_a_purchase_before_the_fact_is_too_late_is_recorded_under_the_rules_of_its_day(patient: Town) -> None:
    member = patient.alice.enrol()
    in_time = purchase(member["id"]) | {"occurred_at": "2026-11-01T00:00:00Z"}
    done(patient.alice.post("/v1/purchases", in_time), 201)
    too_late = purchase(member["id"]) | {"occurred_at": "2026-10-01T00:00:00Z"}
    refused(patient.alice.post("/v1/purchases", too_late), 422, "too_late")


def test_a_shop_tells_the_delivery_that_an_order_waits_for(awaiting: Town) -> None:
    member = awaiting.alice.enrol()
    made = awaiting.alice.buy(member["id"], 5000, channel="online")
    assert (made["pending"], made["delivery_by"], made["delivered_at"]) == (50, "2027-01-21T11:58:00Z", None)
    assert made["available_at"] == "2027-02-04T11:58:00Z"
    awaiting.clock.forward(days=4)
    path = f"/v1/purchases/{made['id']}/delivery"
    body = json.loads(block_with("docs/api.md", "Deliveries", "/delivery").split("--json '")[1].split("'")[0])
    told = done(awaiting.alice.post(path, body), 201)
    assert (told["object"], told["id"], told["delivery_by"]) == ("purchase", made["id"], None)
    assert told["available_at"] < made["delivery_by"]
    assert done(awaiting.alice.post(path, body))["delivered_at"] == told["delivered_at"]
    other = {"reference": new_reference(), "delivered_at": "2026-11-23T12:00:00Z"}
    refused(awaiting.alice.post(path, other), 409, "already_delivered")
    plain = awaiting.alice.buy(member["id"], 5000)
    problem = refused(
        awaiting.alice.post(f"/v1/purchases/{plain['id']}/delivery", body | {"reference": "x"}),
        409,
        "delivery_not_awaited",
    )
    assert problem["reason"] == "counts_from_purchase"
