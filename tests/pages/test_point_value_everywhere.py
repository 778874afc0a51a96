"""What points are worth is said alike wherever it is said."""

from __future__ import annotations

from pages_town import Browser, Town
from test_wallet_page import wallet, words

from token_service.api import Services, create_api
from token_service.ledger.api_keys import create_api_key
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewApiKey, NewIssuance
from token_service.ledger.issuances import issue


def test_100_points_quote_as_10_00_eur_in_api_wallet_and_liability_report_alike(town: Town, alice: Browser) -> None:
    """Number 2 of the brief's list."""
    member = town.member()
    issue(town.context, town.actor, NewIssuance("gift", member, 100, "a gesture"))
    key = create_api_key(town.context, Actor.admin(), NewApiKey("shop", town.merchant_id)).secret
    api = create_api(Services(ledger=town.context)).test_client()
    as_shop = {"Authorization": f"Bearer {key}"}
    ten = {"amount": 1_000, "currency": "EUR"}
    asked = {"reference": "quote", "member_id": member, "points": 100}
    quoted = api.post("/v1/simulations/redemption", json=asked, headers=as_shop).get_json()
    assert quoted["redemption"]["value"] == ten
    assert api.get("/v1/program").get_json()["liability"] == ten
    assert "Your points 100 worth €10.00" in wallet(town, alice)
    assert "Vos points 100 soit 10,00 €" in wallet(town, alice, "fr")
    books = words(Browser(town.app().test_client()).get("/transparency", headers={"Accept-Language": "en"}).text)
    assert "100 points that members hold today The programme owes €10.00 for them." in books
