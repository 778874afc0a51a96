"""One line on its own page: three sentences, the particulars, and a receipt that anybody can check."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pages_settled import Settled, settled_town
from pages_town import Browser
from test_wallet_page import FORBIDDEN, words

from token_service.protocol.receipts import proves, receipt_from_json


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    """A deployment of its own: the browser's tests add lines to the one that the others share."""
    with settled_town(tmp_path_factory.mktemp("entries")) as made:
        yield made


@pytest.fixture(scope="module")
def reader(settled: Settled) -> Browser:
    """Alice, signed in, in French."""
    browser = Browser(settled.town.app().test_client())
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    browser.sign_in(settled.town)
    return browser


def test_the_wallet_shows_each_lines_state(settled: Settled, reader: Browser) -> None:
    text = words(reader.get("/wallet").text)
    assert text.count("inscrit et vérifiable") == 6
    assert text.count("enregistré, inscription en cours") == 1


def test_a_written_line_is_told_in_three_sentences(settled: Settled, reader: Browser) -> None:
    text = words(reader.get(f"/wallet/entries/{settled.lines[-1].id}").text)
    assert "Inscrit et vérifiable 1 Le " in text
    assert "179 points ont été ajoutés à votre solde (Marché Central, Lyon), qui est passé à 179." in text
    assert "2 Cette ligne est inscrite au registre du programme" in text
    assert "3 Avec votre reçu, vous, ou quiconque à qui vous le montrez" in text
    assert "Garder le reçu" in text
    before, particulars = text.split("Précisions pour qui vérifie")
    assert FORBIDDEN.findall(before) == []
    assert settled.lines[-1].settlement.transaction_hash in particulars


def test_a_line_on_its_way_names_our_promise(settled: Settled, reader: Browser) -> None:
    line = settled.lines[0]
    text = words(reader.get(f"/wallet/entries/{line.id}").text)
    assert "nous avons promis, par une signature, qu’elle sera inscrite" in text
    assert "Garder le reçu" not in text
    assert reader.get(f"/wallet/entries/{line.id}/receipt.json").status_code == 404


def test_points_used_are_told_as_such(settled: Settled, reader: Browser) -> None:
    debit = next(line for line in settled.lines if line.points < 0)
    assert "vous avez utilisé 100 points (Marché Central)" in words(reader.get(f"/wallet/entries/{debit.id}").text)


def test_the_receipt_proves_its_line(settled: Settled, reader: Browser) -> None:
    line = settled.lines[-1]
    answer = reader.get(f"/wallet/entries/{line.id}/receipt.json")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{line.id}.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    receipt = receipt_from_json(json.loads(answer.text))
    assert proves(receipt)
    assert (receipt.entry_id, receipt.leaf.amount, receipt.outcome) == (line.id, line.points, "applied")
    assert receipt.opening is not None
    assert json.loads(receipt.opening.detail)["reference"] == line.reference


@pytest.mark.parametrize("entry_id", ["ent_0", "fct_0", "x", "..%2f..%2fetc", "%00"])
def test_a_made_up_line_is_no_page(reader: Browser, entry_id: str) -> None:
    assert reader.get(f"/wallet/entries/{entry_id}").status_code == 404
    assert reader.get(f"/wallet/entries/{entry_id}/receipt.json").status_code == 404
