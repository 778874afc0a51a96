"""A voucher with an end, over HTTP: until when, and the refusal behind it."""

from __future__ import annotations

import pytest
from api_callers import RULESET, done, new_reference, refused
from api_town import Town, make_town

MORE = "\n  - {id: tea, kind: gift, points: 10, voucher_valid: P90D, on_expiry: lose}\n"


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return make_town(tmp_path_factory.mktemp("ends"), ruleset=RULESET.rstrip("\n") + MORE)


def test_it_says_until_when_and_then_why_not(town: Town) -> None:
    member = str(town.alice.enrol()["id"])
    town.alice.buy(member, 20_000)
    body = {"reference": new_reference(), "member_id": member, "reward_id": "tea"}
    bought = done(town.alice.post("/v1/vouchers", body), 201)
    assert bought["expires_at"] is not None
    checked = done(town.alice.post("/v1/vouchers:check", {"code": bought["code"]}))
    assert (checked["allowed"], checked["voucher"]["expires_at"]) == (True, bought["expires_at"])
    town.clock.forward(days=91)
    checked = done(town.alice.post("/v1/vouchers:check", {"code": bought["code"]}))
    assert (checked["allowed"], checked["voucher"]["state"]) == (False, "expired")
    assert checked["refusal"]["code"] == "voucher_expired"
    assert checked["refusal"]["facts"] == {"expired_at": bought["expires_at"]}
    use = {"reference": new_reference(), "code": bought["code"]}
    said = refused(town.alice.post("/v1/vouchers:use", use), 409, "voucher_expired")
    assert said["expired_at"] == bought["expires_at"]
    again = done(town.alice.post("/v1/vouchers", body), 200)
    assert (again["state"], again["code"]) == ("expired", None)
