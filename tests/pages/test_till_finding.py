"""The till finds customers by the code they show or the shop's card number, and shows no more of them than it needs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pages_town import ORIGIN, Town, open_shop
from staff_people import hire, signed_in
from till_counter import at_counter

from token_service.ledger.context import Actor
from token_service.ledger.member_codes import FAILURES_MAX, new_code
from token_service.ledger.till import LISTED_MAX

FORMS = ["/till/find", "/till/members/0/purchase", "/till/members/0/redemption", "/till/purchases/0/refund"]


def shown(town: Town, member_id: str) -> str:
    return new_code(town.context, Actor.member(member_id)).code


def test_a_scanned_or_typed_code_leads_to_the_member(town: Town) -> None:
    member, till = town.member(name="Alice Martin"), at_counter(town)
    for typed in (shown(town, member).replace("-", ""), shown(town, member).lower(), f" {shown(town, member)} "):
        assert till.browser.post("/till/find", code=typed).location == f"/till/members/{member}"


def test_a_code_that_expired_asks_for_a_new_one(town: Town) -> None:
    till, code = at_counter(town), shown(town, town.member())
    town.clock.move(timedelta(minutes=5))
    answer = till.browser.post("/till/find", code=code)
    assert answer.status_code == 422
    assert "Ask the customer to show a new one" in answer.text
    assert f'value="{code}"' in answer.text


def test_the_shops_own_card_number_leads_to_the_member_and_is_no_guess(town: Town) -> None:
    till, member = at_counter(town), town.member()
    for _ in range(FAILURES_MAX + 1):
        assert till.browser.post("/till/find", code="r1").location == f"/till/members/{member}"
    answer = till.browser.post("/till/find", code="no such card")
    assert "No customer of this shop has this card number" in answer.text
    assert "Scan or type a code first" in till.browser.post("/till/find", code=" ").text


def test_guessing_codes_is_stopped_and_card_numbers_go_on(town: Town) -> None:
    till, member = at_counter(town), town.member()
    for _ in range(FAILURES_MAX):
        assert till.browser.post("/till/find", code="ZZZZ-ZZZZ").status_code == 422
    answer = till.browser.post("/till/find", code=shown(town, member))
    assert answer.status_code == 429
    assert "Wait five minutes" in answer.text
    assert till.browser.post("/till/find", code="r1").status_code == 303


def test_the_page_shows_first_name_initial_level_and_balance(town: Town) -> None:
    member, till = town.member("secret@example.com", name="Alice Marie Martin"), at_counter(town)
    town.purchase(member, 10_000)
    page = till.browser.get(f"/till/members/{member}").text
    assert "Alice\N{NO-BREAK SPACE}M. · Silver" in page
    assert ">150<span" in page
    assert "worth €15.00" in page
    assert "A free coffee" in page
    assert "2,350 more points needed" in page
    for hidden in ("Marie", "secret@example.com"):
        assert hidden not in page


def test_a_member_of_another_shop_is_unknown_until_they_show_their_code(town: Town) -> None:
    other = open_shop(town.context, town.clock, "Librairie")
    member, till = town.member(name="Alice Martin"), at_counter(town)
    town.purchase(member, 10_000)
    foreign = at_counter(other, "lea@example.com")
    assert foreign.look(f"/till/members/{member}").status_code == 404
    assert foreign.look(f"/till/members/{member}/purchase", total="1").status_code == 404
    assert "No customer of this shop" in foreign.browser.post("/till/find", code="r1").text
    location = foreign.browser.post("/till/find", code=shown(town, member)).location
    page = foreign.browser.get(location).text
    assert "Alice\N{NO-BREAK SPACE}M." in page
    assert "€100.00" not in page
    assert "€100.00" in till.browser.get(location).text


def test_nobody_serves_their_own_card(town: Town) -> None:
    member, till = town.member("paul@example.com"), at_counter(town)
    answer = till.browser.post("/till/find", code=shown(town, member))
    page = till.browser.get(answer.location)
    assert page.status_code == 403
    assert "This card is your own" in page.text
    looked = till.look(f"/till/members/{member}/purchase", total="10")
    assert looked.status_code == 403
    assert "This card is your own" in looked.text
    form = {"total": "10", "reference": "T20261122-130500Z-00000000"}
    sent = till.browser.post(f"/till/members/{member}/purchase", **form)
    assert sent.status_code == 409
    assert "This card is your own" in sent.text
    colleague = at_counter(town, "zoe@example.com")
    assert (
        "+\N{NO-BREAK SPACE}10"
        in colleague.confirm(colleague.look(f"/till/members/{member}/purchase", total="10")).text
    )


def test_the_day_is_the_shops_and_nobody_elses(town: Town) -> None:
    other = open_shop(town.context, town.clock, "Librairie")
    till, foreign = at_counter(town), at_counter(other, "lea@example.com")
    bought = till.buy(town.member(name="Alice Martin"), "23,90")
    page = till.browser.get("/till").text
    for said in (
        "14:05 · Alice\N{NO-BREAK SPACE}M. · you",
        "€23.90",
        "+\N{NO-BREAK SPACE}23",
        f"/till/operations/{bought}",
    ):
        assert said in page
    assert "Paul" not in page
    assert "Nothing yet." in foreign.browser.get("/till").text
    for path in (f"/till/operations/{bought}", f"/till/purchases/{bought}/refund"):
        assert foreign.browser.get(path).status_code == 404
    seen = at_counter(town, "zoe@example.com").browser.get("/till").text
    assert "14:05 · Alice\N{NO-BREAK SPACE}M. · Cashier" in seen


def test_beside_the_work_stand_the_newest_lines_and_the_whole_day_has_its_page(town: Town) -> None:
    till, member = at_counter(town), town.member(name="Foyer 12")
    for _ in range(LISTED_MAX):
        town.purchase(member, 100)
    assert "/till/day" not in till.browser.get("/till").text
    town.purchase(member, 100)
    beside, whole = till.browser.get("/till").text, till.browser.get("/till/day").text
    assert "The newest 12 of 13" in beside
    assert [page.count("Foyer\N{NO-BREAK SPACE}12") for page in (beside, whole)] == [12, 13]
    for page in (beside, whole):
        assert "×&nbsp;13" in page
        assert "€13.00" in page


def test_a_purchase_is_found_by_its_reference(town: Town) -> None:
    till, member = at_counter(town), town.member()
    town.purchase(member, 1_000)
    assert "/till/operations/pur_" in till.browser.get("/till/purchases?reference=r2").location
    for typed in ("r3", ""):
        answer = till.browser.get("/till/purchases", query_string={"reference": typed})
        assert answer.status_code == 422
        assert "no purchase of this reference" in answer.text


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {}])
def test_a_form_from_elsewhere_is_refused(town: Town, path: str, headers: dict[str, str]) -> None:
    assert at_counter(town).browser.client.post(path, headers=headers).status_code == 403


def test_the_till_is_for_cashiers_alone(town: Town) -> None:
    for role in ("owner", "manager", "support", "auditor"):
        assert signed_in(town, hire(town, role)).get("/till").status_code == 403
    stranger = town.app().test_client()
    assert stranger.get("/till").location == "/staff/sign-in"
    assert stranger.post("/till/find", headers=ORIGIN).location == "/staff/sign-in"


def test_the_help_is_on_the_page_in_both_languages(town: Town) -> None:
    assert "Help" in at_counter(town).browser.get("/till").text
    assert "Aide" in at_counter(town, "lea@example.com", locale="fr").browser.get("/till").text
