"""A reward that is closed to a member is refused with its reason, at the call and in a simulation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from api_callers import RULESET, done, new_reference, refused
from api_town import Town, make_town

MORE = """
  - {id: preview, kind: gift, points: 10, from: 2026-12-01, until: 2026-12-24, levels: [silver, gold], early_days: {gold: 3}}
tiers:
  qualify_by: spend
  window: {kind: lifetime}
  levels: [{id: bronze, from: 0}, {id: silver, from: 5000}, {id: gold, from: 50000}]
"""


@pytest.fixture(scope="module")
def seasonal(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return make_town(tmp_path_factory.mktemp("seasonal"), ruleset=RULESET.rstrip("\n") + MORE)


def redeem(town: Town, member: str, *, status: int = 201) -> dict[str, object]:
    body = {"reference": new_reference(), "member_id": member, "reward_id": "preview"}
    simulated = done(town.alice.post("/v1/simulations/redemption", body))
    response = town.alice.post("/v1/redemptions", body)
    if status == 201:
        assert simulated["refusal"] is None
        return done(response, 201)
    problem = refused(response, 409, "reward_unavailable")
    assert simulated["refusal"]["code"] == "reward_unavailable"
    return problem


def test_a_refusal_says_what_is_missing_and_when_it_opens(seasonal: Town) -> None:
    bronze, silver, gold = (seasonal.alice.enrol()["id"] for _ in range(3))
    for member, cents in ((bronze, 2_000), (silver, 8_000), (gold, 60_000)):
        seasonal.alice.buy(member, cents)
    before = seasonal.clock.now
    try:
        seasonal.clock.now = datetime(2026, 11, 29, 12, tzinfo=UTC)
        said = redeem(seasonal, bronze, status=409)
        assert (said["reason"], said["levels"]) == ("level_needed", ["silver", "gold"])
        said = redeem(seasonal, silver, status=409)
        assert said["reason"] == "not_yet_open"
        assert datetime.fromisoformat(str(said["opens_at"])) == datetime(2026, 11, 30, 23, tzinfo=UTC)
        assert redeem(seasonal, gold)["points"] == 10
        seasonal.clock.now = datetime(2026, 12, 25, 12, tzinfo=UTC)
        assert redeem(seasonal, gold, status=409)["reason"] == "over"
    finally:
        seasonal.clock.now = before


def test_a_member_sees_what_they_may_have_and_why_not_the_rest(town: Town) -> None:
    member = town.alice.enrol()["id"]
    standing = done(town.alice.get(f"/v1/members/{member}/rewards"))["data"]
    assert standing
    assert all(one["missing_points"] == one["points"] and not one["allowed"] for one in standing)
    assert {one["refusal"] for one in standing if one["refusal"] is None} == {None}
    refused(town.charlie.get(f"/v1/members/{member}/rewards"), 404, "not_found")


def test_stock_is_set_by_an_admin_and_seen_by_all(town: Town) -> None:
    reward = done(town.alice.get("/v1/rewards"))["data"][0]["id"]
    path = f"/v1/rewards/{reward}/stock"
    refused(town.alice.put(path, {"pieces_left": 3}), 403, "forbidden")
    assert done(town.admin.put(path, {"pieces_left": 0})) == {
        "object": "reward_stock",
        "reward_id": reward,
        "pieces_left": 0,
    }
    assert done(town.alice.get("/v1/rewards"))["data"][0]["pieces_left"] == 0
    member = town.alice.enrol()["id"]
    assert done(town.alice.get(f"/v1/members/{member}/rewards"))["data"][0]["refusal"] == {"reason": "sold_out"}
    refused(town.admin.put(path, {"pieces_left": -1}), 422, "invalid_input")
    refused(town.admin.put("/v1/rewards/tea/stock", {"pieces_left": 3}), 409, "reward_unavailable")
    assert done(town.admin.put(path, {"pieces_left": None}))["pieces_left"] is None
