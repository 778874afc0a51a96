"""A member takes their points to a wallet of their own, spends some there, and brings the rest back (DESIGN §3.8)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from anvil_node import Anvil
from eth_account import Account
from leaving_town import OTHER, OTHER_KEY, OWN, Town, bring_to_the_chain, explain
from settlement_programme import ADMIN, Crash, Programme
from sqlalchemy import update

from token_service.errors import Conflict, Forbidden, InvalidInput, MemberLeaving, NotFound
from token_service.ledger.balances import get_balance
from token_service.ledger.context import Actor
from token_service.ledger.exporting import ask_for_key, key_to_show
from token_service.ledger.inputs import NewRedemption, NewReversal
from token_service.ledger.leaving import ask_to_leave, ask_to_return
from token_service.ledger.mandates import cancel_mandate, get_mandate, sign_mandate
from token_service.ledger.members import freeze
from token_service.ledger.redemptions import find_redemption, redeem, restore
from token_service.ledger.statements import list_entries
from token_service.ledger.tables import member_keys

pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture
def town(programme: Programme) -> Town:
    return Town(programme)


def whole_way(town: Town) -> None:
    town.credit(100)
    first = town.member_view().address
    assert town.leave().state == "final"
    assert town.member_view().address == OWN
    assert town.points() == (100, 100, "left")
    town.credit(20)
    town.sign(town.quote(30))
    town.settle()
    assert town.points() == (90, 90, "left")
    town.agrees()
    assert town.come_back().state == "final"
    assert town.points() == (90, 90, "active")
    assert town.member_view().address not in (first, OWN)
    redeem(town.context, town.alice, NewRedemption(reference="r", member_id=town.member, points=90))
    town.settle()
    assert town.points() == (0, 0, "active")
    town.agrees()


def test_points_go_to_the_members_own_address_and_come_back_to_a_fresh_one(town: Town) -> None:
    whole_way(town)


def test_the_same_on_the_embedded_chain(embedded: Programme) -> None:
    whole_way(Town(embedded))


def test_the_same_on_postgresql(on_postgresql: Programme) -> None:
    whole_way(Town(on_postgresql))


def test_a_second_time_works_with_the_keys_of_the_first_return(town: Town) -> None:
    town.credit(10)
    for _ in range(2):
        assert town.leave().state == "final"
        assert town.come_back().state == "final"
    assert town.points() == (10, 10, "active")
    town.agrees()


def test_what_is_recorded_while_the_points_are_on_their_way_is_settled_where_they_arrive(town: Town) -> None:
    town.credit(100)
    mandate = town.sign(ask_to_leave(town.context, town.actor, town.member, OWN))
    assert mandate.state == "waiting"
    assert town.member_view().state == "leaving"
    town.credit(7)
    with pytest.raises(MemberLeaving, match="on the way"):
        redeem(town.context, town.alice, NewRedemption(reference="r", member_id=town.member, points=1))
    town.settle()
    assert town.points() == (107, 107, "left")
    town.agrees()


def test_a_signed_quote_is_a_redemption_with_the_merchants_reference(town: Town) -> None:
    town.credit(100)
    town.leave()
    with pytest.raises(MemberLeaving, match="quote"):
        redeem(town.context, town.alice, NewRedemption(reference="r", member_id=town.member, points=1))
    mandate = town.quote(30)
    assert town.quote(30) == mandate, "a repeated question has the same answer"
    assert town.sign(mandate).state == "sent"
    town.settle()
    assert town.mandate(mandate).state == "final"
    assert town.points() == (70, 70, "left")
    redemption = find_redemption(town.context, town.alice, "basket-1")
    assert (redemption.points, redemption.member_id) == (30, town.member)
    entry = list_entries(town.context, town.actor, town.member).data[0]
    assert (entry.kind, entry.points, entry.settlement.state) == ("redemption", -30, "final")
    assert entry.settlement.transaction_hash is not None
    with pytest.raises(Conflict, match="own signature"):
        restore(town.context, town.alice, redemption.id, NewReversal(reference="x", points=None, reason=None))
    town.agrees()


def test_points_spent_elsewhere_are_followed_without_a_quote(town: Town) -> None:
    town.credit(100)
    town.leave()
    mandate = town.quote(30)
    bring_to_the_chain(town, mandate)
    town.settle()
    assert town.points() == (70, 70, "left")
    assert town.mandate(mandate).state == "final", "it was our quote, whoever brought it"
    town.agrees()


def test_what_is_taken_back_from_a_member_with_an_own_wallet_is_owed_until_they_return(town: Town) -> None:
    town.credit(100)
    issuance = town.issue(50)
    town.leave()
    taken = town.take_back(issuance)
    assert (taken.reversed, taken.debt) == (0, 50)
    town.settle()
    assert town.points() == (150, 150, "left")
    town.come_back()
    town.settle()
    assert town.points() == (100, 100, "active")
    assert get_balance(town.context, town.actor, town.member).debt == 0
    town.agrees()


def test_the_key_itself_is_given_after_a_time_to_think_and_ours_is_deleted_once_the_member_signed_with_it(
    town: Town,
) -> None:
    town.credit(100)
    address = town.member_view().address
    mandate = ask_for_key(town.context, town.actor, town.member, timedelta(hours=24))
    with pytest.raises(Conflict, match="cannot be taken now"):
        key_to_show(town.context, town.actor, mandate.id)
    with pytest.raises(Conflict, match="not taken yet"):
        town.sign(mandate)
    town.programme.clock.offset += timedelta(hours=24)
    services = town.programme.services
    sealed = key_to_show(town.context, town.actor, mandate.id)
    keystore = services.make_signer(town.programme.contract).export_keystore(sealed, "a passphrase of mine")
    key = bytes(Account.decrypt(json.loads(keystore), "a passphrase of mine"))
    assert Account.from_key(key).address == address
    assert town.member_view().state == "active", "nothing has changed until the member has proved to have it"
    town.sign(mandate, key)
    town.settle()
    assert town.mandate(mandate).state == "final"
    assert town.points() == (100, 100, "left")
    assert town.member_view().address == address
    with town.programme.store.read() as connection:
        assert connection.exec_driver_sql("select count(*) from member_keys").scalar() == 0
    with pytest.raises(MemberLeaving):
        ask_for_key(town.context, town.actor, town.member, timedelta())
    town.sign(ask_to_return(town.context, town.actor, town.member), key)
    town.settle()
    assert town.points() == (100, 100, "active")
    town.agrees()


def test_an_auditor_with_openings_follows_the_member_to_their_wallet_and_back(
    town: Town, anvil: Anvil, tmp_path: Path
) -> None:
    town.credit(100)
    issuance = town.issue(50)
    town.leave()
    town.sign(town.quote(30))
    town.settle()
    town.take_back(issuance)
    town.credit(5)
    town.settle()
    town.come_back()
    redeem(town.context, town.alice, NewRedemption(reference="r", member_id=town.member, points=10))
    town.settle()
    report = town.audited(anvil.url, tmp_path / "openings")
    assert report.exit_code == 0, explain(report)
    assert report.totals["redeemed_by_signature"] == 30
    town.agrees()


def test_an_auditor_sees_points_that_were_spent_by_signature_and_that_no_leaf_tells_of(
    own_programme: Programme, own_anvil: Anvil, tmp_path: Path
) -> None:
    town = Town(own_programme)
    town.programme.services = replace(town.programme.services, depth=0)
    town.credit(100)
    town.leave()
    bring_to_the_chain(town, town.quote(30))
    assert town.audited(own_anvil.url, tmp_path / "openings").exit_code == 0, "the ledger has an hour"
    own_anvil.request("evm_increaseTime", 3_700)
    own_anvil.mine()
    report = town.audited(own_anvil.url, tmp_path / "openings")
    assert report.exit_code == 1
    assert any("spent by signature" in line for line in explain(report)), explain(report)


def test_a_signature_of_another_wallet_is_refused_at_once(town: Town) -> None:
    town.credit(10)
    mandate = ask_to_leave(town.context, town.actor, town.member, OWN)
    with pytest.raises(InvalidInput, match=f"signed by {OTHER}"):
        town.sign(mandate, OTHER_KEY)
    with pytest.raises(InvalidInput, match="130 hexadecimal"):
        sign_mandate(town.context, town.actor, mandate.id, "0x12")
    assert town.mandate(mandate).state == "unsigned"
    assert town.member_view().state == "active"


@pytest.mark.parametrize(
    ("address", "why"),
    [("0x12", "40 hexadecimal"), ("0x" + "0" * 40, "nobody"), (OWN[:2] + OWN[2:].swapcase(), "capitals")],
)
def test_an_address_that_cannot_hold_the_points_is_refused(town: Town, address: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        ask_to_leave(town.context, town.actor, town.member, address)


def test_a_merchant_cannot_send_a_member_away_nor_see_their_mandates(town: Town) -> None:
    town.credit(10)
    with pytest.raises(Forbidden):
        ask_to_leave(town.context, town.alice, town.member, OWN)
    mandate = ask_to_leave(town.context, town.actor, town.member, OWN)
    with pytest.raises(NotFound):
        get_mandate(town.context, town.alice, mandate.id)
    with pytest.raises(NotFound):
        get_mandate(town.context, Actor.member(town.programme.member()), mandate.id)


def test_a_leave_that_was_called_off_leaves_everything_as_it_was(town: Town) -> None:
    town.credit(10)
    mandate = town.sign(ask_to_leave(town.context, town.actor, town.member, OWN))
    assert cancel_mandate(town.context, town.actor, mandate.id).state == "cancelled"
    redeem(town.context, town.alice, NewRedemption(reference="r", member_id=town.member, points=4))
    town.settle()
    assert town.points() == (6, 6, "active")
    town.agrees()


def test_a_destination_that_the_contract_refuses_ends_the_leave_with_its_reason(town: Town) -> None:
    """The wallet holds points already: somebody else's, bound to it before."""
    stranger = Town(town.programme)
    stranger.credit(5)
    stranger.leave()
    town.credit(10)
    with pytest.raises(InvalidInput, match="another member's"):
        ask_to_leave(town.context, town.actor, town.member, OWN)
    stranger_mandate = stranger.come_back()
    assert stranger_mandate.state == "final"
    assert town.leave().state == "final", "an address that was emptied is as good as new"
    town.agrees()


