"""The past that `make bench` fills a ledger with is one that the ledger's own queries understand."""

from __future__ import annotations

from types import SimpleNamespace

from databases import PostgreSQL
from ledger_town import ADMIN, make_town
from sqlalchemy import func, select

from scripts.bench.flat import Size, fill
from token_service.ledger.balances import get_balance
from token_service.ledger.program_setup import get_books
from token_service.ledger.settlement_tables import batches, leaves
from token_service.ledger.statements import list_entries
from token_service.ledger.store import open_store
from token_service.migrations import upgrade


def test_it_is_members_with_final_entries_in_whole_batches(postgresql: PostgreSQL, keys_folder) -> None:  # type: ignore[no-untyped-def]
    store = open_store(postgresql.new_database())
    upgrade(store.engine)
    town = make_town(store, keys_folder)
    fill(SimpleNamespace(application=SimpleNamespace(store=store), merchant=town.alice), Size(1_200, 300))
    member = "mem_past7"
    assert get_balance(town.context, ADMIN, member).available == 4
    assert [entry.settlement.state for entry in list_entries(town.context, ADMIN, member).data] == ["final"] * 4
    assert get_books(town.context).totals.outstanding == 1_200
    with store.read() as connection:
        of_batches = select(batches.c.leaf_count, func.count(leaves.c.id)).join(
            leaves, leaves.c.batch_id == batches.c.id
        )
        assert sorted(count for _, count in connection.execute(of_batches.group_by(batches.c.id))) == [200, 500, 500]
    store.dispose()
