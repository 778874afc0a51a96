"""Many callers at once: threads on PostgreSQL, processes on SQLite. No overdraft, no reference twice, no ceiling
passed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from concurrent_caller import do
from ledger_town import Make, Town, rules
from sqlalchemy import select

from token_service.errors import CallerError, MereauError
from token_service.ledger import due, due_members, holds, tables
from token_service.ledger.holds import hold
from token_service.ledger.idempotency import once
from token_service.ledger.inputs import NewHold, NewMember
from token_service.ledger.members import enrol
from token_service.ledger.purchases import record_purchases

CALLERS = 4
FALLS_DUE = rules(
    return_window="P1D",
    expiry="{kind: fixed, period: P20D}",
    tiers="{qualify_by: spend, window: {kind: rolling, period: P10D}, levels: [{id: bronze, from: 0}, {id: gold, from: 5000}]}",
)
HERE = Path(__file__).parent
Together = Callable[[Town, str, str, int], int]


@pytest.fixture
def together(database: str, keys_folder: Path) -> Together:
    """Does some work from several callers at once; answers how often it was accepted in all."""

    def in_threads(town: Town, work: str, member_id: str, times: int) -> int:
        def call(caller: int) -> int:
            accepted = 0
            for number in range(times):
                try:
                    reference = None if work == "buy" else f"{caller}-{number}"
                    accepted += not call_once(town, work, member_id, number, reference)
                except CallerError:
                    continue
            return accepted

        with ThreadPoolExecutor(CALLERS) as pool:
            return sum(pool.map(call, range(CALLERS)))

    def in_processes(town: Town, work: str, member_id: str, times: int) -> int:
        url = town.context.store.engine.url.render_as_string()
        command = [
            sys.executable,
            str(HERE / "concurrent_caller.py"),
            url,
            str(keys_folder),
            work,
            member_id,
            str(times),
        ]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE.parent), str(HERE.parent.parent)))}
        running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        answers = [process.communicate(timeout=120)[0] for process in running]
        assert [process.returncode for process in running] == [0, 0]
        return sum(int(answer) for answer in answers)

    return in_threads if database == "postgresql" else in_processes


def call_once(town: Town, work: str, member_id: str, number: int, reference: str | None) -> bool:
    """Whether the call was a repetition."""
    if reference is None:
        return bool(do(town, work, member_id, number).replayed)  # type: ignore[attr-defined]
    if work == "redeem":
        return town.redeem(member_id, 7, reference=reference).replayed
    return town.issue(member_id, 7, reference=reference).replayed


def test_nobody_spends_more_than_there_is(town: Town, together: Together) -> None:
    member = town.member()
    town.issue(member, 100)
    assert together(town, "redeem", member, 10) == 14
    assert town.balance(member).available == 2
    town.check()


def test_a_reference_is_recorded_once(town: Town, together: Together) -> None:
    member = town.member()
    assert together(town, "buy", member, 10) == 10
    assert town.balance(member).available == 100
    town.check()


def test_the_ceiling_is_not_passed(make: Make, together: Together) -> None:
    town = make(rules(), ceiling_points=100)
    member = town.member()
    assert together(town, "issue", member, 10) == 14
    assert town.balance(member).available == 98
    town.check()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers meet at every third member."""
    for module in (due, due_members, holds):
        monkeypatch.setattr(module, "CHUNK", 3)