def test_a_leave_that_nobody_could_settle_in_time_ends_by_itself(town: Town) -> None:
    town.credit(10)
    town.settle()
    mandate = town.sign(ask_to_leave(town.context, town.actor, town.member, OWN))
    town.programme.clock.offset += timedelta(hours=23, minutes=56)
    town.settle()
    ended = town.mandate(mandate)
    assert (ended.state, town.member_view().state) == ("failed", "active")
    assert ended.because is not None
    assert "too long" in ended.because
    town.agrees()


def test_a_frozen_member_still_spends_by_signature(town: Town) -> None:
    """Frozen stops entries and transfers, never a signed redemption (CONTRACT §1)."""
    town.credit(10)
    town.leave()
    mandate = town.quote(4)
    freeze(town.context, ADMIN, town.member, "a doubt")
    town.settle()
    town.sign(mandate)
    town.settle()
    assert town.points()[:2] == (6, 6)


def test_a_key_that_does_not_open_ends_that_members_leave_and_stops_nobody_else(town: Town) -> None:
    town.credit(10)
    other = Town(town.programme)
    with town.programme.store.write() as connection:
        connection.execute(
            update(member_keys).where(member_keys.c.member_id == town.member).values(sealed_key=b"x" * 80)
        )
    mandate = town.sign(ask_to_leave(town.context, town.actor, town.member, OWN))
    town.settle()
    assert town.mandate(mandate).state == "failed"
    assert town.member_view().state == "active"
    other.credit(5)
    other.settle()
    assert other.points() == (5, 5, "active")


def test_every_step_survives_a_death(town: Town) -> None:
    """Whatever dies at the new commits: the next worker goes on, and nothing happens twice."""
    town.credit(10)
    for place in ("mandate.before_commit", "mandate.after_commit"):
        mandate = town.sign(ask_to_leave(town.context, town.actor, town.member, OWN))
        town.programme.failpoints.at = (place, town.programme.failpoints.passed.count(place) + 1)
        with pytest.raises(Crash, match=place):
            town.programme.settle()
        town.settle()
        assert town.mandate(mandate).state == "final"
        town.come_back()
    assert town.points() == (10, 10, "active")
    town.agrees()
