"""The open books: for anybody, in both languages, equal to the ledger, without a word about a member; in Chromium too."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pages_settled import Settled
from pages_town import CONTRACT, RULES, START, Browser, Town
from playwright.sync_api import Browser as Chromium
from serving import open_server, serving
from sqlalchemy import event
from test_wallet_page import FORBIDDEN, words

from token_service.app.web import create_web
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewMerchant
from token_service.ledger.merchants import create_merchant, public_merchants, set_ceiling
from token_service.ledger.program_setup import get_books
from token_service.ledger.receipts import list_batches
from token_service.ledger.rulesets import accept_published, draft, publish
from token_service.ledger.settlement_figures import unsettled
from token_service.pages.rules_in_words import in_words
from token_service.program.ruleset import parse_ruleset

AXE = (Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
OTHER_RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning:
  - {id: fresh, kind: item, points: 2, per: 100, categories: [PRODUCE], basis: net, rounding: half_up}
  - {id: base, kind: spend, points: 1, per: 200, basis: goods, rounding: ceil}
campaigns:
  - {id: summer, from: 2027-06-01, until: 2027-08-31, award: {multiplier_percent: 200}}
  - {id: late, from: 2027-09-02, award: {points: 1}}
  - {id: soon, until: 2027-02-01, award: {points: 5}}
tiers:
  qualify_by: orders
  window: {kind: calendar_year}
  downgrade: {after: window, grace: P1Y6M, steps: 1}
  levels: [{id: regular, from: 1, benefits: [free-coffee]}, {id: friend, from: 12, multiplier_percent: 125}]
expiry: {kind: inactivity, period: P18M}
return_window: P14D
limits:
  {per_order_points: 5000, per_member_day_points: 9000, per_store_day_points: 20000, per_merchant_day_points: 30000,
   program_day_points: 40000, velocity: {purchases: 10, every: PT1H, freeze: true}, manual_issuance_points: 0}
accept_late: P7D
"""
EXPIRIES = {
    "{kind: none}": "Points never expire.",
    "{kind: fixed, period: P2Y, round_to: month_end}": "Points expire 2 years after the purchase, at the end of the month.",
    "{kind: period_end, period: month}": "Points expire at the end of the month of the purchase.",
    "{kind: period_end, period: month, periods: 2}": "at the end of the month, 2 months after the purchase.",
    "{kind: period_end, period: year}": "Points expire at the end of the year of the purchase.",
    "{kind: period_end, period: year, periods: 1}": "at the end of the year, 1 year after the purchase.",
    "{kind: inactivity, period: P1M2DT3H}": "Points expire 1 month, 2 days and 3 hours after the last purchase",
}
TIERS = {
    "{qualify_by: spend, window: {kind: calendar_year},"
    " levels: [{id: a, from: 20000, keep: 15000}, {id: b, from: 30000, keep: 0}]}": (
        "A: from €200. €150 keeps it. B: from €300. Once reached it is kept. A level is reached at once"
    ),
    "{qualify_by: points, window: {kind: calendar_year}, levels: [{id: a, from: 2, keep: 1}]}": (
        "A: from 2 points. 1 point keeps it."
    ),
    "{qualify_by: orders, window: {kind: calendar_year}, levels: [{id: a, from: 9, keep: 7}]}": (
        "A: from 9 purchases. 7 purchases keep it."
    ),
    "{qualify_by: points, window: {kind: lifetime}, downgrade: {after: never}, levels: [{id: a, from: 1}]}": (
        "A level depends on all points ever earned. A: from 1 point. A level once reached is never lost."
    ),
    "{qualify_by: orders, window: {kind: rolling, period: P12M}, downgrade: {after: window, grace: P30D},"
    " levels: [{id: a, from: 2}]}": (
        "A level depends on the number of purchases in the last 12 months. A: from 2 purchases."
        " A level is reached at once; when it is no longer deserved, it is kept for another 30 days."
    ),
}


