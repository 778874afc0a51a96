"""The wallet in words: what a member has, what comes next, the statement; both languages, and every odd state."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from pages_town import RULES, Browser, Town

from token_service.ledger.adjustments import adjust
from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewAdjustment, NewRedemption, NewRefund, NewReversal
from token_service.ledger.issuances import reverse_issuance
from token_service.ledger.members import freeze
from token_service.ledger.redemptions import redeem, restore
from token_service.ledger.refunds import refund_purchase
from token_service.ledger.rulesets import accept_published, draft, publish

FORBIDDEN = re.compile(
    r"\b(blockchain|block ?chain|tokens?|jetons?|wallet address|adresse de portefeuille|gas|hash\w*|mint\w*|burn\w*|crypto\w*|"
    r"ledger|smart contract|NFT)\b",
    re.IGNORECASE,
)


def words(page: str) -> str:
    """What a reader sees: no tags, plain spaces."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<(title|head)>.*?</\1>", " ", page, flags=re.DOTALL)))
    return " ".join(text.split())


def wallet(town: Town, browser: Browser, language: str = "en", path: str = "/wallet") -> str:
    """The wallet as read by alice, signed in if she is not yet."""
    if browser.client.get_cookie("session") is None:
        browser.sign_in(town)
    browser.post("/preferences/language", language=language)
    answer = browser.get(path)
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    return words(answer.text)


def spend(town: Town, member_id: str, **what: object) -> str:
    new = NewRedemption(town.reference(), member_id, **what)  # type: ignore[arg-type]
    return redeem(town.context, town.actor, new).value.id


def test_a_new_member_reads_what_will_be_here(town: Town, alice: Browser) -> None:
    town.member(name=None)
    text = wallet(town, alice)
    assert "Your points 0 Silver €1,000 more to Gold" in text
    assert "worth €" not in text
    assert "Nothing here yet. Show your card at your next purchase" in text
    assert "Hello" in text
    assert "Rien ici pour l’instant." in wallet(town, alice, "fr")


def test_the_balance_its_worth_and_the_way_to_the_next_level(town: Town, alice: Browser) -> None:
    member = town.member()
    town.purchase(member, 38_490)
    page_en, page_fr = wallet(town, alice), wallet(town, alice, "fr")
    assert "Hello, Alice" in page_en
    assert "Your points 434 worth €43.40 Silver €615.10 more to Gold" in page_en
    assert "Vos points 434 soit 43,40 € Argent encore 615,10 € jusqu’à Or" in page_fr
    assert '<progress value="38490" max="100000"' in alice.get("/wallet").text


def test_the_highest_level_has_no_next(town: Town, alice: Browser) -> None:
    town.purchase(town.member(), 120_000)
    text = wallet(town, alice)
    assert "Gold" in text
    assert "more to" not in text
    assert "Your benefits Free delivery Comes with the level Gold." in text
    assert "Vos avantages Livraison offerte Vient avec le niveau Or." in wallet(town, alice, "fr")
    assert "<progress" not in alice.get("/wallet").text


def test_each_line_says_what_where_when_and_how_far_it_is(town: Town, alice: Browser) -> None:
    town.purchase(town.member(), 3_990)
    assert (
        "Marché Central, Lyon + 39 22 November 2026 · Purchase of €39.90 recorded, being written in the register"
        in wallet(town, alice)
    )
    assert "Marché Central, Lyon + 39 22 novembre 2026 · Achat de 39,90 € enregistré, inscription en cours" in wallet(
        town, alice, "fr"
    )


def test_the_breakdown_is_told_in_the_members_words(town: Town, alice: Browser) -> None:
    member = town.member()
    town.purchase(member, 100_000)
    town.purchase(member, 10_000)
    text = wallet(town, alice)
    assert "1 point for every €1 spent + 100 Offer “Big basket” + 50 Gold level: your points × 1.5 + 50" in text
    text = wallet(town, alice, "fr")
    assert "1 point par tranche de 1 € dépensée + 100 Offre « Grand panier » + 50" in text
    assert "Niveau Or : vos points × 1,5 + 50" in text


