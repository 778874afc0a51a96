"""The database refuses: locked, full, broken. And what is cached is rebuilt from what was only ever appended."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_town import DAY, TIERS, Make, Town, rules
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from token_service.errors import BadSettings, DatabaseBusy, DiskFull
from token_service.ledger import tables
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.store import Store, open_store, sqlite_url


def test_a_locked_database_says_try_again_and_readers_go_on(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "ledger.db")
    first, second = open_store(url), Store(url, busy_timeout_ms=50)
    with first.write() as connection:
        connection.execute(text("create table t (x integer)"))
        with pytest.raises(DatabaseBusy), second.write():
            pass
        with second.read() as reader:
            assert reader.execute(text("select count(*) from sqlite_master")).scalar_one() == 0
    first.dispose()
    second.dispose()


def test_a_full_disk_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    store = open_store(sqlite_url(tmp_path / "ledger.db"))
    with store.write() as connection:
        connection.execute(text("create table t (x blob)"))

    def fill(connection: Connection) -> None:
        connection.execute(text("pragma max_page_count = 4"))
        for _ in range(20):
            connection.execute(text("insert into t values (zeroblob(4000))"))

    with pytest.raises(DiskFull):
        store.transact(fill)
    with store.read() as connection:
        assert connection.execute(text("select count(*) from t")).scalar_one() == 0
    store.dispose()


def test_an_accident_does_not_say_whose_data_it_was_about(town: Town) -> None:
    with pytest.raises(DBAPIError) as accident, town.context.store.read() as connection:
        connection.execute(text("select :email from nowhere"), {"email": "alice@example.com"})
    assert "alice" not in str(accident.value)


def test_every_commit_is_synced_and_references_are_enforced(tmp_path: Path) -> None:
    store = open_store(sqlite_url(tmp_path / "ledger.db"))
    with store.read() as connection:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        assert {name: connection.execute(text(f"pragma {name}")).scalar_one() for name in wanted} == wanted
    store.dispose()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "sqlite:////no/such/folder/ledger.db"])
def test_a_database_that_cannot_be_is_a_bad_setting(url: str) -> None:
    with pytest.raises(BadSettings), open_store(url).read():
        pass


def test_a_postgresql_that_does_not_answer_says_try_again() -> None:
    store = open_store("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseBusy), store.read():
        pass


def busy_town(make: Make) -> tuple[Town, str]:
    """A member to whom everything happened."""
    town = make(
        rules(
            return_window="P2D",
            expiry="{kind: inactivity, period: P20D}",
            tiers=TIERS,
        )
    )
    member = town.member()
    first = town.buy(member, 6_000)
    town.buy(member, 3_000)
    town.refund(first.value.id, 500)
    town.pass_time(3 * DAY)
    spent = town.redeem(member, 50)
    town.refund(first.value.id, 5_500)
    town.restore(spent.value.id, 20)
    town.issue(member, 105)
    town.buy(member, 1_000)
    town.pass_time(1 * DAY)
    return town, member


def test_the_cache_equals_the_sources_and_is_rebuilt_from_them(make: Make) -> None:
    town, member = busy_town(make)
    town.check()
    before = town.balance(member)
    with town.context.store.write() as connection:
        connection.execute(tables.members.update().values(pending=77, tier="silver", purchase_count=9))
        connection.execute(tables.lots.update().values(points_left=0))
        connection.execute(tables.awards.delete())
        connection.execute(tables.purchases.update().values(kept=1))
    found = check_rebuild(town.context)
    told = {sentence.split(": ")[1].split()[0] for sentence in found}
    assert told == {"pending", "tier", "purchase_count", "lots", "awards", "purchases"}
    rebuild(town.context)
    assert check_rebuild(town.context) == []
    assert town.balance(member) == before
    town.pass_time(3 * DAY)
    town.check()


def test_a_stopped_run_of_due_work_goes_on_where_it_was(make: Make) -> None:
    from token_service.ledger.due import next_due_at, run_due

    town = make(rules(return_window="P2D"))
    for _ in range(3):
        town.buy(town.member(), 1_000)
    assert next_due_at(town.context) == town.clock.at + 2 * DAY
    town.clock.forward(2 * DAY)
    report = run_due(town.context, limit=0)
    assert (report.awards_matured, report.remaining) == (0, True)
    assert run_due(town.context).awards_matured == 3
    assert next_due_at(town.context) is None
