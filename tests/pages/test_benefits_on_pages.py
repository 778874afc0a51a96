"""Benefits with limits on the pages: what is left in the wallet, one used and undone at the till, the story, the open books."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_town import desk
from pages_town import RULES, Browser, Town
from test_till_memberships import next_day, words
from till_counter import Counter, at_counter, form_of

from token_service.ledger.benefit_using import list_uses
from token_service.ledger.context import Actor
from token_service.ledger.members import freeze
from token_service.ledger.staff_trail import list_actions

LIMITED = """
  - {id: pool-week, name: {fr: Semaine piscine, en: Pool week}, from: 2026-11-20, until: 2026-11-30, award: {benefit: pool}}
tiers:"""


def limited_rules() -> str:
    """The town's rules with a lounge that has a limit, and a pool in one week."""
    rules = RULES.replace("\ntiers:", LIMITED, 1)
    rules = rules.replace("from: 0, name: {fr: Argent, en: Silver}", "from: 0, name: {fr: Argent, en: Silver}, LOUNGE")
    rules = rules.replace("LOUNGE", "benefits: [{id: lounge, times: 2, every: P1Y}, newsletter]")
    named = "benefits: [{id: lounge, name: {fr: Salon, en: Lounge}}, {id: pool, name: {fr: Piscine, en: Pool}}, "
    return rules.replace("benefits: [{id: free-delivery,", named + "{id: free-delivery,")


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(limited_rules())


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


@pytest.fixture
def member(town: Town) -> str:
    return town.member(name="Alice Martin")


def use(till: Counter, member: str, benefit: str = "lounge") -> str:
    """The receipt."""
    return words(till.confirm(till.look(f"/till/members/{member}/benefits/{benefit}")))


@pytest.fixture
def alice(town: Town, member: str) -> Browser:
    """The member's own browser."""
    browser = Browser(town.app().test_client())
    browser.sign_in(town)
    return browser


def wallet(alice: Browser, language: str = "en") -> str:
    return alice.get("/wallet", headers={"Accept-Language": language}).text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_wallet_shows_each_benefit_with_what_is_left(till: Counter, member: str, alice: Browser) -> None:
    for said in ("Your benefits", "Lounge", "2 of 2 left this year", "Comes with the level Silver.", "Newsletter"):
        assert said in wallet(alice), said
    assert "Comes with the offer “Pool week”, until 30 November 2026." in wallet(alice)
    use(till, member)
    assert "1 of 2 left this year" in wallet(alice)
    assert "One more from 22 November 2027." in wallet(alice)
    french = wallet(alice, "fr")
    for said in ("Vos avantages", "Salon", "Reste 1 sur 2 cette année", "Un de plus à partir du 22 novembre 2027."):
        assert said in french, said
    assert "Vient avec l’offre « Semaine piscine », jusqu’au 30 novembre 2026." in french


def test_staff_see_what_may_be_used_now_and_use_one(town: Town, till: Counter, member: str) -> None:
    page = words(till.look(f"/till/members/{member}"))
    for said in ("Benefits", "2 of 2 left this year", "Comes with the level Silver.", ">Use<"):
        assert said in page, said
    asked = words(till.look(f"/till/members/{member}/benefits/lounge"))
    assert "Let the customer have it, then confirm: it is counted once." in asked
    assert list_uses(town.context, town.actor, member).data == ()
    receipt = use(till, member)
    for said in ("Benefit used · Lounge", "1 of 2 left this year", ">Undo<"):
        assert said in receipt, said
    (one,) = list_uses(town.context, town.actor, member).data
    assert (one.benefit, one.left) == ("lounge", 1)
    assert [action.action for action in list_actions(town.context).data][:1] == ["benefit.used"]


def test_a_form_sent_twice_uses_it_once(town: Town, till: Counter, member: str) -> None:
    form = form_of(till.look(f"/till/members/{member}/benefits/lounge"))
    first, again = till.send(form), till.send(form)
    assert again.location == f"{first.location}?again=1"
    assert "nothing was recorded a second time" in till.browser.get(again.location).text
    path = f"/till/members/{member}/benefits/lounge"
    assert "nothing was recorded a second time" in till.look(path, reference=form.reference).text
    assert len(list_uses(town.context, town.actor, member).data) == 1