def test_a_gift_is_marked_as_one(town: Town, alice: Browser) -> None:
    town.gift(town.member(), 200)
    assert "Anniversaire gift + 200 22 November 2026 · Marché Central" in wallet(town, alice)
    assert "Anniversaire cadeau + 200" in wallet(town, alice, "fr")


def test_a_reward_taken_has_its_name_and_a_real_minus(town: Town, alice: Browser) -> None:
    member = town.member()
    town.gift(member, 300)
    redemption = spend(town, member, reward_id="free-coffee")
    spend(town, member, points=20)
    restore(town.context, town.actor, redemption, NewReversal(town.reference()))
    assert "A free coffee − 100" in wallet(town, alice)
    text = wallet(town, alice, "fr")
    assert "Café offert − 100" in text
    assert "Points utilisés − 20" in text
    assert "Points rendus + 100" in text


def test_a_refund_a_reversal_and_a_correction_are_lines_of_their_own(town: Town, alice: Browser) -> None:
    member = town.member()
    purchase = town.purchase(member, 5_000)
    refund_purchase(town.context, town.actor, purchase.id, NewRefund(town.reference(), amount=1_000))
    gift = town.gift(member, 30)
    reverse_issuance(town.context, town.actor, gift, NewReversal(town.reference(), reason="Doublon"))
    adjust(
        town.context, Actor.admin(), NewAdjustment(town.reference(), member, 5, "Geste commercial", town.merchant_id)
    )
    text = wallet(town, alice, "fr")
    assert "Achat remboursé − 10" in text
    assert "Doublon − 30" in text
    assert "Correction + 5 22 novembre 2026 · Geste commercial" in text
    assert "Vos points 45" in text


def test_points_on_the_way_have_their_date(waiting_town: Town) -> None:
    town, alice = waiting_town, Browser(waiting_town.app().test_client())
    town.purchase(town.member(), 12_000)
    text = wallet(town, alice, "fr")
    assert "Vos points 0 170 en attente jusqu’au 6 décembre 2026" in text
    assert "+ 170 22 novembre 2026 à vous le 6 décembre 2026, après le délai de retour" in text
    text = wallet(town, alice)
    assert "170 points on the way until 6 December 2026" in text
    assert "yours on 6 December 2026, once it can no longer be returned" in text
    town.clock.move(timedelta(days=14))
    run_due(town.context)
    text = wallet(town, alice)
    assert "Your points 170" in text
    assert "on the way" not in text


def test_points_that_expire_soon_are_announced_and_then_told(town: Town, alice: Browser) -> None:
    member = town.member()
    town.gift(member, 50)
    assert "Use them in time 50 points expire on 22 January 2027." in wallet(town, alice)
    assert "À utiliser bientôt 50 points expirent le 22 janvier 2027." in wallet(town, alice, "fr")
    town.clock.move(timedelta(days=70))
    run_due(town.context)
    alice.client.delete_cookie("session")
    text = wallet(town, alice, "fr")
    assert "À utiliser bientôt" not in text
    assert "Points expirés − 50" in text
    line = re.search(r"/wallet/entries/ent_\w+", alice.get("/wallet").text)
    assert line is not None
    assert "50 points ont été retirés de votre solde (Les Halles), qui est passé à 0." in words(alice.get(line[0]).text)


def test_a_single_point_is_singular(town: Town, alice: Browser) -> None:
    town.gift(town.member(), 1)
    assert "1 point expires on" in wallet(town, alice)
    assert "1 point expire le" in wallet(town, alice, "fr")


def test_rewards_within_reach_come_first_and_lead_to_their_page(town: Town, alice: Browser) -> None:
    town.gift(town.member(), 1_284)
    text = wallet(town, alice)
    assert "A free coffee 100 points within reach Gourmet hamper 2,500 points 1,216 more points needed" in text
    assert "Café offert 100 points à votre portée" in wallet(town, alice, "fr")
    assert {"/rewards", "/rewards/free-coffee", "/rewards/hamper"} <= set(
        re.findall(r'href="(/rewards[^"]*)"', alice.get("/wallet").text)
    )
    forms = re.findall(r'<form[^>]* action="([^"]+)"', alice.get("/wallet").text)
    assert set(forms) == {"/sign-out"}


