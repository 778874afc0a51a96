"""`GET /members/{id}/benefits` lists what the member may use now, and why; a merchant checks one with one call."""

from __future__ import annotations

import pytest
from api_callers import RULESET, Caller, done, purchase, refused
from api_town import Town, make_town

TIERS = """
tiers:
  qualify_by: spend
  window: {kind: rolling, period: P12M}
  downgrade: {after: window, grace: P30D, steps: 1}
  levels:
    - {id: bronze, from: 0, benefits: [newsletter]}
    - {id: silver, from: 10000, benefits: [free-shipping]}
    - {id: gold, from: 50000, benefits: [free-shipping, lounge]}
"""


@pytest.fixture(scope="module")
def tiered(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return make_town(tmp_path_factory.mktemp("tiered"), ruleset=RULESET + TIERS)


def granted(caller: Caller, member: str) -> dict[str, bool]:
    return {one["id"]: one["granted"] for one in done(caller.get(f"/v1/members/{member}/benefits"))["data"]}


def test_number_8_benefits_list_what_the_member_may_use_now_and_why(tiered: Town) -> None:
    member = tiered.alice.enrol()["id"]
    listed = {one["id"]: one for one in done(tiered.alice.get(f"/v1/members/{member}/benefits"))["data"]}
    assert listed["newsletter"] == {
        "object": "benefit",
        "id": "newsletter",
        "granted": True,
        "reason": "tier",
        "tier": "bronze",
        "until": None,
        "needs": None,
        "membership": None,
        "needs_memberships": [],
        "campaign": None,
        "needs_campaigns": [],
        "times": None,
        "every": None,
        "used": 0,
        "left": None,
        "next_at": None,
    }
    assert listed["free-shipping"]["needs"] == {"id": "silver", "missing": 10_000}
    assert (listed["lounge"]["reason"], listed["lounge"]["needs"]) == ("tier_needed", {"id": "gold", "missing": 50_000})


def test_number_10_a_perk_without_points_is_granted_by_entitlement_and_checked_by_a_merchant_with_one_call(
    tiered: Town,
) -> None:
    member = tiered.alice.enrol()["id"]
    path = f"/v1/members/{member}/benefits/lounge"
    tiered.alice.buy(member, 20_000)
    assert done(tiered.alice.get(path))["needs"] == {"id": "gold", "missing": 30_000}
    tiered.alice.buy(member, 30_000)
    assert done(tiered.alice.get(path))["granted"] is True
    assert granted(tiered.alice, member) == {"newsletter": False, "free-shipping": True, "lounge": True}
    assert done(tiered.alice.get(f"/v1/members/{member}/benefits/newsletter"))["needs"] is None


def test_a_level_on_its_way_down_says_until_when(tiered: Town) -> None:
    member = tiered.alice.enrol()["id"]
    tiered.alice.buy(member, 12_000)
    before = tiered.clock.now
    try:
        tiered.clock.forward(days=366)
        found = done(tiered.alice.get(f"/v1/members/{member}/benefits/free-shipping"))
        assert (found["granted"], found["tier"]) == (True, "silver")
        assert found["until"] is not None
        tiered.clock.forward(days=31)
        assert not done(tiered.alice.get(f"/v1/members/{member}/benefits/free-shipping"))["granted"]
    finally:
        tiered.clock.now = before


def test_a_frozen_member_may_use_nothing(tiered: Town) -> None:
    member = tiered.alice.enrol()["id"]
    done(tiered.alice.post(f"/v1/members/{member}/freeze", {"reason": "stolen card"}))
    found = done(tiered.alice.get(f"/v1/members/{member}/benefits/newsletter"))
    assert (found["granted"], found["reason"]) == (False, "member_frozen")


def test_an_unknown_benefit_and_a_stranger_are_not_found(tiered: Town) -> None:
    member = tiered.alice.enrol()["id"]
    refused(tiered.alice.get(f"/v1/members/{member}/benefits/yacht"), 404, "not_found")
    refused(tiered.charlie.get(f"/v1/members/{member}/benefits"), 404, "not_found")
    refused(tiered.nobody.get(f"/v1/members/{member}/benefits"), 401, "unauthorized")


def test_a_programme_without_levels_has_no_benefits(town: Town) -> None:
    assert done(town.alice.get(f"/v1/members/{town.alice.enrol()['id']}/benefits"))["data"] == []


def test_a_member_will_downgrade_unless_they_spend_what_is_missing(tiered: Town) -> None:
    member = tiered.alice.enrol()["id"]
    path = f"/v1/members/{member}/tier"
    assert done(tiered.alice.get(path))["downgrade"] is None
    done(tiered.alice.post("/v1/purchases", purchase(member, 60_000)), 201)
    standing = done(tiered.alice.get(path))
    assert (standing["object"], standing["tier"], standing["qualify_by"], standing["figure"]) == (
        "tier",
        "gold",
        "spend",
        60_000,
    )
    assert (standing["next_tier"], standing["keeps_until"]) == (None, None)
    assert standing["downgrade"] == {"to": "silver", "at": "2027-12-22T11:58:00Z", "missing": 50_000}
    assert standing["measures"] == {"spend": 60_000, "points": 600, "orders": 1, "engagement": 0}
    assert standing["keep"] == 50_000
    rules = standing["projected"].pop("ruleset")
    assert rules == done(tiered.alice.get("/v1/program"))["ruleset"]["hash"]
    assert standing["projected"] == {"tier": "silver", "figure": 0, "at": "2027-12-22T11:58:00Z", "because": "window"}
    refused(tiered.charlie.get(path), 404, "not_found")


def test_rules_without_levels_have_no_standing(town: Town) -> None:
    member = town.alice.enrol()["id"]
    refused(town.alice.get(f"/v1/members/{member}/tier"), 404, "not_found")
