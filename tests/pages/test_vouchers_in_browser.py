"""From points to a reward in Chromium: choose, buy, show, be honoured, and check the line; on a phone and a desktop, in both
languages and themes, without JavaScript, and with the command that the page of proof names.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages_browsing import LOOKS, PHONE, Site, look_at, sign_in
from pages_settled import SETTLE_SECONDS, Settled, settled_town
from playwright.sync_api import Page, expect

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewVoucherUse
from token_service.ledger.vouchers import list_vouchers, use_voucher

CODE = re.compile(r"^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$")


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    """A deployment of this file's own: it is settled further here."""
    with settled_town(tmp_path_factory.mktemp("vouchers")) as made:
        yield made


def buy(page: Page) -> str:
    """The code of a new voucher, in French, from the wallet's button to the voucher's page."""
    page.goto("/wallet")
    page.get_by_role("link", name="Utiliser mes points").click()
    page.get_by_role("link", name="Café offert").click()
    page.get_by_role("button", name="Utiliser 100 points").click()
    page.wait_for_url("**/vouchers/vch_*")
    code = page.locator(".big-code").inner_text()
    assert CODE.fullmatch(code)
    return code


def test_from_points_to_a_reward_to_its_proof(
    site: Site, settled: Settled, cookies: list[Any], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(cookies, viewport=PHONE, locale="fr-FR")
    code = buy(page)
    expect(page.locator("svg.qr")).to_be_visible()
    expect(page.get_by_text("valable une fois")).to_be_visible()
    use_voucher(settled.town.context, settled.town.actor, NewVoucherUse("till-1", code.lower()))
    page.reload()
    expect(page.get_by_text("utilisé le")).to_be_visible()
    expect(page.locator("svg.qr")).to_have_count(0)
    page.get_by_role("link", name="La ligne de votre relevé").click()
    expect(page.get_by_role("heading", name="Enregistré, inscription en cours")).to_be_visible()
    settled.application.settle(SETTLE_SECONDS)
    page.reload()
    expect(page.locator(".steps .held")).to_have_count(8)
    expect(page.get_by_text("Tout concorde")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Garder le reçu").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    page.get_by_text("Précisions pour qui vérifie").click()
    name, *arguments = shlex.split(page.locator("pre.command").inner_text())
    assert name == "mereau"
    command = [sys.executable, "-m", "token_service", *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_double_click_buys_one_voucher(settled: Settled, cookies: list[Any], open_page: Callable[..., Page]) -> None:
    before = len(list_vouchers(settled.town.context, Actor.member(settled.member_id)))
    page = open_page(cookies, viewport=PHONE, locale="fr-FR")
    page.goto("/rewards/free-coffee")
    page.get_by_role("button", name="Utiliser 100 points").dblclick()
    expect(page).to_have_url(
        re.compile(r"/vouchers/vch_"), timeout=20_000
    )  # the second click aborts the first's answer
    assert len(list_vouchers(settled.town.context, Actor.member(settled.member_id))) == before + 1


def test_it_is_bought_without_javascript_by_keyboard(cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies, viewport=PHONE, locale="fr-FR", java_script_enabled=False)
    page.goto("/rewards/free-coffee")
    page.get_by_role("button", name="Utiliser 100 points").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/vouchers/vch_*")
    expect(page.locator("svg.qr")).to_be_visible()


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    settled: Settled, cookies: list[Any], open_page: Callable[..., Page], viewport: Any, locale: str, scheme: Any
) -> None:
    shown = list_vouchers(settled.town.context, Actor.member(settled.member_id))
    paths = ["/wallet", "/vouchers", *(f"/vouchers/{one.id}" for one in (shown[0], shown[-1]))]
    page = open_page(cookies, viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce")
    for path in (*paths, f"/wallet/entries/{settled.lines[-1].id}"):
        look_at(page, path, locale)


def test_a_code_stays_dark_on_light_for_the_scanner(cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies, viewport=PHONE, locale="fr-FR", color_scheme="dark")
    buy(page)
    assert page.locator("svg.qr").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("svg.qr path").evaluate("one => getComputedStyle(one).stroke") == "rgb(0, 0, 0)"


def test_a_voucher_can_be_shown_offline(cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies, viewport=PHONE, locale="fr-FR")
    buy(page)
    page.context.set_offline(True)
    expect(page.get_by_text("Vous êtes hors ligne.")).to_be_visible()
    expect(page.locator("svg.qr")).to_be_visible()


def test_the_statement_on_paper_is_the_statement(cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies, locale="fr-FR")
    page.goto("/statement")
    page.emulate_media(media="print")
    expect(page.locator("table")).to_be_visible()
    for pressed in (".on-screen", ".bottom", ".demo"):
        expect(page.locator(pressed).first).to_be_hidden()


def test_the_statements_file_comes_as_a_download(cookies: list[Any], open_page: Callable[..., Page]) -> None:
    page = open_page(cookies, locale="fr-FR")
    page.goto("/statement")
    with page.expect_download() as download:
        page.get_by_role("link", name="Toutes les lignes pour un tableur").click()
    assert download.value.suggested_filename == "releve.csv"
    assert download.value.path().read_bytes().startswith(b"\xef\xbb\xbfDate;Quoi;")


def test_long_and_large_vouchers_fit_a_phone(site: Site, settled: Settled, open_page: Callable[..., Page]) -> None:
    town = settled.town
    member = town.member("big@example.com", name="Wolfeschlegelsteinhausenbergerdorff " * 4)
    town.gift(member, 2**52, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft")
    page = open_page(viewport=PHONE, locale="fr-FR")
    sign_in(page, site, "big@example.com")
    buy(page)
    for path in ("/wallet", "/vouchers", "/statement", "/rewards/free-coffee"):
        page.goto(path)
        outside = page.locator("main *").evaluate_all(
            "all => all.filter(one => one.getBoundingClientRect().right > window.innerWidth).map(one => one.outerHTML)"
        )
        assert outside == [], path