def test_what_is_owed_is_said_in_plain_words(town: Town, alice: Browser) -> None:
    member = town.member()
    purchase = town.purchase(member, 5_000)
    spend(town, member, points=50)
    refund_purchase(town.context, town.actor, purchase.id, NewRefund(town.reference(), amount=5_000))
    assert "50 points will be kept back from your next ones" in wallet(town, alice)
    assert "50 points seront retenus sur vos prochains gains" in wallet(town, alice, "fr")
    town.gift(member, 60)
    text = wallet(town, alice, "fr")
    assert "retenus" not in text
    assert "Points dus, repris − 50" in text


def test_a_blocked_card_says_whom_to_ask(town: Town, alice: Browser) -> None:
    member = town.member()
    freeze(town.context, town.actor, member, "checked by hand")
    assert "Your card is blocked for now. Your points are kept. Ask Les Halles" in wallet(town, alice)


def test_the_largest_number_and_a_very_long_name_are_shown_whole(town: Town, alice: Browser) -> None:
    name = "Wolfeschlegelsteinhausenbergerdorff " * 5
    town.gift(town.member(name=name.strip()), 2**53 - 1)
    assert "9,007,199,254,740,991" in wallet(town, alice)
    assert "9 007 199 254 740 991" in wallet(town, alice, "fr")
    assert 'class="figure longest"' in alice.get("/wallet").text
    assert "Wolfeschlegelsteinhausenbergerdorff" in wallet(town, alice)


def test_numbers_never_break_across_lines(town: Town, alice: Browser) -> None:
    town.gift(town.member(), 1_284)
    wallet(town, alice, "fr")
    page = alice.get("/wallet").text
    assert "1\N{NARROW NO-BREAK SPACE}284" in page
    assert "128,40\N{NO-BREAK SPACE}€" in page
    assert "+\N{NO-BREAK SPACE}1\N{NARROW NO-BREAK SPACE}284" in page
    assert "22\N{NO-BREAK SPACE}novembre\N{NO-BREAK SPACE}2026" in page


def test_older_lines_are_on_further_pages(town: Town, alice: Browser) -> None:
    member = town.member()
    for points in range(1, 46):
        town.gift(member, points, f"Cadeau {points}")
    seen: list[int] = []
    path, pages = "/wallet", 0
    wallet(town, alice)
    while path:
        page = alice.get(path).text
        seen += [int(found) for found in re.findall(r"<span>Cadeau (\d+)", page)]
        older = re.search(r'href="([^"]+)">Older lines', page)
        path, pages = html.unescape(older[1]) if older else "", pages + 1
    assert seen == list(range(45, 0, -1))
    assert pages == 3


@pytest.mark.parametrize("cursor", ["x", "-1", "%00", "9" * 400])
def test_a_made_up_cursor_is_no_page(town: Town, alice: Browser, cursor: str) -> None:
    town.member()
    alice.sign_in(town)
    assert alice.get(f"/wallet?cursor={cursor}").status_code == 404


def test_a_member_sees_their_own_lines_only(town: Town, alice: Browser, bob: Browser) -> None:
    town.gift(town.member("alice@example.com"), 5, "Pour Alice")
    town.member("bob@example.com", name="Bob")
    alice.sign_in(town)
    bob.sign_in(town, "bob@example.com")
    hers = re.search(r"/wallet/entries/(ent_\w+)", alice.get("/wallet").text)
    assert hers is not None
    assert "Pour Alice" not in bob.get("/wallet").text
    assert bob.get(f"/wallet/entries/{hers[1]}").status_code == 404
    assert bob.get(f"/wallet/entries/{hers[1]}/receipt.json").status_code == 404


