"""The console's settlement: well when it is, and what a person must do when it is not; the same facts as `mereau doctor`."""

from __future__ import annotations

from datetime import timedelta

from console_town import Desk, desk
from pages_town import CONTRACT, Town
from sqlalchemy import insert, update

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewMerchant
from token_service.ledger.members import freeze
from token_service.ledger.merchants import create_merchant
from token_service.ledger.settlement_health import ChainSize, settlement_health
from token_service.ledger.settlement_tables import admin_operations, lanes, leaves
from token_service.ledger.tables import merchants
from token_service.worker import read_backlog


def page_of(town: Town, reader: Desk | None = None) -> str:
    text = (reader or desk(town, "auditor")).read("/console/settlement")
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_nothing_recorded_is_well(town: Town) -> None:
    with town.context.store.write() as connection:
        connection.execute(update(admin_operations).values(state="final"))
    page = page_of(town)
    assert "All is well: everything is settled." in page
    assert "Nothing is written yet." in page
    assert "None is under way." in page


def test_what_waits_within_its_time_is_well_and_later_is_not(town: Town) -> None:
    with town.context.store.write() as connection:
        connection.execute(update(admin_operations).values(state="final"))
    town.purchase(town.member(), 5_000)
    create_merchant(town.context, Actor.admin(), NewMerchant("Paul"))
    town.clock.move(timedelta(minutes=5))
    auditor = desk(town, "auditor")
    page = page_of(town, auditor)
    assert "within the time that was promised" in page
    assert "5 minutes" in page
    assert "Register a merchant" in page
    town.clock.move(timedelta(hours=2))
    late = page_of(town, auditor)
    assert "longer than the service promised" in late
    assert "mereau doctor" in late
    assert "All is well" not in late


def test_a_lane_that_stands_still_says_why(town: Town) -> None:
    with town.context.store.write() as connection:
        values = {"number": 0, "operator": CONTRACT, "next_nonce": 1, "next_seq": 1}
        connection.execute(insert(lanes).values(**values, state="halted", reason="foreign transaction <x>"))
    page = page_of(town)
    assert "Settlement stands still: foreign transaction &lt;x&gt;" in page
    assert "halted" in page


def test_held_and_put_off_lines_say_what_they_wait_for(town: Town) -> None:
    with town.context.store.write() as connection:
        connection.execute(update(admin_operations).values(state="final"))
    frozen, put_off = town.member(), town.member("b@example.com")
    for member in (frozen, put_off):
        town.purchase(member, 5_000)
    freeze(town.context, Actor.admin(), frozen, "lost")
    with town.context.store.write() as connection:
        waiting = {"not_before": town.clock() + timedelta(minutes=10), "skip_reason": 6}
        connection.execute(update(leaves).where(leaves.c.member_id == put_off, leaves.c.kind == 1).values(**waiting))
    page = page_of(town)
    assert "1 line waits for a person." in page
    assert "1 frozen member" in page
    assert "the merchant’s ceiling was reached in the contract" in page
    health = settlement_health(town.context, read_backlog(town.context.store, town.context.now))
    assert (health.backlog.held, health.backlog.deferred, health.frozen_members, health.is_well) == (1, 1, 1, False)


def test_awards_beyond_a_ceiling_and_refused_ceilings_are_told(waiting_town: Town) -> None:
    town = waiting_town
    town.purchase(town.member(), 100_000)
    with town.context.store.write() as connection:
        small = update(merchants).where(merchants.c.id == town.merchant_id)
        connection.execute(small.values(ceiling_points=10))
        connection.execute(update(admin_operations).values(state="failed", error="no"))
    town.clock.move(timedelta(days=15))
    page = page_of(town)
    assert "1 award of Marché Central is larger than its whole ceiling: 1,050 points." in page
    assert "The contract refused the last ceiling of Marché Central." in page


def test_the_embedded_chains_file_is_measured(town: Town) -> None:
    app = town.app(chain_size=lambda: ChainSize(12 * 2**30, is_advised_to_move=True))
    page = page_of(town, desk(town, "auditor", app))
    assert "12,582,912 kB" in page
    assert "plan the move to a node" in page
    assert "Its file" not in page_of(town, desk(town, "support"))
