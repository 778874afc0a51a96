"""Rewards and vouchers in the wallet: what is in reach, buying once however often the form comes, and what a voucher says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from pages_town import RULES, Browser, Town
from test_wallet_page import FORBIDDEN, wallet, words

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewReversal, NewVoucherUse
from token_service.ledger.members import freeze
from token_service.ledger.redemptions import restore
from token_service.ledger.rulesets import accept_published, draft, publish
from token_service.ledger.views import Voucher
from token_service.ledger.vouchers import list_vouchers, use_voucher

CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}\b")


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of the reward's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def bought(town: Town, browser: Browser, member: str, reward: str = "free-coffee") -> Voucher:
    """The voucher that the form on the reward's page gives."""
    answer = browser.post(f"/rewards/{reward}", **form_of(browser.get(f"/rewards/{reward}").text))
    assert answer.status_code == 303
    voucher_id = answer.location.rpartition("/")[2]
    return next(one for one in list_vouchers(town.context, Actor.member(member)) if one.id == voucher_id)


@pytest.fixture
def member(town: Town, alice: Browser) -> str:
    """Alice, signed in, with 284 points."""
    made = town.member()
    town.gift(made, 284)
    alice.sign_in(town)
    return made


def test_the_wallets_button_leads_to_the_rewards(town: Town, alice: Browser, member: str) -> None:
    assert 'class="button" href="/rewards">Use my points' in alice.get("/wallet").text
    text = wallet(town, alice, path="/rewards")
    assert "You have 284 points." in text
    assert "A free coffee 100 points within reach Gourmet hamper 2,500 points 2,216 more points needed" in text
    assert "Vous avez 284 points." in wallet(town, alice, "fr", "/rewards")


def test_a_reward_says_what_it_costs_and_what_will_be_left(town: Town, alice: Browser, member: str) -> None:
    assert "A free coffee You have 284 It costs − 100 You keep 184" in wallet(town, alice, path="/rewards/free-coffee")
    assert "Vous avez 284 Coût − 100 Il vous restera 184" in wallet(town, alice, "fr", "/rewards/free-coffee")
    text = wallet(town, alice, path="/rewards/hamper")
    assert "You have 284 It costs − 2,500 Still missing 2,216" in text
    assert "With 2,216 more points it is yours." in text
    assert form_of(alice.get("/rewards/hamper").text) == {}


@pytest.mark.parametrize("reward", ["yacht", "%00", "x" * 500, "..%2f.."])
def test_a_reward_that_there_is_not_is_no_page(alice: Browser, member: str, reward: str) -> None:
    assert alice.get(f"/rewards/{reward}").status_code == 404
    assert alice.post(f"/rewards/{reward}", form="0" * 32, points="1").status_code == 404


def test_buying_gives_a_voucher_to_show(town: Town, alice: Browser, member: str) -> None:
    voucher = bought(town, alice, member)
    page = alice.get(f"/vouchers/{voucher.id}").text
    assert voucher.code is not None
    assert CODE.findall(words(page)) == [voucher.code]
    assert "A free coffee" in page
    assert "valid once" in page
    assert page.count('class="qr"') == 1
    assert "style=" not in page
    assert f"/wallet/entries/{voucher.entry_id}" in page
    text = words(alice.get("/wallet").text)
    assert "Your points 184" in text
    assert f"Your vouchers A free coffee ({voucher.code}) {voucher.code} valid once" in text
    assert "A free coffee − 100" in text


def test_a_form_that_comes_twice_gives_one_voucher(town: Town, alice: Browser, member: str) -> None:
    form = form_of(alice.get("/rewards/free-coffee").text)
    places = {alice.post("/rewards/free-coffee", **form).location for _ in range(3)}
    assert len(places) == 1
    assert len(list_vouchers(town.context, Actor.member(member))) == 1
    assert "Your points 184" in wallet(town, alice)


def test_another_form_buys_another_one(town: Town, alice: Browser, member: str) -> None:
    assert bought(town, alice, member).id != bought(town, alice, member).id
    assert "Your points 84" in wallet(town, alice)