def read(town: Town, language: str = "en", **services: Any) -> str:
    """The page's source, as a stranger gets it."""
    client = town.app(**services).test_client()
    answer = Browser(client).get("/transparency", headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    return answer.text


def test_before_the_first_purchase_it_says_what_will_be_here(town: Town) -> None:
    text = words(read(town))
    assert "Open books 0 points that members hold today The programme owes €0.00 for them." in text
    assert "Nothing is written yet. The first batch will be here soon after the first points." in text
    assert "Nothing is on its way just now." in text
    assert "Rien n’est encore inscrit." in words(read(town, "fr"))


def test_its_figures_are_the_ledgers(settled: Settled) -> None:
    books, text = get_books(settled.town.context), words(read(settled.town))
    totals = books.totals
    assert f"{totals.outstanding:,} points that members hold today" in text
    assert f"owes €{books.liability.amount / 100:,.2f} for them" in text
    written = sum(line.points for line in settled.lines[1:] if line.kind == "issuance")
    assert f"Given +\N{NO-BREAK SPACE}{totals.issued:,}".replace("\N{NO-BREAK SPACE}", " ") in text
    assert f"settled: {written:,}" in text
    assert f"Used − {totals.redeemed:,} settled: {totals.redeemed:,}" in text
    assert f"Held by members {totals.outstanding:,}" in text
    waiting = unsettled(settled.town.context.store)
    assert waiting.count > 0
    assert f"{waiting.count} lines are on their way, the oldest since" in text or "1 line is on its way since" in text
    merchant = public_merchants(settled.town.context)[1]
    ceiling, used = f"{merchant.ceiling.points:,}", f"{merchant.ceiling.used:,}"
    assert (
        f"{merchant.name} At most {ceiling} points in each period of 1 day. {used} points given in this period" in text
    )


def test_the_newest_batches_say_where_they_are(settled: Settled) -> None:
    page = read(settled.town, "fr")
    for batch in list_batches(settled.town.context, 10).data:
        assert f"Lot {batch.seq}" in words(page)
        assert str(batch.transaction_hash) in page
        assert f"<dd>{batch.block_number}</dd>" in page


def test_the_first_screen_is_plain_and_proofs_are_folded(settled: Settled) -> None:
    for language, heading in (("en", "The newest pages of the register"), ("fr", "Les dernières pages du registre")):
        page = read(settled.town, language)
        opened = re.sub(r"<details.*?</details>", " ", page, flags=re.DOTALL)
        assert FORBIDDEN.findall(words(opened).split(heading)[0]) == []
        assert re.findall(r"0x[0-9a-f]{64}", words(opened)) == []


def test_it_says_nothing_about_any_member(settled: Settled) -> None:
    page = read(settled.town)
    ids = [line.id for line in settled.lines] + [line.reference for line in settled.lines if line.reference]
    for secret in (settled.member_id, "alice", "Alice", "Anniversaire", *ids):
        assert re.search(rf"\b{re.escape(secret)}\b", page) is None, secret


def test_the_rules_are_told_in_plain_words(town: Town) -> None:
    text = words(read(town))
    for sentence in (
        "Rules in force In force from the beginning.",
        "1 point for every €1 spent Parts of a point are dropped.",
        "Offer “Big basket”: 50 more points. On this condition (amounts in the currency’s smallest unit): order.total >= 10000",
        "A level depends on what was spent in the last 12 months.",
        "Silver: everybody’s level. Gold: from €1,000. It also brings: Free delivery. Gold level: your points × 1.5",
        "Points can be used at once. Points expire 2 months after the purchase.",
        "100 points are worth €10. A free coffee: 100 points Gourmet hamper: 2,500 points",
    ):
        assert sentence in text
    french = words(read(town, "fr"))
    assert "Offre « Grand panier » : 50 points de plus." in french
    assert "Les points expirent 2 mois après l’achat." in french


def test_next_and_earlier_rules_are_told_and_drafts_are_not(town: Town) -> None:
    admin, context = Actor.admin(), town.context
    view = draft(context, admin, OTHER_RULES)
    assert view.hash not in read(town)
    publish(context, admin, view.hash)
    text = words(read(town))
    assert text.index("Next rules In force from 22 November 2026") < text.index("Rules in force")
    for sentence in (
        "Tax is not counted. 1 point for every €2 spent Delivery is not counted.",
        "Offer “Summer”: points × 2. From 1 June 2027 to 31 August 2027, both days included.",
        "Offer “Late”: 1 more point. From 2 September 2027 on.",
        "Offer “Soon”: 5 more points. Until 1 February 2027, that day included.",
        "Regular: from 1 purchase. It also brings: Free coffee. Friend: from 12 purchases.",
        "it goes down by 1 level every 18 months.",
        "A purchase earns at most 5,000 points A day earns at most 9,000 points "
        "At most 10 purchases in 1 hour earn points "
        "In one store, everybody together earns at most 20,000 points a day "
        "With one merchant, everybody together earns at most 30,000 points a day "
        "Everybody together earns at most 40,000 points a day "
        "Who goes on buying faster than that is frozen until somebody has looked. No points are given by hand.",
        "Points can be used 14 days after the purchase, its return window.",
        "A shop has 7 days to record a purchase.",
    ):
        assert sentence in text
    town.clock.move(timedelta(days=2))
    assert "Next rules In force from 22 November 2026" in words(read(town))
    acts_at = START + timedelta(days=1)
    with context.store.write() as connection:
        accept_published(connection, view.hash, effective_at=acts_at, published_at=acts_at)
    later = words(read(town))
    assert "Rules in force In force since 23 November 2026 at 14:05. What a purchase earns 2 points" in later
    assert "Earlier rules In force from the beginning." in later
    assert "Points have no fixed value in money here" in later


@pytest.mark.parametrize(("expiry", "said"), EXPIRIES.items())
def test_every_expiry_has_its_sentence(town: Town, expiry: str, said: str) -> None:
    rules = parse_ruleset(RULES.replace("{kind: fixed, period: P2M}", expiry))
    assert said in told(town, rules)


@pytest.mark.parametrize(("tiers", "said"), TIERS.items())
def test_every_way_of_levels_has_its_sentences(town: Town, tiers: str, said: str) -> None:
    rules = parse_ruleset(OTHER_RULES.split("tiers:", maxsplit=1)[0] + f"tiers: {tiers}\n")
    assert said in told(town, rules)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("points: 1, per: 100, categories: [PRODUCE]", "1 point for every €1 spent on: PRODUCE"),
        ("points: 2, per: 100, categories: [PRODUCE]", "2 points for every €1 spent on: PRODUCE"),
        ("points: 1, per_quantity: 3, skus: [tea]", "1 point for every 3 bought of: tea"),
        ("points: 5, per_quantity: 1, skus: [tea]", "5 points for every 1 bought of: tea"),
    ],
)
def test_one_point_is_no_plural(town: Town, rule: str, said: str) -> None:
    program = "ruleset: 1\nprogram: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}\n"
    earning = f"earning: [{{id: some, kind: item, {rule}, basis: net, rounding: floor}}]\n"
    assert said in told(town, parse_ruleset(program + earning))


