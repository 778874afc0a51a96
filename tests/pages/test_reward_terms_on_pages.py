"""What a reward takes off, which orders it is for and what it costs at which level: in the wallet, at the till, in the rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_town import desk
from pages_town import RULES, Browser, Town
from till_counter import Counter, at_counter

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewItem, NewOrder, NewVoucher, NewVoucherUse
from token_service.ledger.views import Voucher
from token_service.ledger.vouchers import buy_reward, use_voucher

MORE = """
  - id: five
    kind: discount
    points: 50
    points_by_level: {gold: 30}
    discount: {amount: 500}
    name: {fr: Un bon, en: A slip}
  - {id: tenth, kind: discount, points: 50, discount: {percent: 10, up_to: 2000}, name: {fr: Un dixième, en: A tenth}}
  - id: green
    kind: discount
    points: 50
    discount: {percent: 20}
    categories: [PRODUCE, MEAT]
    min_total: 2000
    name: {fr: Du vert, en: Green week}
  - {id: cake, kind: gift, points: 50, skus: [CAKE-1], segments: [press], name: {fr: Gâteau, en: Cake}}
segments: [{id: press, name: {fr: Presse, en: Press}}]
"""


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(RULES.rstrip("\n") + MORE)


@pytest.fixture
def member(town: Town) -> str:
    made = town.member(name="Alice Martin")
    town.gift(made, 500)
    return made


@pytest.fixture
def till(town: Town) -> Counter:
    return at_counter(town)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def page(browser: Browser, path: str, language: str = "en") -> str:
    return plain(browser.get(path, headers={"Accept-Language": language}).text)


def bought(town: Town, member: str, reward: str) -> Voucher:
    return buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), reward, 50)).value


def scanned(till: Counter, voucher: Voucher) -> str:
    return plain(till.browser.post("/till/find", code=str(voucher.code)).text)


def used(till: Counter, voucher: Voucher, **typed: object) -> tuple[int, str]:
    reference = form_reference(till, voucher)
    answer = till.browser.post("/till/vouchers/use", code=str(voucher.code), reference=reference, order="said", **typed)
    return answer.status_code, plain(answer.text)


def form_reference(till: Counter, voucher: Voucher) -> str:
    text = till.browser.post("/till/find", code=str(voucher.code)).text
    return text.partition('name="reference" value="')[2].partition('"')[0]


@pytest.mark.usefixtures("member")
def test_the_wallet_says_what_comes_off_and_what_it_is_for(town: Town) -> None:
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    for path in ("/rewards", "/wallet"):
        said = page(alice, path)
        assert "€5 off" in said, path
        assert "10% off, at most €20" in said, path
        assert "20% off · For these goods only: PRODUCE, MEAT · For purchases of €20 or more" in said, path
    assert "Only for this group: Press" in page(alice, "/rewards")
    assert "10 % de remise, au plus 20 €" in page(alice, "/rewards/tenth", "fr")


def test_the_rules_tell_it_too(town: Town) -> None:
    said = page(Browser(town.app().test_client()), "/transparency")
    assert "Green week: 50 points. 20% off. For these goods only: PRODUCE, MEAT. For purchases of €20 or more" in said
    assert "A slip: 50 points. With the level Gold, 30 points. €5 off" in said
    assert "Cake: 50 points. For these goods only: CAKE-1. Only for this group: Press" in said


def test_a_till_is_asked_nothing_where_the_reward_needs_nothing(town: Town, till: Counter, member: str) -> None:
    said = scanned(till, bought(town, member, "five"))
    assert "€5 off" in said
    assert "In the basket" not in said
    assert "The customer pays" not in said
    assert "Confirm" in said


def test_the_amount_alone_is_asked_for_a_percentage_of_the_order(town: Town, till: Counter, member: str) -> None:
    voucher = bought(town, member, "tenth")
    said = scanned(till, voucher)
    assert "The customer pays" in said
    assert "In the basket" not in said
    assert "Confirm" not in said
    status, said = used(till, voucher, do="look", total="")
    assert status == 422
    assert "Enter the amount." in said
    status, said = used(till, voucher, do="look", total="23.99")
    assert status == 200
    assert "−€2.39 for this purchase" in said
    assert "Confirm" in said


def test_amount_and_goods_are_asked_looked_at_and_honoured_without_a_script(
    town: Town, till: Counter, member: str
) -> None:
    voucher = bought(town, member, "green")
    said = scanned(till, voucher)
    for asked in ("The customer pays", "In the basket", "PRODUCE", "MEAT", "What these goods come to"):
        assert asked in said
    typed = {"total": "25", "category": "PRODUCE", "goods": "12.05"}
    _, said = used(till, voucher, do="look", **(typed | {"total": "15"}))
    assert "€5.00 is missing: this is for purchases of €20 or more." in said
    assert "Confirm" not in said
    _, said = used(till, voucher, do="look", **(typed | {"category": ""}))
    assert "Nothing in this basket is what it is for: PRODUCE, MEAT." in said
    _, said = used(till, voucher, do="look", **(typed | {"goods": "30"}))
    assert "This is more than the whole purchase." in said
    answer = till.browser.post(
        "/till/vouchers/use",
        code=str(voucher.code), reference=form_reference(till, voucher), order="said", do="look", **typed,
    )  # fmt: skip
    assert "−€2.41" in plain(answer.text), "20% of 12.05 is 2.41"
    _, edited = used(till, voucher, do="edit", **typed)
    assert 'value="12.05"' in edited
    receipt = plain(till.confirm(answer).text)
    assert "Voucher honoured · Green week · −€2.41" in receipt
    assert "−€2.41 for this purchase" in receipt
    assert "Green week · −€2.41" in plain(till.browser.get("/till/day").text)


def test_a_member_of_a_level_sees_their_own_price_everywhere(town: Town, till: Counter, member: str) -> None:
    town.purchase(member, 100_000)
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    for path in ("/rewards", "/rewards/five"):
        assert "Your price: instead of 50 points" in page(alice, path), path
    assert "Use 30 points" in page(alice, "/rewards/five")
    assert "Votre prix : au lieu de 50 points" in page(alice, "/rewards/five", "fr")
    assert "for 30 points" in plain(till.look(f"/till/members/{member}/redemption", reward_id="five").text)


def test_the_console_tells_the_difference_in_plain_words(town: Town) -> None:
    manager = desk(town, "manager")
    document = (RULES.rstrip("\n") + MORE).replace("percent: 20", "percent: 25").replace("gold: 30", "gold: 20")
    answer = manager.post("/console/rulesets/drafts", document=document)
    assert answer.status_code == 303, answer.text
    said = plain(manager.read(answer.location.split("?")[0]))
    assert "Green week: 50 points. 25% off. For these goods only: PRODUCE, MEAT. For purchases of €20 or more" in said
    assert "A slip: 50 points. With the level Gold, 20 points. €5 off" in said


def test_the_story_says_what_a_voucher_took_off(town: Town, member: str) -> None:
    order = NewOrder(2_500, "EUR", (NewItem(1, 1_000, category="MEAT"),))
    code = str(bought(town, member, "green").code)
    use_voucher(town.context, town.actor, NewVoucherUse(town.reference(), code, order=order))
    said = plain(desk(town, "support").read(f"/console/members/{member}"))
    assert "Voucher honoured" in said
    assert "Green week · Taken off: −€2.00" in said


def test_giving_it_at_the_till_asks_the_same(town: Town, till: Counter, member: str) -> None:
    path = f"/till/members/{member}/redemption"
    asking = till.look(path, reward_id="green")
    said = plain(asking.text)
    assert "What these goods come to" in said
    assert "Confirm" not in said
    reference = asking.text.partition('name="reference" value="')[2].partition('"')[0]
    typed = {
        "reward_id": "green",
        "reference": reference,
        "order": "said",
        "total": "25",
        "category": "MEAT",
        "goods": "10",
    }
    small = plain(till.browser.get(path, query_string=typed | {"total": "12", "do": "look"}).text)
    assert "€8.00 is missing" in small
    looked = till.browser.get(path, query_string=typed | {"do": "look"})
    assert "−€2.00 for this purchase" in plain(looked.text)
    receipt = plain(till.confirm(looked).text)
    assert "Green week · −€2.00" in receipt


def test_the_member_reads_afterwards_what_came_off(town: Town, member: str) -> None:
    voucher = bought(town, member, "green")
    order = NewOrder(2_500, "EUR", (NewItem(1, 1_000, category="MEAT"),))
    use_voucher(town.context, town.actor, NewVoucherUse(town.reference(), str(voucher.code), order=order))
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    assert "Taken off: −€2.00" in page(alice, f"/vouchers/{voucher.id}")
    assert "Remise : −2,00 €" in page(alice, "/vouchers", "fr")
