"""The statement: every page adds up, the file adds up, and no cell of it is ever a formula."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta

import pytest
from pages_town import Browser, Town
from test_wallet_page import spend, wallet

from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewRefund
from token_service.ledger.refunds import refund_purchase
from token_service.pages.statement import BYTE_ORDER_MARK, safe_cell

NUMBER = re.compile(r'<td class="figure-cell[^"]*">([^<]*)</td>')


def figures(page: str) -> list[int]:
    """Every number of the table in order: the balance after, then points and balance of each line, then the balance before."""
    table = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [int(re.sub(r"[^0-9−]", "", found).replace("−", "-")) for found in NUMBER.findall(table)]


def check_page(page: str) -> tuple[int, int]:
    """(balance before, balance after) of a page, once every line of it adds up."""
    after, *lines, before = figures(page)
    balance = before
    for points, then in reversed(list(zip(lines[::2], lines[1::2], strict=True))):
        balance += points
        assert balance == then
    assert balance == after
    return before, after


def rows_of(browser: Browser, language: str = "en") -> list[list[str]]:
    browser.post("/preferences/language", language=language)
    text = browser.get("/statement.csv").text
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.reader(io.StringIO(text[1:]), delimiter=";" if language == "fr" else ","))


def test_the_page_adds_up_to_the_balance(town: Town, alice: Browser) -> None:
    member = town.member()
    town.purchase(member, 38_490)
    spend(town, member, reward_id="free-coffee")
    town.gift(member, 7)
    alice.sign_in(town)
    assert check_page(alice.get("/statement").text) == (0, 341)
    text = wallet(town, alice, path="/statement")
    assert "Balance after these lines 341" in text
    assert "Balance before these lines 0" in text
    assert "Alice · as of 22 November 2026, 14:05" in text
    assert "Solde après ces lignes 341" in wallet(town, alice, "fr", "/statement")


def test_every_page_begins_where_the_older_one_ends(town: Town, alice: Browser) -> None:
    member = town.member()
    for points in range(1, 231):
        town.gift(member, points)
    alice.sign_in(town)
    path, ends, spans = "/statement", [], []
    while path:
        page = alice.get(path).text
        spans.append(check_page(page))
        older = re.search(r'href="([^"]+)">Older lines', page)
        path = html.unescape(older[1]) if older else ""
    assert len(spans) == 3
    ends = [before for before, _ in spans]
    assert [after for _, after in spans] == [sum(range(231)), *ends[:-1]]
    assert ends[-1] == 0


def test_each_page_of_the_wallet_says_the_balance_before_and_after(town: Town, alice: Browser) -> None:
    member = town.member()
    for points in range(1, 26):
        town.gift(member, points)
    assert "Balance now 325" in wallet(town, alice)
    assert "Balance before these lines 15" in wallet(town, alice)
    older = re.search(r'href="([^"]+)">Older lines', alice.get("/wallet").text)
    assert older is not None
    text = wallet(town, alice, path=html.unescape(older[1]))
    assert "Balance after these lines 15" in text
    assert "Balance before these lines 0" in text


def test_the_file_holds_every_line_and_sums_to_the_balance(town: Town, alice: Browser) -> None:
    member = town.member()
    for points in range(1, 231):
        town.gift(member, points)
    purchase = town.purchase(member, 5_000)
    spend(town, member, points=20)
    refund_purchase(town.context, town.actor, purchase.id, NewRefund(town.reference(), amount=1_000))
    alice.sign_in(town)
    head, *rows = rows_of(alice)
    assert head == ["Date", "What", "About", "Points", "Balance", "State", "Line"]
    assert len(rows) == 233
    running = 0
    for row in rows:
        running += int(row[3])
        assert running == int(row[4])
    assert running == sum(range(231)) + 50 - 20 - 10
    assert rows[0][:5] == ["2026-11-22 14:05", "Anniversaire", "Marché Central", "1", "1"]
    assert rows[-1][6].startswith("ent_")


def test_the_file_is_for_the_readers_spreadsheet(town: Town, alice: Browser) -> None:
    town.purchase(town.member(), 3_990)
    alice.sign_in(town)
    answer = alice.get("/statement.csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="statement.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    head, row = rows_of(alice, "fr")
    assert head[:4] == ["Date", "Quoi", "À propos", "Points"]
    assert row[2] == "Achat de 39,90\N{NO-BREAK SPACE}€"


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\N{NO-BREAK SPACE}=1", "＝1", "|calc"])
def test_no_cell_is_a_formula(town: Town, alice: Browser, evil: str) -> None:
    assert safe_cell(evil) == f"'{evil}"
    town.gift(town.member(), 5, reason=evil)
    alice.sign_in(town)
    assert rows_of(alice)[1][1] == f"'{evil}"


def test_quotes_and_separators_stay_in_their_cell(town: Town, alice: Browser) -> None:
    odd = 'Café "noir"; sucre, lait'
    town.gift(town.member(), 5, reason=odd)
    alice.sign_in(town)
    assert rows_of(alice)[1][1] == rows_of(alice, "fr")[1][1] == odd


def test_an_empty_statement_says_what_will_be_here(town: Town, alice: Browser) -> None:
    town.member()
    assert "No lines yet. Every point you get or use will be one" in wallet(town, alice, path="/statement")
    assert len(rows_of(alice)) == 1


def test_points_on_the_way_are_told_beside_the_balance(waiting_town: Town) -> None:
    town, browser = waiting_town, Browser(waiting_town.app().test_client())
    town.purchase(town.member(), 12_000)
    assert "170 points are on the way: they join the balance" in wallet(town, browser, path="/statement")
    assert len(rows_of(browser)) == 1
    town.clock.move(timedelta(days=14))
    run_due(town.context)
    assert check_page(browser.get("/statement").text) == (0, 170)


def test_a_debt_is_told_and_is_no_line(town: Town, alice: Browser) -> None:
    member = town.member()
    purchase = town.purchase(member, 5_000)
    spend(town, member, points=50)
    refund_purchase(town.context, town.actor, purchase.id, NewRefund(town.reference(), amount=5_000))
    assert "50 points will be kept back from your next ones" in wallet(town, alice, path="/statement")
    assert check_page(alice.get("/statement").text) == (0, 0)


def test_nobody_reads_a_statement_of_somebody_else(town: Town, alice: Browser, bob: Browser) -> None:
    town.gift(town.member("alice@example.com"), 5, "Pour Alice")
    town.member("bob@example.com", name="Bob")
    bob.sign_in(town, "bob@example.com")
    assert "Pour Alice" not in bob.get("/statement").text
    assert "Pour Alice" not in bob.get("/statement.csv").text
    assert alice.get("/statement.csv").status_code == 303


@pytest.mark.parametrize("cursor", ["x", "-1", "%00", "9" * 400])
def test_a_made_up_cursor_is_no_page(town: Town, alice: Browser, cursor: str) -> None:
    town.member()
    alice.sign_in(town)
    assert alice.get(f"/statement?cursor={cursor}").status_code == 404