@pytest.mark.parametrize(
    ("visits", "said"),
    [
        (
            "{}",
            "All purchases of one day are one visit, whenever they are reported."
            " A visit does not count any more when all of it was given back.",
        ),
        (
            "{window: PT4H, refunded: count}",
            "Purchases less than 4 hours apart are one visit, whenever they are reported."
            " A visit still counts when all of it was given back.",
        ),
    ],
)
def test_what_a_visit_is_has_its_sentences(town: Town, visits: str, said: str) -> None:
    assert said in told(town, parse_ruleset(OTHER_RULES + f"visits: {visits}\n"))
    assert "visit" not in told(town, parse_ruleset(OTHER_RULES))


def told(town: Town, rules: Any) -> str:
    """All chapters of these rules in English, spaces made plain."""
    with town.app().test_request_context(headers={"Accept-Language": "en"}):
        return " ".join(" ".join(line.text for chapter in in_words(rules) for line in chapter.lines).split())


def test_ceilings_of_every_length_and_size_are_told(town: Town) -> None:
    for name, points, seconds in (("Daily", 2**53 - 1, 86_400), ("Shut", 0, 0), ("Odd", 1, 5_400)):
        create_merchant(town.context, Actor.admin(), NewMerchant(name, points, seconds))
    set_ceiling(town.context, Actor.admin(), town.merchant_id, 1_000, 604_800)
    town.gift(town.member(), 600)
    text = words(read(town, "fr"))
    assert "Marché Central Au plus 1 000 points par période de 7 jours. 600 points donnés dans cette période" in text
    assert "Daily Au plus 9 007 199 254 740 991 points par période de 1 jour." in text
    assert "Shut Au plus 0 point en tout." in text
    assert "Odd Au plus 1 point par période de 1 heure et 30 minutes." in text


