"""The console's staff and trail: added with a password that is shown once, shut out, let in; every deed told to who may read."""

from __future__ import annotations

import re

import pytest
from console_town import Desk, desk
from pages_town import Browser, Town

from token_service.ledger.staff import find_person, list_people
from token_service.ledger.staff_trail import list_actions

PASSWORD = re.compile(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){3}")


@pytest.fixture
def owner(town: Town) -> Desk:
    return desk(town, "owner")


def added(owner: Desk, **more: str) -> str:
    """Mona, with the role support unless told; the page with her first password."""
    answer = owner.post("/console/people", **({"email": "mona@example.com", "name": "Mona", "role": "support"} | more))
    assert answer.status_code == 200, answer.text
    return answer.text


def password_on(page: str) -> str:
    found = PASSWORD.search(page)
    assert found is not None
    return found[0]


def test_somebody_is_added_and_comes_in_with_the_password_on_the_page(town: Town, owner: Desk, alice: Browser) -> None:
    assert "Add them and show the first password" in owner.read("/console/people/new")
    password = password_on(added(owner))
    answer = alice.post("/staff/sign-in", email="mona@example.com", password=password)
    assert answer.location == "/staff"
    assert password not in owner.read("/console/people")
    again = owner.post("/console/people", email="Mona@example.com", name="Mona", role="support")
    assert (again.status_code, "has this e-mail address already" in again.text) == (409, True)
    assert PASSWORD.search(again.text) is None
    assert [action.action for action in list_actions(town.context).data] == ["person.added"]


def test_a_cashier_is_given_a_shop(town: Town, owner: Desk) -> None:
    page = owner.read("/console/people/new")
    assert f"{town.merchant_id}/{town.store_id}" in page
    assert "Les Halles" not in page.split('id="store"')[1].split("</select>")[0]
    refused = owner.post("/console/people", email="p@example.com", name="Paul", role="cashier", store="")
    assert (refused.status_code, "choose it" in refused.text) == (422, True)
    added(owner, email="p@example.com", name="Paul", role="cashier", store=f"{town.merchant_id}/{town.store_id}")
    paul = find_person(town.context, "p@example.com")
    assert paul is not None
    assert (paul.merchant_id, paul.store_id) == (town.merchant_id, town.store_id)
    assert "Marché Central, Lyon" in owner.read("/console/people")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "nobody"}, "Write an e-mail address"),
        ({"email": ""}, "Write an e-mail address"),
        ({"name": ""}, "Write something here"),
        ({"role": "emperor"}, "Choose one of these"),
        ({"role": "cashier", "store": "mrc_nobody/"}, "no such shop any more"),
    ],
)
def test_a_person_that_cannot_be_is_refused_beside_the_field(
    town: Town, owner: Desk, wrong: dict[str, str], said: str
) -> None:
    form = {"email": "mona@example.com", "name": "Mona", "role": "support"} | wrong
    answer = owner.post("/console/people", **form)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert len(list_people(town.context)) == 1


def test_a_new_password_signs_the_person_out_and_is_shown_once(town: Town, owner: Desk, alice: Browser) -> None:
    old = password_on(added(owner))
    alice.post("/staff/sign-in", email="mona@example.com", password=old)
    mona = find_person(town.context, "mona@example.com")
    assert mona is not None
    answer = owner.post(f"/console/people/{mona.id}/reset")
    new = password_on(answer.text)
    assert answer.headers["Cache-Control"] == "no-store"
    assert alice.get("/staff/password").location == "/staff/sign-in"
    assert alice.post("/staff/sign-in", email="mona@example.com", password=old).status_code == 422
    assert alice.post("/staff/sign-in", email="mona@example.com", password=new).status_code == 303
    assert new not in str(list_actions(town.context).data)


def test_whoever_is_shut_out_is_out_until_let_in(town: Town, owner: Desk) -> None:
    support = desk(town, "support")
    for _ in range(2):
        assert owner.post(f"/console/people/{support.person.id}/disable").status_code == 303
    assert support.get("/console/members").location == "/staff/sign-in"
    assert "no access" in owner.read("/console/people")
    assert owner.post(f"/console/people/{support.person.id}/enable").status_code == 303
    assert "no access" not in owner.read("/console/people")
    assert [action.action for action in list_actions(town.context).data] == ["person.enabled", "person.disabled"]


def test_the_last_owner_stays(town: Town, owner: Desk) -> None:
    answer = owner.post(f"/console/people/{owner.person.id}/disable")
    assert (answer.status_code, "The last owner stays" in answer.text) == (409, True)
    assert list_actions(town.context).data == ()
    for name in ("reset", "disable", "enable"):
        assert owner.post(f"/console/people/stf_nobody/{name}").status_code == 404


def test_only_owners_change_the_staff(town: Town, owner: Desk) -> None:
    for role in ("manager", "auditor"):
        reader = desk(town, role)
        page = reader.read("/console/people")
        assert owner.person.email in page
        assert "Password and access" not in page
        assert reader.post(f"/console/people/{owner.person.id}/reset").status_code == 403


def test_the_trail_tells_who_did_what_and_can_be_narrowed_down(town: Town, owner: Desk) -> None:
    manager, member = desk(town, "manager"), town.member()
    form = {"reference": "ctl_1", "way": "up", "points": "40", "reason": "A <b>gesture</b>"}
    manager.post(f"/console/members/{member}/adjust", **form)
    manager.post(f"/console/merchants/{town.merchant_id}/stores", name="Paris", external_id="paris")
    added(owner)
    page = owner.read("/console/trail")
    told = (
        "Added 40 points; 40 could be used afterwards.",
        "Added the store “paris”.",
        "Added somebody to the staff as support",
    )
    for words in (*told, "Manager (Manager)", "A &lt;b&gt;gesture"):
        assert words in page, words
    narrowed = {
        f"person={manager.person.id}": {told[0], told[1]},
        f"member={member}": {told[0]},
        f"merchant={town.merchant_id}": {told[1]},
        "person=stf_nobody": set(),
    }
    for asked, expected in narrowed.items():
        page = owner.read(f"/console/trail?{asked}")
        assert {words for words in told if words in page} == expected, asked
    assert "Nothing of that kind" in owner.read("/console/trail?person=stf_nobody")
    assert owner.get("/console/trail?cursor=%00").status_code == 404


def test_the_trail_goes_on_and_is_empty_at_first(town: Town, owner: Desk) -> None:
    assert "Nobody has changed anything yet" in owner.read("/console/trail")
    member = town.member()
    for number in range(51):
        form = {"reference": f"ctl_{number}", "way": "up", "points": "1", "reason": f"Reason {number}."}
        owner.post(f"/console/members/{member}/adjust", **form)
    page = owner.read("/console/trail")
    assert "Reason 50." in page
    assert "Reason 0." not in page
    assert "Reason 0." in owner.read(f"/console/trail?cursor={page.split('?cursor=')[1].split(chr(34))[0]}")


def test_support_does_not_read_the_trail_but_a_members_part_of_it(town: Town, owner: Desk) -> None:
    support, member = desk(town, "support"), town.member()
    owner.post(f"/console/members/{member}/freeze", reason="Stolen")
    assert support.get("/console/trail").status_code == 403
    page = support.read(f"/console/members/{member}")
    assert "Froze the member." in page
    assert "/console/trail" not in page
