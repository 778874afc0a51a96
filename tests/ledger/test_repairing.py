"""A ledger set back to an earlier copy is what it was once the gap's batches are written into it: any history, both databases."""

from __future__ import annotations

import base64
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from ledger_town import CHAIN_ID, CONTRACT, Make, Town
from random_history import STEPS, WHOLE, History
from sqlalchemy import make_url, select

from token_service.chain.settlement.ordering import arrange
from token_service.errors import ReferencesUnknown
from token_service.ledger import tables, unknown_references
from token_service.ledger.campaign_uses import rebuild_budgets, used_points
from token_service.ledger.merge_tables import member_moves
from token_service.ledger.notice_tables import notices
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.repair_tables import repairs, unopened_leaves
from token_service.ledger.repairing.gap import ClosedLeaf, GapBatch, OpenedLeaf
from token_service.ledger.repairing.judging import Judge
from token_service.ledger.repairing.writing import write_batch
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.store import Store, open_store
from token_service.ledger.transaction import read, write
from token_service.program.notices import DOWNGRADED, UPGRADED
from token_service.protocol.hashing import to_hex
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf, computed_root
from token_service.protocol.receipts import Leaf
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind

OPERATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture
def copied(request: pytest.FixtureRequest) -> Iterator[Callable[[Store], Store]]:
    """A store on a copy of a store's database as it is now."""
    made: list[Store] = []

    def copy(store: Store) -> Store:
        url = store.engine.url
        if store.is_sqlite:
            path = f"{url.database}.copy"
            with sqlite3.connect(str(url.database)) as source, sqlite3.connect(path) as target:
                source.backup(target)
            made.append(open_store(url.set(database=path).render_as_string(hide_password=False)))
        else:
            store.dispose()
            new = request.getfixturevalue("postgresql").new_database(template=make_url(url).database)
            made.append(open_store(new))
        return made[-1]

    yield copy
    for store in made:
        store.dispose()
        if not store.is_sqlite:
            request.getfixturevalue("postgresql").drop(store.engine.url.render_as_string(hide_password=False))


def gap_of(town: Town, luck: random.Random) -> list[GapBatch]:
    """All leaves of the full ledger in batches, as the chain and the receipt files would tell of them."""
    with town.context.store.read() as connection:
        rows = list(connection.execute(select(leaves).order_by(leaves.c.seq)))
        details: dict[str, str] = {}
        for table in (tables.entries, tables.facts):
            details |= {row.id: row.detail for row in connection.execute(select(table.c.id, table.c.detail))}
        keys = {row.id: row.sealed_salt_key for row in connection.execute(select(tables.members))}
        waits = set(connection.execute(select(member_moves.c.in_leaf_seq)).scalars())  # behind another account's batch
    found = []
    while rows:
        count = luck.randint(1, 12)
        count = next((place for place, row in enumerate(rows[:count]) if place and row.seq in waits), count)
        found.append(_batch(town, arrange(rows[:count]), details, keys, seq=len(found) + 1))
        rows = rows[count:]
    return found


def _batch(town: Town, rows: list[Any], details: dict[str, str], keys: dict[str, bytes], *, seq: int) -> GapBatch:
    filed = []
    for index, row in enumerate(rows):
        shared = (CHAIN_ID, CONTRACT, OPERATOR, seq, index)
        leaf = Leaf(*shared, row.account, row.kind, row.party, row.amount, row.commitment)
        box = town.keys.salt_box().seal_opening(keys[row.member_id], row.id, details[row.id].encode())
        assert box is not None
        filed.append(FiledLeaf(leaf, row.id, base64.b64encode(box).decode()))
    words = tuple(EntryWord(row.account, row.kind, row.party, row.amount) for row in rows if row.kind != EntryKind.FACT)
    root = computed_root(filed)
    ruleset = town.context.store.transact(
        lambda connection: connection.execute(select(tables.rulesets.c.hash)).scalars().first()
    )
    at = datetime.fromtimestamp(town.clock.at.timestamp(), UTC)
    return GapBatch(
        operator=OPERATOR,
        seq=seq,
        ruleset_hash=str(ruleset),
        receipts_root=root,
        minted=0,
        burned=0,
        block_number=seq,
        block_hash=to_hex(seq.to_bytes(32)),
        block_time=at,
        transaction_hash=to_hex((1000 + seq).to_bytes(32)),
        nonce=seq,
        to=CONTRACT,
        data=b"",
        gas=21_000,
        gas_used=21_000,
        fee_gwei=None,
        words=words,
        skipped={},
        receipts=BatchReceipts(CHAIN_ID, CONTRACT, OPERATOR, seq, str(ruleset), root, len(words), tuple(filed)),
    )


