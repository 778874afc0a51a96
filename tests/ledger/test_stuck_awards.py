"""An award larger than its merchant's whole ceiling waits for a person, and is said to."""

from __future__ import annotations

from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import event, select

from token_service.cli.doctor import awards_findings
from token_service.ledger.due import run_due
from token_service.ledger.members import freeze, unfreeze
from token_service.ledger.merchants import set_ceiling
from token_service.ledger.stuck_awards import stuck_awards
from token_service.ledger.tables import awards
from token_service.ledger.views import StuckAwards


def waiting_town(make: Make) -> Town:
    """Both merchants may issue 100 points a day; awards of 150, 120 and 50 points of alice's fall due."""
    town = make(rules(return_window="P14D"), ceiling_points=100)
    for total in (15_000, 12_000, 5_000):
        town.buy(town.member(), total)
    town.buy(town.member(town.charlie), 10_000, actor=town.charlie)
    return town


def test_nothing_is_stuck_before_it_is_due(make: Make) -> None:
    town = waiting_town(make)
    assert stuck_awards(town.context) == ()
    assert [finding.state for finding in awards_findings(town.context)] == ["well"]


def test_run_due_and_the_doctor_say_how_many_wait_and_for_which_merchant(make: Make) -> None:
    town = waiting_town(make)
    report = town.pass_time(15 * DAY)
    assert report.awards_matured == 2
    assert report.stuck == (StuckAwards(town.alice.merchant_id or "", "Alice", 2, 150),)
    assert not report.is_idle
    again = run_due(town.context)
    assert (again.awards_matured, again.stuck, again.is_idle) == (0, report.stuck, True)
    (finding,) = awards_findings(town.context)
    assert finding.state == "bad"
    assert finding.says.startswith("2 awards of Alice are larger than its whole ceiling, the largest 150 points")


def test_a_ceiling_of_nothing_holds_everything_and_a_higher_one_lets_it_go(make: Make) -> None:
    town = waiting_town(make)
    merchant_id = town.charlie.merchant_id or ""
    set_ceiling(town.context, ADMIN, merchant_id, 0, 86_400)
    report = town.pass_time(15 * DAY)
    assert [(stuck.merchant_name, stuck.awards) for stuck in report.stuck] == [("Alice", 2), ("Charlie", 1)]
    set_ceiling(town.context, ADMIN, merchant_id, 100, 86_400)
    assert run_due(town.context).awards_matured == 1
    assert [stuck.merchant_name for stuck in stuck_awards(town.context)] == ["Alice"]
    town.check()


def test_a_raise_that_is_announced_and_a_frozen_member_are_no_reason_to_worry(make: Make) -> None:
    town = waiting_town(make)
    town.pass_time(15 * DAY)
    with town.context.store.write() as connection:
        connection.exec_driver_sql("UPDATE program SET notice_period_seconds = 86400")
    set_ceiling(town.context, ADMIN, town.alice.merchant_id or "", 149, 86_400)
    assert [stuck.awards for stuck in stuck_awards(town.context)] == [1]
    town.clock.forward(2 * DAY)
    assert [stuck.awards for stuck in stuck_awards(town.context)] == [1]
    with town.context.store.read() as connection:
        unlucky = connection.execute(select(awards.c.member_id).where(awards.c.points == 150)).scalar_one()
    freeze(town.context, town.alice, unlucky, "a doubt")
    assert stuck_awards(town.context) == ()
    unfreeze(town.context, town.alice, unlucky, "cleared")
    assert [stuck.awards for stuck in stuck_awards(town.context)] == [1]


def test_it_is_one_query_however_many_wait(make: Make) -> None:
    town = waiting_town(make)
    for _ in range(20):
        town.buy(town.member(), 20_000)
    town.clock.forward(15 * DAY)
    seen: list[str] = []
    event.listen(town.context.store.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    assert [stuck.awards for stuck in stuck_awards(town.context)] == [22]
    assert len([words for words in seen if words.lstrip().upper().startswith("SELECT")]) == 1
