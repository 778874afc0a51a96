"""Benefits used over the API: within their limits, once under a reference, taken back once."""

from __future__ import annotations

import json

import pytest
from api_callers import RULESET, done, new_reference, refused
from api_town import Town, make_town

MORE = """
tiers:
  qualify_by: spend
  window: {kind: lifetime}
  levels:
    - {id: bronze, from: 0, benefits: [newsletter]}
    - {id: gold, from: 50000, benefits: [newsletter, {id: lounge, times: 2, every: P1Y}]}
memberships:
  - {id: club, price: 900, period: P1M, benefits: [{id: guest, times: 1}]}
campaigns:
  - {id: open, when: member.age_days > 9000, award: {benefit: pool}, limits: {per_member: {times: 1}}}
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    kept = RULESET.split("campaigns:")[0] if "campaigns:" in RULESET else RULESET
    return make_town(tmp_path_factory.mktemp("benefits"), ruleset=kept + MORE)


def gold(town: Town) -> str:
    member = str(town.alice.enrol()["id"])
    town.alice.buy(member, 60_000)
    return member


def path(member: str, benefit: str = "lounge") -> str:
    return f"/v1/members/{member}/benefits/{benefit}"


def test_benefits_by_tier_with_usage_limits(town: Town) -> None:
    """The issue: "benefits by tier with usage limits … one call for a merchant: may this member use it now, and why"."""
    member = gold(town)
    before = done(town.alice.get(path(member)))
    assert [before[name] for name in ("granted", "reason", "times", "every", "used", "left")] == [
        True, "tier", 2, "P1Y", 0, 2,
    ]  # fmt: skip
    first = done(town.alice.post(path(member) + "/uses", {"reference": new_reference(), "note": "with a child"}), 201)
    assert [first[name] for name in ("object", "benefit", "granted_by", "grant", "used", "left", "note")] == [
        "benefit_use", "lounge", "tier", "gold", 1, 1, "with a child",
    ]  # fmt: skip
    done(town.alice.post(path(member) + "/uses", {"reference": new_reference()}), 201)
    after = done(town.alice.get(path(member)))
    assert [after[name] for name in ("granted", "reason", "used", "left")] == [False, "used_up", 2, 0]
    problem = refused(town.alice.post(path(member) + "/uses", {"reference": new_reference()}), 409, "used_up")
    assert (problem["times"], problem["used"], problem["next_at"]) == (2, 2, after["next_at"])


def test_the_same_reference_again_answers_the_first_one(town: Town) -> None:
    member, reference = gold(town), new_reference()
    body = {"reference": reference}
    first = done(town.alice.post(path(member) + "/uses", body), 201)
    again = town.alice.post(path(member) + "/uses", body)
    assert (done(again), again.headers["Idempotent-Replayed"]) == (first, "true")
    conflict = refused(town.alice.post(path(member) + "/uses", body | {"note": "else"}), 409, "reference_conflict")
    assert conflict["existing_id"] == first["id"]
    keyed = [
        town.alice.post(path(member, "newsletter") + "/uses", {"reference": new_reference()}, key="use-1")
        for _ in range(1)
    ]
    assert done(keyed[0], 201)["times"] is None


@pytest.mark.parametrize(
    ("benefit", "code", "fact"),
    [
        ("lounge", "tier_needed", {"tier": "gold", "missing": 50_000}),
        ("guest", "membership_needed", {"memberships": ["club"]}),
        ("pool", "campaign_needed", {"campaigns": ["open"]}),
    ],
)
def test_a_refusal_has_a_stable_code_and_the_reason(
    town: Town, benefit: str, code: str, fact: dict[str, object]
) -> None:
    member = town.alice.enrol()["id"]
    problem = refused(town.alice.post(path(member, benefit) + "/uses", {"reference": new_reference()}), 409, code)
    assert {name: problem[name] for name in fact} == fact
    assert done(town.alice.get(path(member, benefit)))["reason"] == code


def test_nobody_else_uses_it_and_a_frozen_member_not_either(town: Town) -> None:
    member = gold(town)
    uses, body = path(member) + "/uses", {"reference": new_reference()}
    refused(town.charlie.post(uses, body), 404, "not_found")
    refused(town.alice.post(path(member, "yacht") + "/uses", body), 404, "not_found")
    refused(town.alice.post(uses, {}), 422, "invalid_input")
    refused(town.admin.post(uses, body), 422, "invalid_input")
    done(town.alice.post(f"/v1/members/{member}/freeze", {"reason": "stolen card"}))
    refused(town.alice.post(uses, body), 409, "member_frozen")


def test_a_use_is_listed_and_taken_back_once(town: Town) -> None:
    member = gold(town)
    uses = path(member) + "/uses"
    used = done(town.alice.post(uses, {"reference": new_reference()}), 201)
    assert [one["id"] for one in done(town.alice.get(uses))["data"]] == [used["id"]]
    assert done(town.alice.get(f"{uses}/{used['id']}")) == used
    refused(town.alice.get(f"{path(member, 'newsletter')}/uses/{used['id']}"), 404, "not_found")
    body = {"reference": new_reference(), "reason": "the wrong card"}
    undone = done(town.alice.post(f"{uses}/{used['id']}/reversals", body), 201)
    assert undone["reversed_at"] is not None
    assert done(town.alice.post(f"{uses}/{used['id']}/reversals", body)) == undone
    again = {"reference": new_reference()}
    refused(town.alice.post(f"{uses}/{used['id']}/reversals", again), 409, "already_reversed")
    assert done(town.alice.get(path(member)))["left"] == 2
    assert json.dumps(used) != json.dumps(undone)