def test_one_that_is_used_up_says_when_the_next_one_is_free(town: Town, till: Counter, member: str) -> None:
    late = form_of(till.look(f"/till/members/{member}/benefits/lounge"))
    use(till, member)
    use(till, member)
    refused = till.send(late)
    assert refused.status_code == 409
    assert "one more from 22 November 2027. Nothing was recorded." in words(refused)
    page = words(till.look(f"/till/members/{member}"))
    assert "0 of 2 left this year" in page
    assert "Comes with the level Silver. One more from 22 November 2027." in page
    assert page.count(">Use<") == 2, "the newsletter and the pool"


def test_a_use_is_undone_once(town: Town, till: Counter, member: str, alice: Browser) -> None:
    receipt = till.confirm(till.look(f"/till/members/{member}/benefits/lounge"))
    (one,) = list_uses(town.context, town.actor, member).data
    undo = till.look(f"/till/uses/{one.id}/undo")
    assert "Undo the use of “Lounge”" in words(undo)
    form = form_of(undo)
    assert "it counts no more" in words(till.confirm(undo))
    assert till.send(form).location.endswith("again=1")
    assert "All of it was given back before." in words(till.look(f"/till/uses/{one.id}/undo"))
    assert ">Undo<" not in words(till.look(f"/till/uses/{one.id}"))
    assert "2 of 2 left this year" in wallet(alice)
    assert "Benefit used" in words(receipt)


def test_it_stands_in_the_day_and_in_the_story(town: Town, till: Counter, member: str) -> None:
    use(till, member)
    day = words(till.look("/till/day"))
    for said in ("<strong>Benefit used</strong> · Lounge", "Alice M. · you", 'Benefit used <span class="optional">×'):
        assert said in day, said
    story = desk(town, "support").read(f"/console/members/{member}").replace("\N{NO-BREAK SPACE}", " ")
    assert "Benefit used: Lounge" in story
    assert "1 of 2 left" in story
    (one,) = list_uses(town.context, town.actor, member).data
    till.confirm(till.look(f"/till/uses/{one.id}/undo"))
    assert "<strong>Benefit used</strong>" not in words(till.look("/till/day")), "it counts no more"
    assert "Use of a benefit undone" in desk(town, "auditor").read(f"/console/members/{member}")


def test_nobody_of_the_staff_uses_a_benefit_of_their_own_card(town: Town) -> None:
    mine = town.member(email="paul@example.com", name="Paul")
    till = at_counter(town, email="paul@example.com")
    assert till.look(f"/till/members/{mine}/benefits/lounge").status_code == 403


def test_a_blocked_card_uses_nothing(town: Town, till: Counter, member: str) -> None:
    freeze(town.context, Actor.admin("alma"), member, "lost")
    assert "This card is blocked for now." in words(till.look(f"/till/members/{member}/benefits/lounge"))
    assert ">Use<" not in words(till.look(f"/till/members/{member}"))


def test_when_the_offer_is_over_it_is_gone(town: Town, till: Counter, member: str) -> None:
    assert "Pool" in words(till.look(f"/till/members/{member}"))
    on_the_last_day = next_day(town, till, 8)
    late = form_of(on_the_last_day.look(f"/till/members/{member}/benefits/pool"))
    later = next_day(town, till, 1)
    assert "Pool week" not in words(later.look(f"/till/members/{member}"))
    answer = later.send(late)
    assert answer.status_code == 409
    assert "This benefit’s offer is over" in words(answer)
    forgotten = next_day(town, till, 2)
    assert "This form is too old to be recorded." in words(forgotten.send(late))


def test_the_published_rules_name_the_limits(town: Town) -> None:
    page = Browser(town.app().test_client()).get("/transparency", headers={"Accept-Language": "en"})
    for said in ("It also brings: Lounge (2 times in 12 months), Newsletter.", "Offer “Pool week”: Pool."):
        assert said in words(page), said
