"""A merchant that polls for notices does not walk through those of all other merchants' members."""

from __future__ import annotations

from typing import Any

import pytest
from ledger_town import ADMIN, START, TIERS, Make, Town, rules
from sqlalchemy import event, insert, select, text

from token_service.ledger import notice_lists
from token_service.ledger.notice_lists import list_notices
from token_service.ledger.notice_tables import notices
from token_service.ledger.tables import members

COUNT = 6_000


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(tiers=TIERS))


def add(town: Town, first: int, member_ids: list[str], count: int) -> None:
    """So many notices, to these in turn."""
    given = {"kind": "tier.upgraded", "created_at": START, "data": {}}
    rows = [
        {"seq": n, "id": f"ntc_{n}", "cause": f"{n}", "member_id": member_ids[n % len(member_ids)]} | given
        for n in range(first, first + count)
    ]
    with town.context.store.write() as connection:
        connection.execute(insert(notices), rows)


def test_others_notices_behind_the_last_one_are_not_walked_through(town: Town) -> None:
    own, foreign = town.member(), town.member(town.charlie)
    with town.context.store.write() as connection:
        one = dict(connection.execute(select(members).where(members.c.id == foreign)).mappings().one())
        many = [one | {"id": f"mem_{n:05}", "address": f"0x{n:040}"} for n in range(COUNT)]
        connection.execute(insert(members), many)
    add(town, 1, [own], 1)
    add(town, 2, [row["id"] for row in many], COUNT)
    add(town, COUNT + 2, [own], 3)
    with town.context.store.ask() as connection:
        connection.execute(text("analyze"))
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "FROM notices JOIN members" in statement:
            asked.append((statement, values))

    event.listen(town.context.store.engine, "before_cursor_execute", note)
    found = list_notices(town.context, town.alice, after="ntc_1").data
    event.remove(town.context.store.engine, "before_cursor_execute", note)
    assert [one.id for one in found] == [f"ntc_{COUNT + n}" for n in (2, 3, 4)]
    near, rest = asked
    with town.context.store.ask() as connection:
        explain = "explain query plan " if town.context.store.is_sqlite else "explain "
        plan = str(connection.exec_driver_sql(explain + rest[0], rest[1]).all())
    assert "ix_notices_member_seq" in plan, plan
    assert near != rest


@pytest.mark.parametrize("merchant", ["alice", "charlie", None])
def test_a_page_is_the_same_however_it_is_found(
    town: Town, monkeypatch: pytest.MonkeyPatch, merchant: str | None
) -> None:
    own, foreign = [town.member() for _ in range(2)], [town.member(town.charlie) for _ in range(9)]
    add(town, 1, own + foreign, 60)
    actor = ADMIN if merchant is None else getattr(town, merchant)

    def pages(limit: int) -> list[str]:
        found: list[str] = []
        page = list_notices(town.context, actor, after="ntc_4", limit=limit)
        found += [one.id for one in page.data]
        while page.next_cursor is not None:
            page = list_notices(town.context, actor, after="ntc_4", limit=limit, cursor=page.next_cursor)
            found += [one.id for one in page.data]
        return found

    whole = pages(100)
    assert len(whole) == {"alice": 10, "charlie": 46, None: 56}[merchant]
    monkeypatch.setattr(notice_lists, "WALKED", 5)
    assert pages(3) == whole
    assert pages(100) == whole