@pytest.mark.usefixtures("small_chunks")
def test_due_work_is_done_once(make: Make) -> None:
    """The issue: "Scheduled work exactly once from any worker". Awards, expiry, lost levels, holds that lapse."""
    town = make(FALLS_DUE)
    members = [town.member() for _ in range(7)]
    for member_id in members:
        town.buy(member_id, 6_000)
    town.pass_time(timedelta(days=2))
    for member_id in members:
        town.buy(member_id, 1_000)
        hold(town.context, town.alice, NewHold(town.reference(), member_id, 25))
    town.clock.forward(timedelta(days=30))
    with ThreadPoolExecutor(CALLERS) as pool:
        reports = list(pool.map(lambda _: due.run_due(town.context), range(CALLERS)))
    done = [(one.awards_matured, one.lots_expired, one.tiers_changed, one.holds_released) for one in reports]
    assert [sum(counts) for counts in zip(*done, strict=True)] == [7, 14, 7, 7]
    assert sum(one.points_expired for one in reports) == 490
    for member_id in members:
        assert sorted(town.moves(member_id)) == [("expiry", -70), ("issuance", 10), ("issuance", 60)]
        assert told(town, member_id, "tier") == ["gold", "bronze"]
        assert told(town, member_id, "released") == ["expired"]
    town.check()


def told(town: Town, member_id: str, kind: str) -> list[str]:
    """What the member's facts of a kind say happened, oldest first."""
    columns = tables.facts.c
    query = select(columns.detail).where(columns.member_id == member_id, columns.kind == kind).order_by(columns.id)
    with town.context.store.read() as connection:
        details = [json.loads(detail) for detail in connection.execute(query).scalars()]
    return [one["because"] if kind == "released" else one["to"] for one in details]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
class TestInThreads:
    """What several threads of a web server do to PostgreSQL under READ COMMITTED."""

    def test_two_members_cannot_have_one_reference(self, town: Town) -> None:
        members = [town.member() for _ in range(CALLERS)]

        def call(member_id: str) -> str:
            try:
                return town.buy(member_id, 1_000, reference="one").value.id
            except CallerError as refusal:
                return str(refusal.facts["existing_id"])

        with ThreadPoolExecutor(CALLERS) as pool:
            assert len(set(pool.map(call, members))) == 1
        assert sum(town.balance(member_id).available for member_id in members) == 10
        town.check()

    def test_a_ceiling_shared_by_many_members_is_not_passed(self, make: Make) -> None:
        town = make(rules(), ceiling_points=100)
        members = [town.member() for _ in range(CALLERS)]

        def call(member_id: str) -> None:
            for number in range(6):
                try:
                    town.issue(member_id, 9, reference=f"{member_id}-{number}")
                except CallerError:
                    continue

        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(call, members))
        assert sum(town.balance(member_id).available for member_id in members) == 99
        town.check()

    def test_batches_over_the_same_members_do_not_stop_each_other(self, town: Town) -> None:
        members = [town.member() for _ in range(5)]

        def call(order: int) -> list[object]:
            chosen = members if order % 2 else members[::-1]
            return list(record_purchases(town.context, town.alice, [town.new_purchase(one, 1_000) for one in chosen]))

        with ThreadPoolExecutor(CALLERS) as pool:
            answers = [answer for part in pool.map(call, range(8)) for answer in part]
        assert not [answer for answer in answers if isinstance(answer, MereauError)]
        assert [town.balance(member_id).available for member_id in members] == [80] * 5
        town.check()

    def test_an_external_id_is_enrolled_once(self, town: Town) -> None:
        new = NewMember(external_id="same")
        with ThreadPoolExecutor(CALLERS) as pool:
            done = list(pool.map(lambda _: enrol(town.context, town.alice, new), range(CALLERS)))
        assert len({one.member.id for one in done}) == 1
        assert sum(one.created for one in done) == 1

    def test_an_idempotency_key_runs_once(self, town: Town) -> None:
        member = town.member()

        def call(_: int) -> object:
            return once(
                town.context,
                "alice",
                "key",
                {"points": 5},
                201,
                lambda context: town.__class__(context, town.clock, town.keys, town.alice, town.charlie).issue(
                    member, 5, reference=town.reference()
                ),
                lambda outcome: [outcome.value.id],
                lambda _context, ids: ids,  # type: ignore[arg-type, return-value]
            ).replayed

        with ThreadPoolExecutor(CALLERS) as pool:
            assert sorted(map(bool, pool.map(call, range(CALLERS)))) == [False, True, True, True]
        assert town.balance(member).available == 5
