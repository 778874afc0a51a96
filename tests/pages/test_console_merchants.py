"""The console's merchants and keys: made once, ceilings with their notice, a secret that is shown once and never again."""

from __future__ import annotations

import re

import pytest
from console_town import Desk, desk, hidden
from pages_town import Town

from token_service.errors import Unauthorized
from token_service.ledger.api_keys import authenticate, list_api_keys
from token_service.ledger.context import SCOPES, Actor
from token_service.ledger.merchants import get_merchant, list_merchants, list_stores
from token_service.ledger.staff_trail import list_actions
from token_service.ledger.tables import program

ADMIN = Actor.admin()


@pytest.fixture
def manager(town: Town) -> Desk:
    return desk(town, "manager")


def actions(town: Town) -> list[str]:
    return [action.action for action in list_actions(town.context).data]


def keep_notice(town: Town, seconds: int) -> None:
    with town.context.store.write() as connection:
        connection.execute(program.update().values(notice_period_seconds=seconds))


def key_form(page: str, **more: object) -> dict[str, object]:
    return {"once": hidden(page, "once"), "name": "Tills", "scope": list(SCOPES)} | more


def test_a_merchant_is_made_once(town: Town, manager: Desk) -> None:
    assert 'value="86400" selected' in manager.read("/console/merchants/new")
    form = {"name": "Boulangerie Paul", "points": "10 000", "period": "604800"}
    answer = manager.post("/console/merchants", **form)
    assert answer.status_code == 303
    page = manager.read(answer.location).replace("\N{NO-BREAK SPACE}", " ")
    assert "at most 10,000 in each period of 7 days" in page
    assert "Boulangerie Paul" in manager.read("/console/merchants")
    again = manager.post("/console/merchants", **form)
    assert (again.status_code, "has this name already" in again.text) == (409, True)
    assert len(list_merchants(town.context, ADMIN).data) == 3
    assert actions(town) == ["merchant.made"]


def test_the_redemption_rate_of_the_last_days_is_shown(town: Town, manager: Desk) -> None:
    town.purchase(town.member(), 2_000)
    page = re.sub(r"<[^>]+>", " ", manager.read("/console/merchants?days=7")).replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"Points given, without those taken back\s+20\s", page)
    assert re.search(r"Redemption rate\s+0 %", page)
    assert 'value="7" selected' in manager.read("/console/merchants?days=7")
    assert 'value="30" selected' in manager.read("/console/merchants?days=x")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "Write something here"),
        ({"name": "x" * 101}, "At most 100 characters"),
        ({"points": "many"}, "whole number of points"),
        ({"points": "9007199254740992"}, "whole number of points"),
        ({"period": "5"}, "Choose one of these"),
    ],
)
def test_a_merchant_that_cannot_be_is_refused_beside_its_field(
    town: Town, manager: Desk, wrong: dict[str, str], said: str
) -> None:
    form = {"name": "Paul", "points": "1000", "period": "86400"} | wrong
    answer = manager.post("/console/merchants", **form)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert actions(town) == []


def test_a_lower_ceiling_acts_at_once_and_a_higher_one_after_the_notice(town: Town, manager: Desk) -> None:
    keep_notice(town, 86_400)
    path = f"/console/merchants/{town.merchant_id}"
    assert "A higher one acts 1 day from now" in manager.read(path).replace("\N{NO-BREAK SPACE}", " ")
    assert manager.post(f"{path}/ceiling", points="5000", period="86400").status_code == 303
    ceiling = get_merchant(town.context, ADMIN, town.merchant_id).ceiling
    assert (ceiling.points, ceiling.next_points) == (5_000, None)
    manager.post(f"{path}/ceiling", points="9000", period="86400")
    ceiling = get_merchant(town.context, ADMIN, town.merchant_id).ceiling
    assert (ceiling.points, ceiling.next_points) == (5_000, 9_000)
    page = manager.read(f"{path}?done=ceiling").replace("\N{NO-BREAK SPACE}", " ")
    assert "From 23 November 2026 at 14:05: at most 9,000 in each period of 1 day" in re.sub(r"\s+", " ", page)
    assert actions(town) == ["merchant.ceiling_changed"] * 2
    owner = desk(town, "owner")
    trail = owner.read("/console/trail").replace("\N{NO-BREAK SPACE}", " ")
    assert "Changed the ceiling at once. At most 5,000 points in each period of 1 day." in trail
    assert "Ordered another ceiling from 23 November 2026 on." in trail


def test_a_store_is_added_once(town: Town, manager: Desk) -> None:
    path = f"/console/merchants/{town.merchant_id}"
    for _ in range(2):
        assert manager.post(f"{path}/stores", name="Paris", external_id="paris").status_code == 303
    assert [store.name for store in list_stores(town.context, ADMIN, town.merchant_id).data] == ["Lyon", "Paris"]
    other = manager.post(f"{path}/stores", name="Nantes", external_id="paris")
    assert (other.status_code, "Another store" in other.text) == (409, True)
    assert manager.post(f"{path}/stores", name=" ", external_id="x").status_code == 422
    assert actions(town) == ["store.made"]


