"""What the ledger makes of final events of members' own wallets, said here by hand; a chain says them in
tests/settlement/test_leaving.py.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import insert, select, update

from token_service.errors import MemberLeaving
from token_service.ledger.following import WalletEvent, follow, post_waiting
from token_service.ledger.leaving import ask_to_leave
from token_service.ledger.members import get_member
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.reconciling import read_books
from token_service.ledger.settlement_tables import cursors, leaves
from token_service.ledger.tables import entries, members
from token_service.ledger.voids import void_skipped
from token_service.ledger.wallet_tables import wallet_events

OWN = "0x52908400098527886E0F7030069857D2E4169EE7"
SHORT_BALANCE = 4
BLOCKS = itertools.count(100)


def event(town: Town, name: str, **arguments: Any) -> WalletEvent:
    number = next(BLOCKS)
    place = {
        "block_hash": f"0x{number:064x}",
        "log_index": 3,
        "block_number": number,
        "transaction_hash": f"0x{number:064x}",
    }
    return WalletEvent(name, arguments, block_time=town.clock.at.replace(microsecond=0), **place)


def says(town: Town, name: str, **arguments: Any) -> WalletEvent:
    """A final block says this."""
    said = event(town, name, **arguments)
    town.context.store.transact(lambda connection: follow(connection, town.context, said))
    return said


def address_of(town: Town, member: str) -> str:
    return get_member(town.context, ADMIN, member).address


def state_of(town: Town, member: str) -> str:
    return get_member(town.context, ADMIN, member).state


def leaves_town(town: Town, member: str, expires_at: int = 0) -> None:
    given = {"from_address": address_of(town, member), "to_address": OWN, "amount": 0, "expires_at": expires_at}
    says(town, "SelfCustodyBound", **given)


def spends(town: Town, points: int, nonce: int = 1, merchant: int = 2) -> WalletEvent:
    given = {"account": OWN, "merchant": merchant, "reward": "0x" + "ab" * 32, "amount": points, "nonce": nonce}
    return says(town, "Redeemed", **given)


def on_the_chain(town: Town) -> int:
    """What reconciliation expects the contract to say of the one member."""
    with town.context.store.write() as connection:
        connection.execute(insert(cursors).values(name="final", number=1, hash="0x"))
    (account,) = read_books(town.context.store, "", 10).accounts
    return account.settled


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(expiry="{kind: fixed, period: P30D}"))


def test_nothing_expires_in_a_members_own_wallet_before_the_date_that_was_signed(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    leaves_town(town, member, expires_at=int((town.clock.at + 60 * DAY).timestamp()))
    assert town.pass_time(40 * DAY).points_expired == 0
    assert town.balance(member).available == 100
    assert town.pass_time(21 * DAY).points_expired == 100
    assert town.balance(member).available == 0
    town.check()


def test_points_that_never_may_expire_there_do_not(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    leaves_town(town, member)
    assert town.pass_time(4_000 * DAY).points_expired == 0
    town.check()


def test_the_date_is_that_of_the_last_points_to_expire(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    last = town.balance(member).expiring[-1].at
    mandate = ask_to_leave(town.context, ADMIN, member, OWN)
    assert mandate.points_may_expire_at == last.replace(microsecond=0)


def test_points_spent_by_signature_come_from_the_lots_that_go_first_expired_or_not(town: Town) -> None:
    member = town.member()
    town.issue(member, 10)
    town.clock.forward(5 * DAY)
    town.issue(member, 10)
    leaves_town(town, member)
    town.clock.forward(31 * DAY)
    spends(town, 15)
    assert town.moves(member)[-1] == ("redemption", -15)
    assert town.balance(member).available == 5
    assert town.statement(member)[-1].settlement.state == "final"
    town.check()


def test_an_event_counts_once(town: Town) -> None:
    member = town.member()
    town.issue(member, 10)
    leaves_town(town, member)
    once = spends(town, 4)
    town.context.store.transact(lambda connection: follow(connection, town.context, once))
    assert town.balance(member).available == 6
    town.check()


def test_a_merchant_that_the_ledger_does_not_know_stands_for_the_programme(town: Town) -> None:
    member = town.member()
    town.issue(member, 10)
    leaves_town(town, member)
    spent = spends(town, 4, merchant=77)
    line = town.statement(member)[-1]
    assert line.reference == f"signed:{spent.transaction_hash}:3"
    assert line.merchant_name == "Les Halles"


def test_what_was_spent_there_while_it_expired_here_waits_for_the_contracts_word(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    town.settle_all()
    leaves_town(town, member, expires_at=int(town.clock.at.timestamp()) + 1)
    assert town.pass_time(31 * DAY).points_expired == 100
    spends(town, 100)
    assert town.moves(member)[-1] == ("expiry", -100)
    assert on_the_chain(town) == 0, "reconciliation knows what waits, and freezes nobody"
    with town.context.store.write() as connection:
        expiry = connection.execute(select(entries.c.id).where(entries.c.points == -100)).scalar_one()
        connection.execute(update(leaves).where(leaves.c.id == expiry).values(state="void"))
        void_skipped(connection, town.context, expiry, SHORT_BALANCE)
        post_waiting(connection, town.context)
    assert town.moves(member)[-3:] == [("expiry", -100), ("void", 100), ("redemption", -100)]
    assert not get_member(town.context, ADMIN, member).frozen
    town.check()


def test_a_stranger_who_takes_another_members_address_moves_nobody(town: Town) -> None:
    """Whoever has a key may bind to any empty address: the ledger does not follow there, and reconciliation stops the member."""
    member, other = town.member(), town.member()
    town.issue(member, 10)
    leaves_town(town, member)
    given = {"from_address": OWN, "to_address": address_of(town, other), "amount": 10}
    says(town, "ReturnedToCustody", **given)
    assert (state_of(town, member), address_of(town, member)) == ("left", OWN)
    with town.context.store.read() as connection:
        states = connection.execute(select(wallet_events.c.state)).scalars().all()
    assert sorted(states) == ["posted", "waits"]


def test_points_that_come_back_to_the_members_own_address_are_in_our_keeping_without_a_key(town: Town) -> None:
    member = town.member()
    town.issue(member, 10)
    leaves_town(town, member)
    with pytest.raises(MemberLeaving):
        town.redeem(member, 1)
    says(town, "ReturnedToCustody", from_address=OWN, to_address=OWN, amount=10)
    town.redeem(member, 1)
    assert ask_to_leave(town.context, ADMIN, member, OWN).signing_address == OWN
    town.check()


def test_a_refund_is_owed_while_the_points_are_away_and_paid_when_they_are_back(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 5_000).value
    leaves_town(town, member)
    refund = town.refund(bought.id, 5_000).value
    assert (refund.reversed, refund.debt) == (0, 50)
    town.issue(member, 7)
    assert town.balance(member).available == 57
    says(town, "ReturnedToCustody", from_address=OWN, to_address="0x" + "77" * 20, amount=57)
    assert (town.balance(member).available, town.balance(member).debt) == (7, 0)
    town.check()


def test_the_state_is_rebuilt_from_the_facts(town: Town) -> None:
    member = town.member()
    leaves_town(town, member)
    with town.context.store.write() as connection:
        connection.execute(update(members).where(members.c.id == member).values(state="active"))
    assert check_rebuild(town.context) == [f"{member}: state is active, the sources say left"]