def test_the_language_is_the_browsers_until_the_member_chooses(town: Town, alice: Browser) -> None:
    town.member()
    french = {"Accept-Language": "fr-CA,fr;q=0.9,en;q=0.5"}
    assert 'lang="fr"' in alice.get("/sign-in", headers=french).text
    assert 'lang="en"' in alice.get("/sign-in", headers={"Accept-Language": "de"}).text
    alice.post("/language", language="fr", back="sign-in")
    assert 'lang="fr"' in alice.get("/sign-in", headers={"Accept-Language": "en"}).text
    alice.sign_in(town)
    alice.post("/preferences/language", language="en")
    assert 'lang="en"' in alice.get("/wallet", headers=french).text
    assert alice.post("/preferences/language", language="xx").status_code == 404


def test_a_members_own_language_comes_before_the_browsers(town: Town, alice: Browser) -> None:
    town.member(locale="fr-BE")
    alice.client.post(
        "/sign-in",
        data={"email": "alice@example.com"},
        headers={"Sec-Fetch-Site": "same-origin", "Accept-Language": "en"},
    )
    assert "est votre code pour Les Halles" in alice.get("/mailbox").text
    alice.post("/sign-in/code", code=town.code())
    assert 'lang="fr"' in alice.get("/wallet", headers={"Accept-Language": "en"}).text


def test_a_moved_clock_and_a_demonstration_are_said_on_every_page(town: Town) -> None:
    town.member()
    browser = Browser(town.app(shown_clock=town.clock).test_client())
    browser.sign_in(town)
    for path in ("/wallet", "/preferences", "/mailbox", "/nowhere"):
        text = words(browser.get(path).text)
        assert "The clock here is set to 22 November 2026" in text
        assert "these points are worth nothing" in text
    plain = Browser(town.app(demo=False).test_client())
    assert "Demonstration" not in plain.get("/sign-in").text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_members_pages_know_no_jargon(town: Town, alice: Browser, language: str) -> None:
    member = town.member()
    purchase = town.purchase(member, 50_000)
    spend(town, member, reward_id="free-coffee")
    refund_purchase(town.context, town.actor, purchase.id, NewRefund(town.reference(), amount=1_000))
    town.gift(member, 7)
    text = wallet(town, alice, language)
    for path in ("/sign-in", "/preferences", "/mailbox", "/nowhere"):
        text += words(alice.get(path).text)
    assert FORBIDDEN.findall(text) == []


def test_a_level_that_ends_soon_says_until_when_and_what_keeps_it(town: Town, alice: Browser) -> None:
    member = town.member()
    town.purchase(member, 120_000)
    assert "Gold until" not in wallet(town, alice)
    town.clock.move(timedelta(days=300))
    alice.sign_in(town)
    ends = "Gold until 22 November 2027. Spend €1,000 more by then to keep it. Otherwise: Silver."
    assert ends in wallet(town, alice).replace("\N{NO-BREAK SPACE}", " ")
    assert "pour le garder" in wallet(town, alice, "fr")
    town.purchase(member, 100_000)
    assert "Gold until" not in wallet(town, alice)


def test_the_level_that_comes_next_is_said_in_one_sentence_where_it_differs(town: Town, alice: Browser) -> None:
    """Issue 5: "projected tier, distance to next, 'will downgrade' notice"."""
    member = town.member()
    assert "As things stand" not in wallet(town, alice)
    town.purchase(member, 120_000)
    assert "As things stand: Silver from 22 November 2027." in wallet(town, alice)
    assert "En l’état : Argent à partir du 22 novembre 2027." in wallet(town, alice, "fr")


def test_rules_that_are_published_say_which_level_they_will_give(town: Town, alice: Browser) -> None:
    town.purchase(town.member(), 120_000)
    rules = draft(town.context, Actor.admin(), RULES.replace("from: 100000", "from: 300000"))
    at = town.clock() + timedelta(days=30)
    publish(town.context, Actor.admin(), rules.hash, at)
    with town.context.store.write() as connection:
        accept_published(connection, rules.hash, effective_at=at, published_at=town.clock())
    assert "New rules from 22 December 2026: Silver." in wallet(town, alice)
    assert "Nouvelles règles à partir du 22 décembre 2026 : Argent." in wallet(town, alice, "fr")
