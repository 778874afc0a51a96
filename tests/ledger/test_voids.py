"""Entries that the contract finally refused: undone, never settled, the member frozen, the ledger again what the
chain says.
"""

from __future__ import annotations

import logging

import pytest
from ledger_town import Town
from sqlalchemy import select, update

from token_service.ledger.members import get_member, unfreeze
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.voids import void_skipped


def skip(town: Town, entry_id: str) -> None:
    """What the indexer does when a leaf was skipped for a final reason."""
    with town.context.store.write() as connection:
        connection.execute(update(leaves).where(leaves.c.id == entry_id).values(skip_reason=6))
        void_skipped(connection, town.context, entry_id, 6)


def test_a_refused_credit_is_undone_and_the_member_frozen(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    member = town.member()
    kept, refused = town.issue(member, 30), town.issue(member, 70)
    with caplog.at_level(logging.CRITICAL):
        skip(town, refused.entries[0].id)
    assert "entry_voided" in caplog.text
    assert town.moves(member) == [("issuance", 30), ("issuance", 70), ("void", -70)]
    assert get_member(town.context, town.alice, member).frozen
    assert [(lot.points) for lot in (kept.value, refused.value)] == [30, 70]
    with town.context.store.read() as connection:
        ids = set(connection.execute(select(leaves.c.id)).scalars())
    assert town.statement(member)[-1].id not in ids  # a void is never settled
    town.check()


def test_a_refused_debit_comes_back(town: Town) -> None:
    member = town.member()
    town.issue(member, 50)
    spent = town.redeem(member, 20)
    skip(town, spent.entries[0].id)
    assert town.balance(member).available == 50
    town.check()


def test_what_the_balance_cannot_cover_is_owed_until_the_other_void(town: Town) -> None:
    """Issued and spent, both refused by the chain: after both voids nothing is left, and nothing is owed."""
    member = town.member()
    issued = town.issue(member, 100)
    spent = town.redeem(member, 80)
    skip(town, issued.entries[0].id)
    balance = town.balance(member)
    assert (balance.available, balance.debt) == (0, 80)
    skip(town, spent.entries[0].id)
    balance = town.balance(member)
    assert (balance.available, balance.debt) == (0, 0)
    assert town.moves(member)[2:] == [("void", -20), ("void", 80), ("void", -80)]
    town.check()


def test_voiding_twice_undoes_once(town: Town) -> None:
    member = town.member()
    issued = town.issue(member, 100)
    skip(town, issued.entries[0].id)
    skip(town, issued.entries[0].id)
    assert town.balance(member).available == 0
    unfreeze(town.context, town.alice, member, "looked at")
    assert town.issue(member, 5).balance.available == 5
    town.check()
