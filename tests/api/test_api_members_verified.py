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
    for body in ({}, {"verified": None}, {"verified": {}}, {"verified": {"phone": "06 12"}}, {"external_id": "x"}):
        refused(town.alice.patch(f"/v1/members/{made['id']}", body), 422, "invalid_input")


def test_whoever_enrolled_puts_a_members_data_right(town: Town) -> None:
    new = {"external_id": new_reference(), "email": "zeo@example.com", "name": "Zoé"}
    made = done(town.alice.post("/v1/members", new), 201)
    path = f"/v1/members/{made['id']}"
    right = {"email": "Zoe@Example.com", "birth_date": "1990-02-28", "locale": "fr-FR", "name": None}
    for _ in range(2):
        changed = done(town.alice.patch(path, right))
        assert {name: changed[name] for name in right} == right | {"email": "zoe@example.com"}
    again = done(town.alice.post("/v1/members", new))
    assert (again["id"], again["email"]) == (made["id"], "zoe@example.com"), (
        "what was sent first is still the same person"
    )
    refused(town.charlie.patch(path, right), 404, "not_found")
    for body in ({"email": "zoe"}, {"birth_date": "2190-01-01"}, {"birth_date": "28.2.1990"}, {"locale": "F"}):
        refused(town.alice.patch(path, body), 422, "invalid_input")
