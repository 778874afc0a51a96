"""Paid memberships at the till: sold, renewed and refunded, once each, with what they give and cost said before and after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from pages_town import ORIGIN, RULES, Town, open_shop
from staff_people import signed_in
from test_memberships_on_pages import MEMBERSHIPS, REWARDS
from till_counter import Counter, at_counter, form_of
from werkzeug.test import TestResponse

from token_service.ledger.balances import get_balance
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewMembership, NewMerchant, NewRedemption, NewReversal, NewStore
from token_service.ledger.member_codes import member_by_code, new_code
from token_service.ledger.members import freeze, get_member
from token_service.ledger.memberships import list_memberships, refund_membership, sell_membership
from token_service.ledger.merchants import create_merchant, create_store
from token_service.ledger.redemptions import redeem
from token_service.ledger.staff_trail import list_actions
from token_service.ledger.views import Membership

MINUS = "−\N{NO-BREAK SPACE}"
PAPER = """  - {id: paper, name: {fr: Le Journal, en: The Paper}, price: 0, period: P1M}
"""


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    rules = RULES.replace("challenges:\n", MEMBERSHIPS + PAPER + "challenges:\n").rstrip("\n") + REWARDS
    named = "benefits: [{id: lounge, name: {fr: Salon, en: Lounge}}, "
    return make_town(rules.replace("benefits: [{id: free-delivery,", named + "{id: free-delivery,"))


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


@pytest.fixture
def member(town: Town) -> str:
    return town.member(name="Alice Martin")


def words(answer: TestResponse) -> str:
    """The page's text, with plain spaces."""
    return answer.text.replace("\N{NO-BREAK SPACE}", " ")


def selling(member_id: str) -> str:
    return f"/till/members/{member_id}/membership"


def sell(till: Counter, member_id: str, membership: str = "club") -> str:
    """Where the receipt is."""
    answer = till.send(form_of(till.look(selling(member_id), membership=membership)))
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def bought(town: Town, member_id: str) -> list[Membership]:
    """Oldest first."""
    return list(reversed(list_memberships(town.context, town.actor, member_id)))


def next_day(town: Town, till: Counter, days: int) -> Counter:
    """The same person, days later: a session lasts for one day's work."""
    town.clock.move(timedelta(days=days))
    return Counter(signed_in(town, till.person), till.person)


def refunding(membership_id: str) -> str:
    return f"/till/memberships/{membership_id}/refund"


def points(town: Town, member_id: str) -> int:
    return get_balance(town.context, town.actor, member_id).available


# --- Selling ------------------------------------------------------------------------------------------------------------


def test_the_customers_page_says_what_each_costs_and_gives(till: Counter, member: str) -> None:
    page = words(till.look(f"/till/members/{member}"))
    for said in (
        "Market club",
        "€29.00 for 12 months. It brings: Lounge. Points of purchases: × 1.5. Each period gives 100 points.",
        "It is kept for 14 days after its end. It opens rewards: Dinner, Sale.",
    ):
        assert said in page, said
    assert page.count(">Sell<") == 2
    assert "Held since" not in page


def test_a_period_is_looked_at_sold_and_has_a_receipt(town: Town, till: Counter, member: str) -> None:
    page = till.look(selling(member), membership="club")
    for said in (
        "Membership “Market club”",
        "€29.00 for 12 months",
        "From 22 November 2026 until 22 November 2027.",
        "What it gives",
        "<li>It brings: Lounge.</li>",
        "Take €29.00 from the customer, then confirm.",
    ):
        assert said in words(page), said
    assert bought(town, member) == []
    receipt = words(till.confirm(page))
    for said in (
        "Membership · Market club · €29.00",
        "+ 100 points",
        "now has 100 points",
        "under signature",
    ):
        assert said in receipt, said
    (one,) = bought(town, member)
    assert (one.membership, one.paid.amount, one.is_renewal) == ("club", 2_900, False)
    after = words(till.look(f"/till/members/{member}"))
    assert "Held since 22 November 2026, paid until 22 November 2027." in after
    assert ">Renew<" in after


def test_it_is_in_the_list_of_the_day_and_its_sums(till: Counter, member: str) -> None:
    sell(till, member)
    day = words(till.look("/till/day"))
    for said in (
        "<strong>Membership</strong> · Market club · €29.00",
        "Alice M. · you",
        'Membership <span class="optional">×',
    ):
        assert said in day, said


def test_it_is_sold_once_however_often_the_form_is_sent(town: Town, till: Counter, member: str) -> None:
    page = till.look(selling(member), membership="club")
    form = form_of(page)
    first, again = till.send(form), till.send(form)
    assert again.location == f"{first.location}?again=1"
    assert len(bought(town, member)) == 1
    looked = till.browser.get(f"{selling(member)}?membership=club&reference={form.reference}")
    assert looked.location == f"{first.location}?again=1"
    assert "This was recorded before" in till.browser.get(again.location).text
    assert till.send(form, membership="paper").status_code == 409


