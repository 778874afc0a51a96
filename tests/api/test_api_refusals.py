"""What limits refused, over HTTP: in a list, and counted in /metrics."""

from __future__ import annotations

from api_callers import done, new_reference, refused
from api_town import Town


def test_a_refusal_is_listed_to_its_merchant_and_to_an_admin(town: Town) -> None:
    member = town.alice.enrol()
    asked = {"reference": new_reference(), "member_id": member["id"], "points": 5001, "reason": "a gift"}
    for _ in range(2):
        problem = refused(town.alice.post("/v1/issuances", asked), 409, "limit_exceeded")
    assert (problem["key"], problem["limit"], problem["remaining"]) == ("limits.manual_issuance_points", 5000, 5000)
    for caller in (town.alice, town.admin):
        listed = done(caller.get("/v1/refusals"))
        (one,) = listed["data"]
        assert (one["object"], one["code"], one["key"]) == ("refusal", "limit_exceeded", problem["key"])
        assert (one["kind"], one["reference"], one["points"], one["times"]) == ("issuance", asked["reference"], 5001, 2)
        assert listed["next_cursor"] is None
    text = town.nobody.get("/metrics").get_data(as_text=True)
    assert 'mereau_refusals{code="limit_exceeded"} 2.0' in text
