"""A backup is restored that is older than a member's way to a wallet of their own: the repair finds it all again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest
from leaving_town import OWN, Town
from settlement_programme import ADMIN, Crash, Programme

from token_service.app.repairing import repair
from token_service.chain.settlement import check_chain
from token_service.ledger.inputs import NewRedemption
from token_service.ledger.leaving import ask_to_leave
from token_service.ledger.members import unfreeze
from token_service.ledger.redemptions import find_redemption, redeem
from token_service.ledger.statements import list_entries
from token_service.ledger.store import open_store, sqlite_url

pytestmark = pytest.mark.usefixtures("quiet_log")
Back = Callable[[], Town]


@pytest.fixture
def town(programme: Programme) -> Town:
    return Town(programme)


@pytest.fixture
def backup(town: Town, tmp_path: Path) -> Back:
    """A copy of the ledger with 100 points is kept; what comes back restores it, and repairs it."""

    town.credit(100)
    town.settle()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("vacuum into ?", (str(tmp_path / "backup.db"),))

    def restore() -> Town:
        store = open_store(sqlite_url(tmp_path / "backup.db"))
        services = town.programme.services
        services = replace(services, context=replace(services.context, store=store))
        restored = copy(town)
        restored.programme = replace(town.programme, services=services)
        restored.context = services.context
        repair(services, lambda batch, written: None)
        restored.programme.services = check_chain(services)
        restored.settle()
        return restored

    return restore


def lines(town: Town) -> list[tuple[str, int, int, str | None]]:
    found = list_entries(town.context, ADMIN, town.member, limit=100).data
    return [(one.kind, one.points, one.balance_after, one.reference) for one in found]


def test_a_member_who_left_after_the_backup_is_away_again(town: Town, backup: Back) -> None:
    town.leave()
    town.sign(town.quote(30))
    town.credit(7)
    town.settle()
    restored = backup()
    assert restored.points() == (77, 77, "left")
    assert restored.member_view().address == OWN
    assert lines(restored) == lines(town)
    assert find_redemption(restored.context, restored.alice, "basket-1").points == 30
    restored.agrees()
    restored.sign(restored.quote(7, "basket-2"))
    restored.settle()
    assert restored.points() == (70, 70, "left")
    restored.agrees()


def test_a_member_who_came_back_twice_after_the_backup_spends_as_before(town: Town, backup: Back) -> None:
    for _ in range(2):
        town.leave()
        town.credit(1)
        town.come_back()
    town.settle()
    restored = backup()
    assert restored.points() == (102, 102, "active")
    redeem(restored.context, restored.alice, NewRedemption(reference="r", member_id=restored.member, points=102))
    restored.settle()
    assert restored.points() == (0, 0, "active")
    restored.agrees()


def test_a_member_who_was_on_the_way_stays_and_is_stopped_for_a_person_to_look(town: Town, backup: Back) -> None:
    town.sign(ask_to_leave(town.context, town.actor, town.member, OWN))
    town.programme.failpoints.at = ("mandate.before_commit", 1)
    with pytest.raises(Crash):
        town.settle()
    restored = backup()
    assert restored.member_view().state == "active"
    assert restored.member_view().frozen
    unfreeze(restored.context, ADMIN, restored.member, "nothing landed")
    restored.settle()
    restored.agrees()
