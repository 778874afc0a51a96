"""Paid memberships and challenges over HTTP: sold, shown, refunded once, summed up; how far a member is."""

from __future__ import annotations

import pytest
from api_callers import RULESET, Caller, done, refused
from api_town import Town, make_town

MORE = """
memberships:
  - {id: club, price: 2900, period: P12M, benefits: [lounge], points: 100}
challenges:
  - {id: two, count: {kind: orders}, target: 2, award: {points: 50, badge: true}}
  - {id: card, count: {kind: items, categories: [coffee]}, target: 3, repeat: always, award: {reward: won-coffee}}
"""
REWARD = "{id: won-coffee, kind: gift, points: 90}"


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Town:
    rules = RULESET + MORE
    rules = (
        rules.replace("rewards:\n", f"rewards:\n  - {REWARD}\n")
        if "rewards:\n" in rules
        else rules + f"rewards: [{REWARD}]\n"
    )
    return make_town(tmp_path_factory.mktemp("club"), ruleset=rules)


def sell(caller: Caller, member: str, reference: str, **more: object) -> dict[str, object]:
    body = {"reference": reference, "membership": "club", "member_id": member}
    return done(caller.post("/v1/memberships", {**body, **more}), 201)


def test_a_membership_is_sold_shown_and_refunded_once(club: Town) -> None:
    member = club.alice.enrol()["id"]
    sold = sell(club.alice, member, "m-1", paid=2500)
    assert (sold["paid"], sold["points"], sold["is_renewal"]) == ({"amount": 2500, "currency": "EUR"}, 100, False)
    assert sold["balance"]["available"] == 100  # type: ignore[index]
    shown = done(club.alice.get(f"/v1/members/{member}"))
    assert shown["memberships"] == [{"id": "club", "until": sold["ends_at"]}]
    benefit = done(club.alice.get(f"/v1/members/{member}/benefits/lounge"))
    assert (benefit["granted"], benefit["reason"], benefit["until"]) == (True, "membership", sold["ends_at"])
    path = f"/v1/memberships/{sold['id']}"
    assert done(club.alice.get(path))["ended_at"] is None
    back = done(club.alice.post(f"{path}/refunds", {"reference": "m-1-back", "reason": "moved"}), 201)
    assert back["balance"]["available"] == 0
    assert done(club.alice.post(f"{path}/refunds", {"reference": "m-1-back", "reason": "moved"}))["id"] == sold["id"]
    refused(club.alice.post(f"{path}/refunds", {"reference": "m-1-again"}), 409, "already_reversed")
    listed = done(club.alice.get(f"/v1/members/{member}/memberships"))["data"]
    assert [one["ended_at"] for one in listed] == [back["ended_at"]]
    benefit = done(club.alice.get(f"/v1/members/{member}/benefits/lounge"))
    assert (benefit["reason"], benefit["needs_memberships"]) == ("membership_needed", ["club"])


def test_the_same_sale_twice_is_one(club: Town) -> None:
    member = club.alice.enrol()["id"]
    sold = sell(club.alice, member, "m-2")
    body = {"reference": "m-2", "membership": "club", "member_id": member}
    assert done(club.alice.post("/v1/memberships", body))["id"] == sold["id"]
    refused(club.alice.post("/v1/memberships", {**body, "paid": 1}), 409, "reference_conflict")
    refused(club.alice.post("/v1/memberships", {**body, "reference": "m-3", "membership": "gym"}), 422, "invalid_input")
    refused(club.charlie.get(f"/v1/memberships/{sold['id']}"), 404, "not_found")


def test_a_simulation_and_the_totals(club: Town) -> None:
    member = club.charlie.enrol()["id"]
    body = {"reference": "c-1", "membership": "club", "member_id": member}
    asked = done(club.charlie.post("/v1/simulations/membership", body))
    assert (asked["allowed"], asked["membership"]["points"]) == (True, 100)
    sold = sell(club.charlie, member, "c-1")
    day = str(sold["created_at"])[:10]
    totals = done(club.charlie.get(f"/v1/memberships:totals?since={day}&until={day}"))["data"]
    assert totals == [
        {"membership": "club", "sold": 1, "renewals": 0, "refunds": 0, "paid": 2900, "paid_back": 0, "members": 1}
    ]
    refused(club.charlie.get(f"/v1/memberships:totals?since={day}&until=2020-01-01"), 422, "invalid_input")


def test_challenges_say_how_far_a_member_is(club: Town) -> None:
    member = club.alice.enrol()["id"]
    club.alice.buy(member, 1_000)
    standing = done(club.alice.get(f"/v1/members/{member}/challenges"))["data"]
    assert [(one["id"], one["counted"], one["target"]) for one in standing] == [("two", 1, 2), ("card", 0, 3)]
    bought = club.alice.buy(member, 1_000)
    (completed,) = bought["completed"]
    assert (completed["challenge_id"], completed["points"], completed["voucher_id"]) == ("two", 50, None)
    badges = done(club.alice.get(f"/v1/members/{member}/badges"))["data"]
    assert [badge["id"] for badge in badges] == ["two"]
    refused(club.charlie.get(f"/v1/members/{member}/challenges"), 404, "not_found")


def test_a_purchase_names_the_voucher_that_it_won(club: Town) -> None:
    member = club.alice.enrol()["id"]
    items = [{"line": 1, "category": "coffee", "quantity": 3, "amount": 600}]
    bought = club.alice.buy(member, 600, items=items)
    (completed,) = bought["completed"]
    assert (completed["reward_id"], completed["points"]) == ("won-coffee", 0)
    assert completed["voucher_id"].startswith("vch_")
