"""Members and balances from an earlier programme: given once, vouched for, dated as they were, or refused by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import func, select, update

from token_service.errors import ApprovalNeeded, CeilingReached, Conflict, Forbidden, InvalidInput
from token_service.ledger import tables, views
from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.import_inputs import NewImport, OpeningAccount, OpeningLot
from token_service.ledger.import_views import Brought
from token_service.ledger.imports import approve_import, declare_import, decline_import, foresee_import, open_imports
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import enrol, freeze, get_member, list_members
from token_service.ledger.merging import merge_members
from token_service.ledger.opening_balances import ENROLLED_OTHERWISE, bring_in, check_accounts
from token_service.ledger.rebuild import rebuild

BOB = Actor.admin("bob")
HASH = "ab" * 32
JOINED = datetime(2024, 3, 2, 12, tzinfo=UTC)
EARNING = """
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: hello, kind: event, event: member.joined, points: 30}
  - {id: years, kind: event, event: member.anniversary, points: 7}
"""
EVENTS = rules(expiry="{kind: fixed, period: P30D}").replace(
    "[{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]", EARNING
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(EVENTS)


def file_of(town: Town, *accounts: OpeningAccount, **more: Any) -> NewImport:
    points = sum(lot.points for one in accounts for lot in one.lots)
    told = {"file_hash": HASH, "source": "Old Club", "members": len(accounts), "points": points} | more
    return NewImport(merchant_id=str(town.alice.merchant_id), **told)


def account(town: Town, name: str, *points: int, until: datetime | None = None, **more: Any) -> OpeningAccount:
    told = {"merchant_id": town.alice.merchant_id, "enrolled_at": JOINED} | more
    lots = tuple(OpeningLot(number + 2, f"{name}/{number}", one, until) for number, one in enumerate(points, 1))
    return OpeningAccount(2, NewMember(name, **told), lots)


def bring(town: Town, *accounts: OpeningAccount, **more: Any) -> Brought:
    new = file_of(town, *accounts, **more)
    made = declare_import(town.context, ADMIN, new, points_to_come=new.points)
    return bring_in(town.context, ADMIN, made.id, new, accounts)


def found(town: Town, name: str) -> views.Member:
    return list_members(town.context, town.alice, external_id=name).data[0]


def test_members_come_with_their_balances_and_the_dates_that_they_had(town: Town) -> None:
    until = town.clock.at + 400 * DAY
    done = bring(town, account(town, "c-1", 120, 30, until=until), account(town, "c-2", 50), account(town, "c-3"))
    assert (done.members, done.points) == (3, 200)
    first, second = found(town, "c-1"), found(town, "c-2")
    assert [entry.points for entry in town.statement(first.id)] == [120, 30]
    assert {entry.kind for entry in town.statement(first.id)} == {"adjustment"}
    assert [(one.points, one.at) for one in first.balance.expiring] == [(150, until)]
    (dated,) = second.balance.expiring
    assert dated.at.date() == (town.clock.at + 30 * DAY).date(), "the rules' date where the file has none"
    assert first.created_at == JOINED
    town.check()
    rebuild(town.context)
    town.check()


def test_the_same_file_twice_brings_everything_once(town: Town) -> None:
    accounts = account(town, "c-1", 120), account(town, "c-2", 50)
    bring(town, *accounts)
    again = bring(town, *accounts)
    assert (again.members, again.points, again.members_before, again.points_before) == (0, 0, 2, 170)
    longer = bring(town, *accounts, account(town, "c-3", 5), file_hash="cd" * 32)
    assert (longer.members, longer.points, longer.points_before) == (1, 5, 170), "a longer file brings what is new"
    assert found(town, "c-1").balance.available == 120


@pytest.mark.parametrize(
    "changed",
    [
        {"points": 121},
        {"expires_at": datetime(2030, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_changed_row_is_refused_by_its_line_and_nothing_of_its_part_comes(
    town: Town, changed: dict[str, Any]
) -> None:
    before = account(town, "c-1", 120)
    bring(town, before)
    other = replace(before, lots=(replace(before.lots[0], **changed),))
    part = [account(town, "c-0", 9), other]
    checked = check_accounts(town.context, ADMIN, file_of(town, *part), part)
    assert [line for line, _ in checked.refused] == [3]
    with pytest.raises(InvalidInput, match="line 3: these points came in before"):
        bring(town, *part, file_hash="cd" * 32)
    assert list_members(town.context, town.alice, external_id="c-0").data == ()
    assert found(town, "c-1").balance.available == 120


def test_whoever_is_enrolled_otherwise_only_gets_points(town: Town) -> None:
    enrol(town.context, town.alice, NewMember("c-1", email="zoe@example.org"))
    part = [account(town, "c-1", 40)]
    (refused,) = check_accounts(town.context, ADMIN, file_of(town, *part), part).refused
    assert (refused[0], refused[1].detail) == (2, ENROLLED_OTHERWISE)
    bare = account(town, "c-1", 40, enrolled_at=None)
    done = bring(town, bare)
    assert (done.members, done.members_before, done.points) == (0, 1, 40)
    assert found(town, "c-1").balance.available == 70, "with the welcome that enrolment gave"


def test_points_that_have_expired_and_frozen_members_are_refused(town: Town) -> None:
    bare = account(town, "c-1", 40, enrolled_at=None)
    bring(town, account(town, "c-1", enrolled_at=None))
    freeze(town.context, ADMIN, found(town, "c-1").id, "a doubt")
    part = [
        bare,
        account(town, "c-2", 5, until=town.clock.at),
        account(town, "c-3", 5, enrolled_at=town.clock.at + DAY),
    ]
    refused = check_accounts(town.context, ADMIN, file_of(town, *part), part).refused
    assert [error.code for _, error in refused] == ["member_frozen", "invalid_input", "invalid_input"]


def test_a_welcome_is_given_only_if_asked_for(town: Town) -> None:
    """`welcome` must not be given to imported members unless asked for."""
    later = {"enrolled_at": JOINED + DAY}
    bring(town, account(town, "c-1", 10, **later))
    bring(town, account(town, "c-2", 10, **later), file_hash="cd" * 32, welcomes=True)
    assert [found(town, name).balance.available for name in ("c-1", "c-2")] == [10, 40]
    run_due(town.context)
    assert found(town, "c-1").balance.available == 10
    town.check()


def test_anniversaries_count_from_the_day_of_the_earlier_programme(town: Town) -> None:
    """`enrolled_at` may be in the past so that member_age_days and anniversaries are right."""
    bring(town, account(town, "c-1"), account(town, "c-2", enrolled_at=JOINED + 3 * DAY))
    run_due(town.context)
    assert [found(town, name).balance.available for name in ("c-1", "c-2")] == [7, 0], "c-1 joined on this day"
    town.pass_time(3 * DAY)
    assert [found(town, name).balance.available for name in ("c-1", "c-2")] == [7, 7]
    bought = town.buy(found(town, "c-1").id, 1_000)
    with town.context.store.read() as connection:
        query = select(tables.operations.c.facts).where(tables.operations.c.id == bought.value.id)
        facts = connection.execute(query).scalar_one()
    assert facts["member"]["age_days"] == (town.clock.at.date() - JOINED.date()).days
    town.check()


LIMITED = rules(limits="{adjustment_points: 100, adjustment_day_points: 150}")


def test_a_large_file_waits_for_a_second_person(make: Make) -> None:
    """An import above `limits.adjustment_points` must not sneak past the rules, however small its rows are."""
    town = make(LIMITED)
    accounts = [account(town, f"c-{number}", 60) for number in range(2)]
    new = file_of(town, *accounts)
    foreseen = foresee_import(town.context, ADMIN, new, points_to_come=120)
    assert foreseen is not None
    assert foreseen.facts["key"] == "limits.adjustment_points"
    made = declare_import(town.context, ADMIN, new, points_to_come=120)
    assert (made.state, [one.id for one in open_imports(town.context, BOB)]) == ("open", [made.id])
    with pytest.raises(ApprovalNeeded):
        bring_in(town.context, ADMIN, made.id, new, accounts)
    with pytest.raises(Forbidden):
        approve_import(town.context, ADMIN, made.id)
    for _ in range(2):
        assert approve_import(town.context, BOB, made.id).state == "approved"
    assert bring(town, *accounts).points == 120
    with town.context.store.read() as connection:
        facts = connection.execute(select(tables.operations.c.facts)).scalars().all()
    assert {(one["actor"], one["approved_by"]) for one in facts} == {("alma", "bob")}
    with pytest.raises(Conflict):
        decline_import(town.context, BOB, made.id)
    town.check()


def test_a_declined_file_stays_out(make: Make) -> None:
    town = make(LIMITED)
    accounts = [account(town, "c-1", 101)]
    new = file_of(town, *accounts)
    made = declare_import(town.context, ADMIN, new, points_to_come=101)
    for _ in range(2):
        assert decline_import(town.context, ADMIN, made.id).state == "declined"
    with pytest.raises(Conflict, match="declined"):
        declare_import(town.context, ADMIN, new, points_to_come=101)
    with pytest.raises(Conflict, match="declined"):
        bring_in(town.context, ADMIN, made.id, new, accounts)


def test_small_files_one_behind_the_other_stay_within_a_persons_day(make: Make) -> None:
    town = make(LIMITED)
    bring(town, account(town, "c-1", 100))
    second = [account(town, "c-2", 60)]
    made = declare_import(town.context, ADMIN, file_of(town, *second, file_hash="cd" * 32), points_to_come=60)
    assert made.state == "open"
    assert bring(town, account(town, "c-3", 50), file_hash="ef" * 32).points == 50
    town.pass_time(DAY)
    assert bring(town, *second, file_hash="cd" * 32).points == 60
    town.check()
    rebuild(town.context)
    town.check()


def test_a_file_above_the_merchants_ceiling_begins_nothing(make: Make) -> None:
    town = make(ceiling_points=100, ceiling_period_seconds=86_400)
    accounts = [account(town, "c-1", 60), account(town, "c-2", 60)]
    with pytest.raises(CeilingReached):
        bring(town, *accounts)
    assert list_members(town.context, town.alice).data == ()


@pytest.mark.parametrize("changed", [{"source": "Another Club"}, {"welcomes": True}])
def test_a_file_is_one_thing(town: Town, changed: dict[str, Any]) -> None:
    bring(town, account(town, "c-1", 5))
    with pytest.raises(Conflict, match="this file was given before"):
        bring(town, account(town, "c-1", 5), **changed)


def test_merged_accounts_are_not_brought_in_again(town: Town) -> None:
    accounts = account(town, "c-1", 30), account(town, "c-2", 20)
    bring(town, *accounts)
    stays = found(town, "c-1").id
    merge_members(town.context, ADMIN, found(town, "c-2").id, stays, "the same person")
    again = bring(town, *accounts)
    assert (again.members, again.points) == (0, 0)
    assert get_member(town.context, ADMIN, stays).balance.available == 50


def test_what_was_repaired_from_its_leaf_is_there_already(town: Town) -> None:
    accounts = [account(town, "c-1", 30)]
    bring(town, *accounts)
    with town.context.store.write() as connection:
        connection.execute(update(tables.operations).values(content_hash=""))
    assert bring(town, *accounts).points == 0
    with town.context.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.operations)).scalar_one() == 1


def test_only_an_admin_brings_members_in(town: Town) -> None:
    with pytest.raises(Forbidden):
        declare_import(town.context, town.alice, file_of(town), points_to_come=0)
    with pytest.raises(Forbidden):
        check_accounts(town.context, town.alice, file_of(town), [])
