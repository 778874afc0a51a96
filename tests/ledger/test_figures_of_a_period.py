"""What is asked of a period reads that period, however long the programme has run."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, START, Town
from sqlalchemy import Table, event, insert, select, text

from token_service.ledger import tables
from token_service.ledger.net_settlement import net_settlement
from token_service.ledger.period_figures import period_figures
from token_service.ledger.staff_tables import vouchers

COUNT = 4_000


@pytest.fixture
def old(town: Town) -> Town:
    """A programme that has recorded an entry each hour, and every fourth hour used a voucher, for half a year."""
    member = town.member()
    town.issue(member, 500)
    town.redeem(member, 100)
    with town.context.store.write() as connection:
        operation, entry, use = (
            dict(connection.execute(select(table).order_by(table.c.seq.desc()).limit(1)).mappings().one())
            for table in (tables.operations, tables.entries, tables.lot_uses)
        )
        kinds = (tables.operations, tables.entries, tables.lot_uses, vouchers)
        rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in kinds}
        for number in range(COUNT):
            at = START - timedelta(hours=COUNT - number)
            moved = {"seq": 100 + number, "recorded_at": at, "occurred_at": at}
            rows[tables.entries].append(entry | moved | {"id": f"ent_{number}", "operation_id": operation["id"]})
            rows[tables.lot_uses].append(use | {"seq": 100 + number, "entry_id": f"ent_{number}"})
            if number % 4 == 0:
                named = {"id": f"red_{number}", "reference": f"old/{number}"}
                rows[tables.operations].append(operation | moved | named)
                rows[tables.entries][-1]["operation_id"] = named["id"]
                used = {"used_at": at, "used_by_merchant_id": operation["merchant_id"], "used_reference": named["id"]}
                given = {"member_id": member, "reward_id": "x", "created_at": at}
                rows[vouchers].append(
                    {"id": f"vch_{number}", "operation_id": named["id"], "code_hash": f"{number}"} | given | used
                )
        for table, many in rows.items():
            connection.execute(insert(table), many)
        if not town.context.store.is_sqlite:  # the server does so by and by
            connection.execute(text("select brin_summarize_new_values('ix_entries_recorded_at')"))
    with town.context.store.ask() as connection:
        connection.execute(text("analyze"))
    return town


def test_a_day_is_settled_and_a_month_is_told_without_reading_the_history_before(old: Town) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "entries.recorded_at >= " in statement or " vouchers.used_at >= " in statement:
            asked.append((statement, values))

    event.listen(old.context.store.engine, "before_cursor_execute", note)
    day = date(2026, 1, 5)
    (row,) = net_settlement(old.context, ADMIN, day, day).rows
    assert row.points == 6 * 100
    assert period_figures(old.context, 3).used == (2 * 24 + 10 + 1) * 100
    event.remove(old.context.store.engine, "before_cursor_execute", note)
    explain = "explain query plan " if old.context.store.is_sqlite else "explain "
    with old.context.store.ask() as connection:
        for statement, values in asked:
            plan = str(connection.exec_driver_sql(explain + statement, values).all())
            first = "ix_vouchers_used_at" if "vouchers.used_at" in statement else "ix_entries_recorded_at"
            assert first in plan, plan
            assert "SCAN entries" not in plan
            assert "Seq Scan on entries" not in plan
    assert {"entries.recorded_at" in statement for statement, _ in asked} == {True, False}
    assert len(asked) >= 4
