"""Ledger, events and contract compared at one final block: what differs is named and stopped, and a sound system never alarms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from anvil_node import Anvil
from captured_logs import captured_logs
from settlement_programme import Programme
from sqlalchemy import Connection, func, select, update

from token_service.chain import reconciling
from token_service.chain.reconciling import reconcile_all, reconcile_some
from token_service.chain.settlement.lanes import Code, read_lane
from token_service.errors import NodeUnreachable
from token_service.ledger.reconciling import last_reconciliation
from token_service.ledger.settlement_tables import batches, chain_events, cursors, leaves, transactions
from token_service.ledger.tables import entries, members
from token_service.units import EntryKind
from token_service.worker import Worker

pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture
def people(programme: Programme) -> list[str]:
    """Three members with points, settled, their figures as the ledger would have them."""
    made = [programme.member() for _ in range(3)]
    for points, person in enumerate(made, start=5):
        programme.record(person, EntryKind.ISSUANCE, points)
        programme.record(person, EntryKind.REDEMPTION, 2)
    assert programme.settle().is_settled
    keep_figures(programme)
    return made


def keep_figures(programme: Programme) -> None:
    total = select(func.coalesce(func.sum(entries.c.points), 0)).where(entries.c.member_id == members.c.id)
    issued = total.where(entries.c.points > 0).scalar_subquery()
    redeemed = -total.where(entries.c.points < 0).scalar_subquery()
    figures = {"available": total.scalar_subquery(), "issued": issued, "redeemed": redeemed}
    with programme.store.write() as connection:
        connection.execute(update(members).values(**figures))


def differences(programme: Programme) -> set[tuple[str, str, int, int]]:
    found = reconcile_all(programme.services.context, programme.services.node, programme.contract)
    return {(one.check, one.subject, one.ledger, one.chain) for _, some in found for one in some}


def is_frozen(programme: Programme, member_id: str) -> bool:
    with programme.store.read() as connection:
        return bool(connection.execute(select(members.c.frozen).where(members.c.id == member_id)).scalar_one())


def lane_code(programme: Programme) -> tuple[str, str | None]:
    with programme.store.read() as connection:
        lane = read_lane(connection)
    return lane.state, lane.code


def test_a_sound_system_agrees_whatever_is_on_its_way(programme: Programme, people: list[str]) -> None:
    assert differences(programme) == set()
    for person in people:
        programme.record(person, EntryKind.ISSUANCE, 1)
    keep_figures(programme)
    worker = Worker(programme.worker())
    while worker.run_pass(flush=True):
        assert differences(programme) == set()
    assert lane_code(programme) == ("active", None)
    assert not any(is_frozen(programme, person) for person in people)


def test_points_that_only_the_ledger_has_freeze_their_member_and_raise_an_alarm(
    programme: Programme, people: list[str]
) -> None:
    with programme.store.write() as connection:
        mine = update(leaves).where(leaves.c.member_id == people[0], leaves.c.kind == int(EntryKind.ISSUANCE))
        connection.execute(mine.values(amount=1_000))
    with captured_logs() as lines:
        found = differences(programme)
    assert ("balance", people[0], 998, 3) in found
    assert ("totals.issued", "program", 1_013, 18) in found
    assert [is_frozen(programme, person) for person in people] == [True, False, False]
    assert lane_code(programme) == ("halted", Code.RECONCILE)
    alarms = [line for line in lines if line["event"] == "alarm"]
    assert {line["check"] for line in alarms} == {"balance", "totals.issued", "total_supply"}
    assert not any(people[0] in str(line) for line in alarms)
    kept = last_reconciliation(programme.store)
    assert kept is not None
    assert {one["check"] for one in kept.mismatches} == {"balance", "totals.issued", "total_supply"}


def test_a_cached_balance_that_is_not_its_entries_freezes_its_member(programme: Programme, people: list[str]) -> None:
    with programme.store.write() as connection:
        connection.execute(update(members).where(members.c.id == people[1]).values(available=77))
    assert differences(programme) == {("entries", people[1], 77, 4)}
    assert is_frozen(programme, people[1])
    assert lane_code(programme) == ("active", None)


def _lose_the_event(connection: Connection) -> None:
    connection.execute(chain_events.delete().where(chain_events.c.name == "BatchSettled"))


def _take_a_sequence_back(connection: Connection) -> None:
    connection.execute(update(batches).values(seq=batches.c.seq + 1))


def _forget_a_transaction(connection: Connection) -> None:
    last = select(func.max(transactions.c.nonce)).where(transactions.c.batch_id.is_not(None)).scalar_subquery()
    mine = update(transactions).where(transactions.c.batch_id.is_not(None), transactions.c.nonce == last)
    connection.execute(mine.values(nonce=50))


@pytest.mark.parametrize(
    ("break_it", "check"),
    [(_lose_the_event, "events"), (_take_a_sequence_back, "sequence"), (_forget_a_transaction, "nonce")],
)
def test_a_lane_whose_books_differ_is_halted(
    programme: Programme, people: list[str], break_it: Callable[[Connection], Any], check: str
) -> None:
    with programme.store.write() as connection:
        break_it(connection)
    assert check in {one[0] for one in differences(programme)}
    assert lane_code(programme) == ("halted", Code.RECONCILE)
    assert not any(is_frozen(programme, person) for person in people)


def test_the_worker_goes_through_all_members_in_turns(
    programme: Programme, people: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "MEMBERS_PER_ROUND", 2)
    places = []
    for _ in range(4):
        assert reconcile_some(programme.services.context, programme.services.node, programme.contract) == []
        last = last_reconciliation(programme.store)
        assert last is not None
        places.append((last.accounts, last.last_member))
    assert places == [(2, sorted(people)[1]), (1, None)] * 2


def test_a_node_without_the_final_block_proves_nothing(programme: Programme, people: list[str], anvil: Anvil) -> None:
    with programme.store.write() as connection:
        connection.execute(update(cursors).where(cursors.c.name == "final").values(hash="0x" + "11" * 32))
    with pytest.raises(NodeUnreachable):
        differences(programme)
    assert not any(is_frozen(programme, person) for person in people)


def test_the_worker_compares_from_time_to_time_and_outlives_a_failure(
    programme: Programme, people: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(programme.worker())
    worker.run_pass()
    assert last_reconciliation(programme.store) is None
    worker.reconcile_at = 0.0
    monkeypatch.setattr("token_service.worker.reconcile_some", _fail)
    worker.run_pass()
    monkeypatch.undo()
    worker.reconcile_at = 0.0
    worker.run_pass()
    kept = last_reconciliation(programme.store)
    assert kept is not None
    assert (kept.accounts, kept.mismatches) == (3, ())
    worker.run_pass()
    assert last_reconciliation(programme.store) == kept


def _fail(*_: object) -> None:
    raise NodeUnreachable("away")