def test_more_shops_and_rules_ask_no_more_of_the_database(town: Town) -> None:
    def asked() -> int:
        count: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *given: count.append(given[2]))
        read(town)
        return len(count)

    engine = town.context.store.engine
    few = asked()
    for place in range(12):
        create_merchant(town.context, Actor.admin(), NewMerchant(f"Shop {place}", 1_000, 3_600 * (place + 1)))
    publish(town.context, Actor.admin(), draft(town.context, Actor.admin(), OTHER_RULES).hash)
    assert asked() == few


def test_the_command_names_this_deployment(town: Town) -> None:
    line = (
        f"mereau audit --rpc https://points.example/rpc --contract {CONTRACT}"
        " --receipts https://points.example --rulesets https://points.example"
    )
    assert line in words(read(town, public_url="https://points.example"))
    assert "mereau audit --rpc http://localhost/rpc --contract" in words(read(town))


def test_on_a_chain_elsewhere_the_reader_brings_a_node(town: Town) -> None:
    with town.context.store.engine.begin() as connection:
        connection.exec_driver_sql("update program set embedded = false, chain_id = 100")
    text = words(read(town))
    assert "This is blockchain number 100, outside this service." in text
    assert "--rpc YOUR_NODE" in text
    assert "Put the address of any node" in text
    assert "--rpc VOTRE_NOEUD" in words(read(town, "fr"))
    named = words(read(town, rpc_url="https://node.example/?key=a&b=c"))
    assert "--rpc 'https://node.example/?key=a&b=c' --contract" in named
    assert "Put the address of any node" not in named


def test_an_embedded_chain_is_not_praised_too_much(town: Town) -> None:
    text = words(read(town))
    assert "This blockchain is run by the programme itself." in text
    assert "It does not prove that the programme never rewrote all of it at once." in text


def test_every_reader_finds_the_way_here_and_back(town: Town, alice: Browser) -> None:
    town.member()
    assert 'href="/transparency"' in alice.get("/sign-in").text
    assert alice.post("/language", language="fr", back="transparency").location == "/transparency"
    assert "À livre ouvert" in alice.get("/transparency").text
    alice.sign_in(town)
    assert 'href="/transparency"' in alice.get("/wallet").text
    assert 'href="/wallet"' in alice.get("/transparency").text


@pytest.fixture(scope="module")
def url(settled: Settled) -> Iterator[str]:
    """The whole application, served under the address that it names."""
    server = open_server()
    settings = settled.application.settings.model_copy(update={"public_url": f"http://127.0.0.1:{server.port}"})
    with serving(create_web(replace(settled.application, settings=settings)), server) as address:
        yield address


@pytest.fixture
def show(browser: Chromium, url: str) -> Iterator[Callable[..., Any]]:
    """The page in a window of its own, everything unfolded."""
    contexts: list[Any] = []

    def open_one(**look: Any) -> Any:
        contexts.append(browser.new_context(base_url=url, reduced_motion="reduce", **look))
        page = contexts[-1].new_page()
        page.goto("/transparency")
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_accessible(show: Callable[..., Any], width: int, scheme: str) -> None:
    page = show(viewport={"width": width, "height": 800}, locale="fr-FR", color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.evaluate(AXE + "; null")
    found = page.evaluate("axe.run()")
    assert [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]] == []
    small = page.locator("summary, .link-button, .home").evaluate_all(
        "all => all.filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML)"
    )
    assert small == []


def test_on_paper_rules_and_figures_stay(show: Callable[..., Any]) -> None:
    page = show(locale="en-GB")
    page.emulate_media(media="print")
    assert page.locator("#totals").is_visible()
    assert page.locator(".rules .chapter").first.is_visible()
    assert page.locator("pre").is_visible()
    assert page.locator(".bottom").is_hidden()


def test_the_command_on_the_page_checks_the_books(url: str, show: Callable[..., Any]) -> None:
    line = show(locale="en-GB").locator("pre").inner_text()
    name, *arguments = shlex.split(line)
    assert name == "mereau"
    assert f"--receipts {url} " in line
    command = [sys.executable, "-m", "token_service", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
