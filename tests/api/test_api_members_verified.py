"""Whom a shop has verified, over HTTP."""

from __future__ import annotations

from api_callers import done, new_reference, refused
from api_town import Town


def test_what_was_verified_is_said_at_enrolment_or_later_and_never_answered(town: Town) -> None:
    phone = {"phone": "+33 6 12 34 56 78"}
    made = done(town.alice.post("/v1/members", {"external_id": new_reference(), "verified": phone}), 201)
    assert made["welcome"] is None, "these rules give nothing for joining"
    changed = done(town.alice.patch(f"/v1/members/{made['id']}", {"verified": {"email": "zoe@example.com"}}))
    assert (changed["id"], changed["welcome"]) == (made["id"], None)
    assert "zoe" not in str(changed)
    for body in ({}, {"verified": {}}, {"verified": {"phone": "06 12"}}, {"verified": phone, "name": "Zoé"}):
        refused(town.alice.patch(f"/v1/members/{made['id']}", body), 422, "invalid_input")
