"""Notices over HTTP: what a merchant's mail system polls."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from api_callers import done, new_reference, refused
from api_town import RULESET, Town, make_town

from token_service.api.notices import Kind
from token_service.program.notices import KINDS

TIERS = """
tiers:
  qualify_by: spend
  window: {kind: rolling, period: P12M}
  levels: [{id: bronze, from: 0}, {id: gold, from: 5000}]
"""


@pytest.fixture(scope="module")
def tiered(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return make_town(Path(tmp_path_factory.mktemp("told")), ruleset=RULESET + TIERS)


def polled(town: Town, query: str = "") -> list[dict[str, Any]]:
    return done(town.alice.get(f"/v1/notices{query}"))["data"]


def test_a_threshold_crossed_emits_tier_upgraded_to_its_own_merchant(tiered: Town) -> None:
    """The issue: "Crossing a threshold in the evaluation window changes the tier and emits `tier.upgraded`"."""
    before = polled(tiered)
    member = tiered.alice.enrol()
    tiered.alice.buy(member["id"], 4_999)
    assert polled(tiered) == before
    tiered.alice.buy(member["id"], 1)
    (one,) = polled(tiered)[len(before) :]
    assert (one["object"], one["kind"], one["data"]) == ("notice", "tier.upgraded", {"from": "bronze", "to": "gold"})
    assert (one["member_id"], one["external_id"]) == (member["id"], member["external_id"])
    assert one["key"].startswith(f"tier.upgraded:{member['id']}:fct_")
    assert done(tiered.charlie.get("/v1/notices"))["data"] == []
    assert done(tiered.admin.get(f"/v1/notices?merchant_id={tiered.alice.merchant_id}"))["data"][-1] == one
    path = f"/v1/members/{member['id']}/notices"
    assert done(tiered.alice.get(path))["data"] == [one]
    refused(tiered.charlie.get(path), 404, "not_found")


def test_who_polls_goes_on_behind_the_last_one(tiered: Town) -> None:
    members = [tiered.alice.enrol()["id"] for _ in range(3)]
    seen = [one["id"] for one in polled(tiered)]
    for member in members:
        tiered.alice.buy(member, 6_000)
        after = f"?limit=100&after={seen[-1]}" if seen else ""
        found = polled(tiered, after)
        assert [one["member_id"] for one in found] == [member]
        seen += [one["id"] for one in found]
    assert polled(tiered, f"?after={seen[-1]}") == []
    assert polled(tiered, f"?after={seen[-1]}&kind=tier.downgraded&since=2020-01-01T00:00:00Z") == []


def test_a_mail_or_text_message_can_tell_members_their_balance(tmp_path: Path) -> None:
    """Asked for in other systems: "tell members their balance by mail/SMS". It is the one of now, not of when it was told."""
    town = make_town(tmp_path, ruleset=f"{RULESET}{TIERS}expiry: {{kind: fixed, period: P90D}}\n")
    member = town.alice.enrol()["id"]
    town.alice.buy(member, 6_000)
    body = {"reference": new_reference(), "member_id": member, "points": 15}
    done(town.alice.post("/v1/redemptions", body), 201)
    (one,) = polled(town)
    balance = town.alice.balance(member)
    assert one["kind"] == "tier.upgraded"
    assert one["balance"] == {"available": 45, "pending": 0, "next_expiry": balance["expiring"][0]}
    assert one["balance"]["next_expiry"]["points"] == 45
    assert done(town.alice.get(f"/v1/members/{member}/notices"))["data"] == [one]
    body = {"reference": new_reference(), "member_id": member, "points": 45}
    done(town.alice.post("/v1/redemptions", body), 201)
    assert polled(town)[0]["balance"] == {"available": 0, "pending": 0, "next_expiry": None}
    town.context.store.dispose()


def test_what_it_does_not_know_it_says(tiered: Town) -> None:
    gone = "ntc_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    problem = refused(tiered.alice.get(f"/v1/notices?after={gone}"), 422, "invalid_input")
    assert "since" in problem["errors"][0]["detail"]
    refused(tiered.alice.get("/v1/notices?kind=tier.lost"), 422, "invalid_input")
    refused(tiered.alice.get("/v1/notices?since=yesterday"), 422, "invalid_input")


def test_every_kind_is_documented() -> None:
    assert get_args(Kind) == KINDS
    guide = Path(__file__).parents[2].joinpath("docs/api.md").read_text("utf-8")
    assert all(f"`{kind}`" in guide for kind in KINDS)