@pytest.mark.parametrize("form", ["", "x", "0" * 31, "G" * 32, "0" * 33])
def test_a_form_without_its_name_is_not_taken(town: Town, alice: Browser, member: str, form: str) -> None:
    assert alice.post("/rewards/free-coffee", form=form, points="100").status_code == 404
    assert list_vouchers(town.context, Actor.member(member)) == ()


def test_a_foreign_form_buys_nothing(town: Town, alice: Browser, member: str) -> None:
    form = form_of(alice.get("/rewards/free-coffee").text)
    answer = alice.client.post("/rewards/free-coffee", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert list_vouchers(town.context, Actor.member(member)) == ()


def test_points_that_are_gone_meanwhile_buy_nothing(town: Town, alice: Browser, member: str) -> None:
    first, second, third = (form_of(alice.get("/rewards/free-coffee").text) for _ in range(3))
    for form in (first, second):
        assert alice.post("/rewards/free-coffee", **form).status_code == 303
    answer = alice.post("/rewards/free-coffee", **third)
    assert answer.status_code == 409
    text = words(answer.text)
    assert "Nothing was bought You no longer have enough points for it." in text
    assert "Still missing 16" in text


@pytest.mark.parametrize("points", ["90", "", "-100", "1e2", "१००", "9" * 40])
def test_another_price_than_the_one_agreed_to_buys_nothing(
    town: Town, alice: Browser, member: str, points: str
) -> None:
    form = form_of(alice.get("/rewards/free-coffee").text) | {"points": points}
    answer = alice.post("/rewards/free-coffee", **form)
    assert answer.status_code == 409
    assert "The price has changed since you opened this page." in words(answer.text)
    assert "Your points 284" in wallet(town, alice)


def test_a_price_that_rises_while_the_page_is_open_is_said(town: Town, alice: Browser, member: str) -> None:
    form = form_of(alice.get("/rewards/free-coffee").text)
    dearer = draft(town.context, Actor.admin(), RULES.replace("points: 100, name", "points: 150, name"))
    publish(town.context, Actor.admin(), dearer.hash, town.clock())
    with town.context.store.write() as connection:
        accept_published(connection, dearer.hash, effective_at=town.clock(), published_at=town.clock())
    answer = alice.post("/rewards/free-coffee", **form)
    assert answer.status_code == 409
    assert "The price has changed" in words(answer.text)
    assert "It costs − 150" in words(answer.text)


def test_a_blocked_card_buys_nothing(town: Town, alice: Browser, member: str) -> None:
    form = form_of(alice.get("/rewards/free-coffee").text)
    freeze(town.context, town.actor, member, "looked at")
    answer = alice.post("/rewards/free-coffee", **form)
    assert answer.status_code == 409
    assert "Your card does not allow it at the moment." in words(answer.text)
    assert "Your card is blocked for now." in wallet(town, alice, path="/rewards/free-coffee")
    assert form_of(alice.get("/rewards/free-coffee").text) == {}


def test_a_busy_service_says_that_nothing_was_lost_and_takes_the_form_again(
    town: Town, alice: Browser, member: str
) -> None:
    form = form_of(alice.get("/rewards/free-coffee").text)
    busy = replace(town, context=replace(town.context, backlog_limit=0))
    other = Browser(busy.app().test_client())
    cookie = alice.client.get_cookie("session")
    assert cookie is not None
    other.client.set_cookie("session", cookie.value)
    answer = other.post("/rewards/free-coffee", **form)
    assert answer.status_code == 503
    assert "Nothing was lost" in words(answer.text)
    assert alice.post("/rewards/free-coffee", **form).status_code == 303


def test_used_and_cancelled_vouchers_are_told_in_words(town: Town, alice: Browser, member: str) -> None:
    used, cancelled = bought(town, alice, member), bought(town, alice, member)
    use_voucher(town.context, town.actor, NewVoucherUse("till-1", str(used.code)))
    restore(town.context, Actor.admin(), cancelled.redemption_id, NewReversal("back-1"))
    still_open = bought(town, alice, member)
    for path in ("/vouchers", "/wallet"):
        text = wallet(town, alice, path=path)
        assert CODE.findall(text.replace(f"({still_open.code})", "")) == [still_open.code]
        assert "used on 22 November 2026 at 14:05 (Marché Central)" in text
        assert "cancelled on 22 November 2026: its points were given back" in text
    text = wallet(town, alice, "fr", "/vouchers")
    assert "utilisé le 22 novembre 2026 à 14:05 (Marché Central)" in text
    assert "annulé le 22 novembre 2026 : ses points ont été rendus" in text.replace("\N{NO-BREAK SPACE}", " ")
    page = alice.get(f"/vouchers/{used.id}").text
    assert 'class="qr"' not in page
    assert CODE.findall(words(page)) == []


def test_many_vouchers_do_not_bury_the_wallet(town: Town, alice: Browser, member: str) -> None:
    town.gift(member, 500)
    for _ in range(7):
        bought(town, alice, member)
    page = alice.get("/wallet").text
    assert page.count('class="qr"') == 3
    assert "4 other vouchers" in page
    assert len(CODE.findall(words(alice.get("/vouchers").text))) == 7


def test_a_member_without_vouchers_reads_what_will_be_here(town: Town, alice: Browser, member: str) -> None:
    assert "None yet. Buy a reward with your points" in wallet(town, alice, path="/vouchers")
    assert "Aucun pour l’instant." in wallet(town, alice, "fr", "/vouchers")
    assert "Your vouchers" not in wallet(town, alice)


def test_nobody_sees_a_voucher_of_somebody_else(town: Town, alice: Browser, bob: Browser, member: str) -> None:
    voucher = bought(town, alice, member)
    town.member("bob@example.com", name="Bob")
    bob.sign_in(town, "bob@example.com")
    assert bob.get(f"/vouchers/{voucher.id}").status_code == 404
    assert str(voucher.code) not in bob.get("/vouchers").text


def test_a_programme_without_rewards_says_so(make_town: object) -> None:
    town: Town = make_town(RULES.partition("challenges:")[0])  # type: ignore[operator]
    browser = Browser(town.app().test_client())
    town.member()
    browser.sign_in(town)
    assert "The programme has no rewards at the moment." in wallet(town, browser, path="/rewards")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_these_pages_know_no_jargon(town: Town, alice: Browser, member: str, language: str) -> None:
    voucher = bought(town, alice, member)
    paths = (
        "/rewards",
        "/rewards/hamper",
        "/rewards/free-coffee",
        "/vouchers",
        f"/vouchers/{voucher.id}",
        "/statement",
    )
    for path in paths:
        assert FORBIDDEN.findall(wallet(town, alice, language, path)) == [], path


def test_a_reward_that_is_closed_says_why_and_cannot_be_bought_and_one_that_is_over_is_gone(
    make_town: Callable[[str], Town],
) -> None:
    town = make_town(
        RULES.replace(
            "rewards:\n", "rewards:\n  - {id: box, kind: gift, points: 50, from: 2027-02-01, until: 2027-02-24}\n"
        )
        .replace("rewards:\n", "rewards:\n  - {id: lounge, kind: experience, points: 60, levels: [gold]}\n", 1)
        .replace("rewards:\n", "rewards:\n  - {id: easter, kind: gift, points: 70, until: 2026-04-06}\n", 1)
    )
    town.gift(town.member(), 284)
    alice = Browser(town.app().test_client())
    alice.sign_in(town)
    text = wallet(town, alice, path="/rewards")
    assert "Box 50 points To be had from 1 February 2027 on" in text
    assert "Lounge 60 points Only with this level: Gold" in text
    assert "Easter" not in text
    assert text.index("A free coffee") < text.index("Box")
    assert "Réservé à ce niveau : Or" in wallet(town, alice, "fr", "/rewards/lounge").replace("\xa0", " ")
    page = alice.get("/rewards/box").text
    assert form_of(page) == {}
    refused = alice.post("/rewards/box", form="0" * 32, points="50")
    assert refused.status_code == 409
    assert "Disponible à partir du 1er" in refused.text.replace("\u202f", " ").replace("\xa0", " ")
    assert alice.get("/rewards/easter").status_code == 404