def test_a_form_that_waited_an_hour_sells_the_period_that_it_showed(town: Town, till: Counter, member: str) -> None:
    form = form_of(till.look(selling(member), membership="club"))
    made = town.clock()
    town.clock.move(timedelta(hours=1))
    till.send(form)
    assert bought(town, member)[0].starts_at == made


def test_a_form_that_waited_two_days_is_not_recorded(town: Town, till: Counter, member: str) -> None:
    form = form_of(till.look(selling(member), membership="club"))
    till = next_day(town, till, 2)
    answer = till.send(form)
    assert (answer.status_code, "too old to be recorded" in answer.text) == (409, True)
    assert bought(town, member) == []
    fresh = till.look(selling(member), membership="club", reference=form.reference)
    assert form_of(fresh).reference != form.reference


def test_a_renewal_says_from_when_and_follows_on(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    till = next_day(town, till, 300)
    page = till.look(selling(member), membership="club")
    assert "A renewal: it goes on from 22 November 2027 until 22 November 2028." in words(page)
    till.confirm(page)
    after = words(till.look(f"/till/members/{member}"))
    assert "Held since 22 November 2026, paid until 22 November 2028." in after
    for said in ("22 November 2026 – 22 November 2027 · €29.00", "22 November 2027 – 22 November 2028 · €29.00"):
        assert said in after


def test_in_the_grace_the_till_says_until_when_it_is_kept(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    till = next_day(town, till, 370)
    said = "What was paid ended on 22 November 2027: it is kept until 6 December 2027, to be renewed."
    assert said in words(till.look(f"/till/members/{member}"))
    till = next_day(town, till, 30)
    assert "Held since" not in words(till.look(f"/till/members/{member}"))


def test_one_that_costs_nothing_asks_for_no_money(till: Counter, member: str) -> None:
    page = till.look(selling(member), membership="paper")
    assert "from the customer, then confirm" not in page.text
    assert "+" not in words(till.confirm(page)).partition("<h1>")[2].partition("now has")[0]


def test_a_membership_that_the_rules_do_not_have_is_nowhere(till: Counter, member: str) -> None:
    assert till.look(selling(member), membership="unicorn").status_code == 404
    assert till.look(selling(member)).status_code == 404


def test_a_blocked_card_and_ones_own_are_refused(town: Town, till: Counter, member: str) -> None:
    own = town.member("paul@example.com")
    page = till.look(selling(own), membership="club")
    sent = till.browser.post(selling(own), membership="club", reference="T20261122-130500Z-00000000")
    for answer in (page, sent):
        assert (answer.status_code, "This card is your own" in answer.text) in ((403, True), (409, True))
    freeze(town.context, Actor.admin(), member, "lost")
    form = till.look(selling(member), membership="club")
    assert "This card is blocked for now." in form.text
    assert bought(town, own) == bought(town, member) == []


def test_a_shop_gives_no_more_with_it_than_its_ceiling(town: Town) -> None:
    merchant = create_merchant(town.context, Actor.admin(), NewMerchant("Kiosque", ceiling_points=99))
    store = create_store(town.context, Actor.merchant(merchant.id), NewStore("quai", "Quai"))
    kiosk = Town(town.context, town.clock, merchant.id, store.id)
    till, member = at_counter(kiosk, "lea@example.com"), kiosk.member("zoe@example.com")
    page = till.look(selling(member), membership="club")
    assert "This shop has given all the points it may for now." in page.text
    sent = till.send(form_of(page))
    assert (sent.status_code, "This shop has given all the points" in sent.text) == (409, True)
    assert bought(kiosk, member) == []
    till.confirm(till.look(selling(member), membership="paper"))


def test_two_shops_sell_periods_of_one_membership_and_each_refunds_its_own(
    town: Town, till: Counter, member: str
) -> None:
    sell(till, member)
    other = open_shop(town.context, town.clock, "Librairie")
    member_by_code(town.context, other.actor, new_code(town.context, Actor.member(member)).code)
    foreign = at_counter(other, "lea@example.com")
    sell(foreign, member)
    first, second = sorted(bought(town, member), key=lambda one: one.starts_at)
    assert (second.is_renewal, second.starts_at) == (True, first.ends_at)
    page = words(foreign.look(f"/till/members/{member}"))
    assert (refunding(first.id) in page, refunding(second.id) in page) == (False, True)


def test_the_trail_has_who_sold_and_refunded_it(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    till.confirm(till.look(refunding(bought(town, member)[0].id)))
    refunded, sold = list_actions(town.context, member_id=member).data
    assert (sold.action, sold.detail) == ("membership.sold", {"membership": "club", "paid": 2_900, "points": 100})
    assert (refunded.action, refunded.detail) == ("membership.refunded", {"membership": "club", "paid_back": 2_900})
    assert sold.staff_id == refunded.staff_id == till.person.id


# --- Refunding ----------------------------------------------------------------------------------------------------------


def test_a_refund_says_the_money_and_takes_back_what_came_with_it(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    redeem(town.context, town.actor, NewRedemption(town.reference(), member, points=30))
    (one,) = bought(town, member)
    assert refunding(one.id) in till.look(f"/till/members/{member}").text
    page = till.look(refunding(one.id))
    for said in (
        "Refund of “Market club”",
        "€29.00 to pay back",
        "The whole period is refunded. What it gives ends at once.",
        f"{MINUS}70",
        f"{MINUS}30",
    ):
        assert said.replace("\N{NO-BREAK SPACE}", " ") in words(page), said
    assert bought(town, member)[0].ended_at is None
    receipt = words(till.confirm(page))
    for said in (
        "Membership refunded · Market club · €29.00",
        "€29.00 to pay back",
        "− 100 points",
        "now has 0 points",
    ):
        assert said in receipt, said
    assert bought(town, member)[0].ended_at == town.clock()
    assert get_member(town.context, town.actor, member).memberships == ()
    day = words(till.look("/till/day"))
    assert "<strong>Membership refunded</strong> · Market club · €29.00" in day
    assert day.count("− 100") == 2
    assert "It was refunded on 22 November 2026." in words(till.look(f"/till/operations/{one.id}"))


def test_it_is_refunded_once_however_often_the_form_is_sent(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    (one,) = bought(town, member)
    form = form_of(till.look(refunding(one.id)))
    first, again = till.send(form), till.send(form)
    assert again.location == f"{first.location}?again=1"
    page = till.look(refunding(one.id))
    assert "All of it was given back before." in page.text
    assert "data-once" not in page.text


def test_a_form_without_a_name_of_its_own_is_shown_again(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    (one,) = bought(town, member)
    assert till.browser.post(refunding(one.id), reference="mine").status_code == 422
    assert till.browser.post(selling(member), membership="club", reference="mine").status_code == 303
    assert [period.ended_at for period in bought(town, member)] == [None]


def test_what_is_paid_ahead_keeps_its_dates(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    town.clock.move(timedelta(hours=1))
    sell(till, member)
    first, second = bought(town, member)
    page = till.look(refunding(first.id))
    assert "What is paid ahead keeps its dates: it begins on 22 November 2027." in words(page)
    till.confirm(page)
    after = words(till.look(f"/till/members/{member}"))
    assert "Held since" not in after
    assert "22 November 2027 – 22 November 2028 · €29.00" in after
    assert refunding(second.id) in after


@pytest.mark.parametrize("days", [367, 400], ids=["in its grace", "behind its grace"])
def test_a_period_that_is_over_is_not_refunded_here(town: Town, till: Counter, member: str, days: int) -> None:
    sell(till, member)
    (one,) = bought(town, member)
    form = form_of(till.look(refunding(one.id)))
    till = next_day(town, till, days)
    assert refunding(one.id) not in till.look(f"/till/members/{member}").text
    assert "This period is over" in till.look(refunding(one.id)).text
    answer = till.send(form)
    assert (answer.status_code, "This period is over" in answer.text) == (422, True)
    assert bought(town, member)[0].ended_at is None


def test_one_that_was_refunded_meanwhile_is_not_refunded_again(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    (one,) = bought(town, member)
    form = form_of(till.look(refunding(one.id)))
    refund_membership(town.context, town.actor, one.id, NewReversal(town.reference()))
    answer = till.send(form)
    assert (answer.status_code, "All of it was given back before." in answer.text) == (409, True)


def test_another_shop_sees_that_it_is_held_and_refunds_nothing(town: Town, till: Counter, member: str) -> None:
    sell(till, member)
    (one,) = bought(town, member)
    other = open_shop(town.context, town.clock, "Librairie")
    member_by_code(town.context, other.actor, new_code(town.context, Actor.member(member)).code)
    foreign = at_counter(other, "lea@example.com")
    page = words(foreign.look(f"/till/members/{member}"))
    assert "Held since 22 November 2026" in page
    assert "Sold by another shop: it is refunded there." in page
    assert refunding(one.id) not in page
    assert foreign.browser.get(refunding(one.id)).status_code == 404
    assert foreign.browser.client.post(refunding(one.id), headers=ORIGIN).status_code == 404
    assert foreign.browser.get(f"/till/operations/{one.id}").status_code == 404


def test_one_that_the_checkout_sold_is_in_the_day_of_the_whole_shop(town: Town, member: str) -> None:
    till = at_counter(town, store_id=None)
    sell_membership(town.context, town.actor, NewMembership(town.reference(), "club", member_id=member))
    assert "Alice M. · checkout system" in words(till.look("/till"))