def repaired(town: Town, store: Store, gap: list[GapBatch]) -> tuple[Town, list[OpenedLeaf], list[ClosedLeaf]]:
    """The copy after every batch, and what opened and what did not."""
    again = replace(town, context=replace(town.context, store=store))
    judge, opened, closed = Judge(again.context), [], []
    with store.write() as connection:
        connection.execute(repairs.insert().values(begun_at=town.clock.at, unknown_merchants=["*"]))
    for batch in gap:
        judged: list[Any] = []

        def work(tx: Any) -> None:
            judged[:] = judge.judged(tx.connection, batch)  # noqa: B023
            write_batch(tx, 1, batch, judged, 0)  # noqa: B023

        write(again.context, work)
        opened += [leaf for leaf in judged if isinstance(leaf, OpenedLeaf)]
        closed += [leaf for leaf in judged if isinstance(leaf, ClosedLeaf)]
    write(again.context, rebuild_budgets)  # what a repair does last (app/repairing.py)
    return again, opened, closed


def told(town: Town, members: list[str]) -> list[Any]:
    """What the ledger says of its members, with every date and lot."""
    with town.context.store.read() as connection:
        lots = connection.execute(
            select(tables.lots.c.entry_id, tables.lots.c.points_left, tables.lots.c.expires_at).order_by(
                tables.lots.c.entry_id
            )
        ).all()
        spent = connection.execute(select(tables.operations).where(tables.operations.c.kind == "redemption")).all()
        used = connection.execute(select(vouchers.c.id, vouchers.c.discount_cents).order_by(vouchers.c.id)).all()
        said = connection.execute(select(notices).where(notices.c.kind.in_((UPGRADED, DOWNGRADED)))).all()
    return [
        [town.balance(member) for member in members],
        [
            [(entry.id, entry.kind, entry.points, entry.balance_after) for entry in town.statement(member)]
            for member in members
        ],
        [tuple(row) for row in lots],
        sorted((row.reference, sorted(row.facts.get("order", {}).items()), row.facts.get("discount")) for row in spent),
        [tuple(row) for row in used],
        sorted((row.kind, row.cause, row.member_id, row.created_at, str(row.data)) for row in said),
        read(town.context, lambda tx: used_points(tx, ["often", "scarce"])),
    ]


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 60))])
def test_any_history_comes_back(make: Make, copied: Callable[[Store], Store], seed: int) -> None:
    town, luck = make(WHOLE), random.Random(seed)
    history = History(town, luck)
    history.run(luck.randint(0, STEPS))
    copy = copied(town.context.store)
    history.run(STEPS)
    again, opened, closed = repaired(town, copy, gap_of(town, luck))
    assert opened
    assert closed == []
    assert check_rebuild(again.context) == []
    assert told(again, history.members) == told(town, history.members)


def test_what_cannot_be_opened_is_listed_and_keeps_its_points(make: Make, copied: Callable[[Store], Store]) -> None:
    town = make(WHOLE)
    known = town.member()
    copy = copied(town.context.store)
    later = town.member()
    for member in (known, later):
        town.issue(member, 40)
    again, opened, closed = repaired(town, copy, gap_of(town, random.Random(1)))
    assert (len(opened), len(closed)) == (1, 1)
    with copy.read() as connection:
        (row,) = connection.execute(select(unopened_leaves)).all()
        balances = dict(connection.execute(select(tables.members.c.address, tables.members.c.available)).all())
    assert (row.amount, row.reason) == (40, "member")
    assert sorted(balances.values()) == [40, 40]
    assert balances[row.account] == 40
    assert check_rebuild(again.context) == []


def test_references_are_refused_while_the_gap_is_not_known(town: Town) -> None:
    member = town.member()
    with town.context.store.write() as connection:
        unknown_references.note_behind(connection)
    for refused in (
        lambda: town.buy(member, 1000),
        lambda: town.issue(member, 5),
        lambda: town.adjust(member, 5),
    ):
        with pytest.raises(ReferencesUnknown):
            refused()
    assert town.balance(member).available == 0
    with town.context.store.write() as connection:
        unknown_references.settle(connection)
    town.buy(member, 1000)