def test_a_keys_secret_is_on_the_answer_and_nowhere_else_ever(town: Town, manager: Desk) -> None:
    path = f"/console/merchants/{town.merchant_id}"
    form = key_form(manager.read(path), scope=["members:read", "purchases:write", "adjustments:write"])
    answer = manager.browser.client.post(f"{path}/keys", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    secret = re.search(r"mk_[\w-]{40,}", answer.text)
    assert secret is not None
    actor = authenticate(town.context, secret[0])
    assert actor.merchant_id == town.merchant_id
    assert actor.scopes == {"members:read", "purchases:write"}
    again = manager.browser.client.post(f"{path}/keys", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert (again.status_code, again.location) == (303, f"{path}?done=key-again")
    for page in (path, f"{path}?done=key-again", "/console/merchants"):
        assert secret[0] not in manager.read(page)
    assert len(list_api_keys(town.context, ADMIN, town.merchant_id).data) == 1
    assert actions(town) == ["key.made"]
    assert secret[0] not in str(list_actions(town.context).data)


def test_a_revoked_key_opens_nothing(town: Town, manager: Desk) -> None:
    path = f"/console/merchants/{town.merchant_id}"
    answer = manager.post(f"{path}/keys", once="ctl_1", name="Old till", scope="members:read")
    secret = re.search(r"mk_[\w-]{40,}", answer.text)
    assert secret is not None
    (key,) = list_api_keys(town.context, ADMIN, town.merchant_id).data
    elsewhere = manager.post("/console/merchants", name="Other", points="1", period="0").location.split("?")[0]
    assert manager.post(f"{elsewhere}/keys/{key.id}/revoke").status_code == 404
    assert desk(town, "owner").post(f"/console/merchants/admin-keys/{key.id}/revoke").status_code == 404
    for _ in range(2):
        assert manager.post(f"{path}/keys/{key.id}/revoke").status_code == 303
    with pytest.raises(Unauthorized):
        authenticate(town.context, secret[0])
    assert "revoked on" in manager.read(path)
    assert actions(town) == ["key.revoked", "merchant.made", "key.made"]


def test_a_key_of_the_programme_is_told_apart(town: Town) -> None:
    owner = desk(town, "owner")
    page = owner.read("/console/merchants/admin-keys")
    assert "No key yet" in page
    answer = owner.post("/console/merchants/admin-keys", once=hidden(page, "once"), name="Import", scope="members:read")
    secret = re.search(r"mk_[\w-]{40,}", answer.text)
    assert secret is not None
    assert authenticate(town.context, secret[0]).is_admin
    assert "Import" in owner.read("/console/merchants/admin-keys")
    assert "Import" not in owner.read(f"/console/merchants/{town.merchant_id}")


def test_a_manager_makes_no_key_of_the_whole_programme(town: Town, manager: Desk) -> None:
    form = {"once": "ctl_1", "name": "Import", "scope": "members:read"}
    assert manager.post("/console/merchants/admin-keys", **form).status_code == 403
    assert "Keys of the whole programme" not in manager.read("/console/merchants")
    assert list_api_keys(town.context, ADMIN).data == ()


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"once": "ctl_1", "name": ""}, 422),
        ({"once": "ctl_1", "name": "x"}, 422),
        ({"name": "x", "scope": "members:read"}, 404),
    ],
)
def test_a_key_without_name_scope_or_form_is_not_made(town: Town, form: dict[str, str], status: int) -> None:
    owner = desk(town, "owner")
    for path in (f"/console/merchants/{town.merchant_id}/keys", "/console/merchants/admin-keys"):
        assert owner.post(path, **form).status_code == status
    assert list_api_keys(town.context, ADMIN).data == ()


def test_support_reads_and_changes_nothing(town: Town) -> None:
    support = desk(town, "support")
    page = support.read(f"/console/merchants/{town.merchant_id}")
    for words in ("Change the ceiling", "Add a store", "Make a key"):
        assert words not in page
    assert "Add a merchant" not in support.read("/console/merchants")
    path = f"/console/merchants/{town.merchant_id}"
    for name in ("ceiling", "stores", "keys"):
        assert support.post(f"{path}/{name}", name="x").status_code == 403


def test_totals_and_names_are_shown_as_they_are(town: Town, manager: Desk) -> None:
    member = town.member()
    town.purchase(member, 128_400)
    manager.post(f"/console/merchants/{town.merchant_id}/stores", name="<b>Nice</b>", external_id="<i>")
    page = manager.read(f"/console/merchants/{town.merchant_id}")
    assert "1,334" in page
    assert "<b>Nice" not in page
    assert "&lt;b&gt;Nice" in page
    assert manager.get("/console/merchants/mrc_nobody").status_code == 404
