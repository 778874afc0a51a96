"""A ledger set back to an earlier copy is what it was once the gap's batches are written into it: any history, both databases."""

from __future__ import annotations

import base64
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from benefit_history import BenefitHistory
from ledger_town import ADMIN, CHAIN_ID, CONTRACT, TIERS, Make, Town, rules
from sqlalchemy import make_url, select

from token_service.chain.settlement.ordering import arrange
from token_service.errors import CallerError, ReferencesUnknown
from token_service.ledger import tables, unknown_references
from token_service.ledger.campaign_uses import rebuild_budgets, used_points
from token_service.ledger.causes import create_cause
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.donations import donate
from token_service.ledger.events import reverse_event, send_event
from token_service.ledger.holds import capture, hold, release
from token_service.ledger.inputs import (
    NewCapture,
    NewDonation,
    NewEvent,
    NewHold,
    NewItem,
    NewMembership,
    NewOrder,
    NewReversal,
    NewVoucherUse,
)
from token_service.ledger.memberships import refund_membership, sell_membership
from token_service.ledger.merge_tables import member_moves
from token_service.ledger.merging import merge_members
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.repair_tables import repairs, unopened_leaves
from token_service.ledger.repairing.gap import ClosedLeaf, GapBatch, OpenedLeaf
from token_service.ledger.repairing.judging import Judge
from token_service.ledger.repairing.writing import write_batch
from token_service.ledger.segments import set_segments
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.store import Store, open_store
from token_service.ledger.transaction import read, write
from token_service.ledger.vouchers import list_vouchers, use_voucher
from token_service.protocol.hashing import to_hex
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf, computed_root
from token_service.protocol.receipts import Leaf
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind

OPERATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
CAMPAIGNS = (
    "[{id: often, award: {points: 9}, limits: {per_member: {times: 2, every: P3D}}}, "
    "{id: scarce, award: {multiplier_percent: 150}, limits: {budget_points: 120}}, "
    "{id: known, when: '\"press\" in member.segments', award: {points: 3}}, "
    "{id: open, when: member.purchases > 1, award: {benefit: lounge}, limits: {per_member: {times: 3, every: P5D}}}]"
)
EVENTS = """
  - {id: review, kind: event, event: review.written, points: 6, limits: {per_member: {times: 2, every: P5D}, budget_points: 90}}
  - {id: box, kind: subscription, points: 11}
"""
CHALLENGES = """
  - {id: card, count: {kind: items, categories: [coffee]}, target: 4, repeat: always, award: {reward: coffee}}
  - {id: week, count: {kind: orders}, target: 2, period: week, repeat: always, award: {points: 13}}
  - {id: critic, count: {kind: events, event: review.written}, target: 2, award: {badge: true}}
"""
MEMBERSHIPS = (
    "[{id: club, price: 900, period: P8D, grace: P2D, points: 5, multiplier_percent: 120, benefits: [{id: lounge, times: 2}]}, "
    "{id: press, price: 1, period: P1M}]"
)
REWARDS = """
  - {id: coffee, kind: discount, points: 40, points_by_level: {gold: 30}, discount: {percent: 10}}
  - {id: cup, kind: discount, points: 12, discount: {amount: 200}, categories: [coffee], segments: [press, regulars]}
"""
WHOLE = (
    rules(
        challenges=CHALLENGES,
        memberships=MEMBERSHIPS,
        rewards=REWARDS,
        segments="[{id: press}, {id: regulars}]",
        tiers=TIERS,
        expiry="{kind: inactivity, period: P60D}",
        return_window="P5D",
        campaigns=CAMPAIGNS,
        limits="{per_merchant_day_points: 300, program_day_points: 400, velocity: {purchases: 5, every: P2D}}",
    )
    .replace("rounding: floor}]", "rounding: floor}" + EVENTS)
    .replace("earning: [{", "earning:\n  - {")
)
STEPS = 45


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


class History:
    """Everything that members and merchants can do, drawn by one number; what is refused is left out."""

    def __init__(self, town: Town, luck: random.Random) -> None:
        self.town, self.luck = town, luck
        self.members = [town.member() for _ in range(5)]
        self.purchases: list[str] = []
        self.issuances: list[str] = []
        self.redemptions: list[str] = []
        self.events: list[str] = []
        self.joined: list[str] = []
        self.holds: list[str] = []
        self.benefits = BenefitHistory(town, luck, self.members)
        self.cause = create_cause(town.context, ADMIN, "Refuge").id

    def run(self, steps: int) -> None:
        ways = [self.buy] * 4 + [
            self.refund,
            self.issue,
            self.reverse,
            self.redeem,
            self.redeem,
            self.restore,
            self.adjust,
            self.wait,
            self.send,
            self.send,
            self.take_back,
            self.use_voucher,
            self.give,
            self.join,
            self.leave,
            self.hold,
            self.end_hold,
            self.donate,
            self.close,
            self.reopen,
            self.merge,
            self.label,
            self.benefits.act,
        ]
        for _ in range(steps):
            try:
                self.luck.choice(ways)()
            except CallerError:
                continue
            except (IndexError, StopIteration):  # nothing to take back, or to use, yet
                continue

    def close(self) -> None:
        forfeit = self.luck.random() < 0.7
        close_member(self.town.context, ADMIN, self.luck.choice(self.members), "asked to", forfeit=forfeit)

    def merge(self) -> None:
        """Two of the accounts are the same person's; nobody new joins, whom an older copy would not know."""
        if len(self.members) > 2 and self.luck.random() < 0.5:
            member, into = self.luck.sample(self.members, 2)
            merge_members(self.town.context, ADMIN, member, into, "the same person")
            self.members.remove(member)

    def label(self) -> None:
        segments = self.luck.sample(["press", "regulars"], self.luck.randrange(3))
        set_segments(self.town.context, ADMIN, self.luck.choice(self.members), segments)

    def reopen(self) -> None:
        for member in self.members:
            reopen_member(self.town.context, ADMIN, member, "came back")

    def buy(self) -> None:
        total, pieces = self.luck.randint(0, 9_000), self.luck.randint(0, 3)
        items = (NewItem(line=1, amount=total, category="coffee", quantity=pieces),) if pieces else ()
        self.purchases.append(self.town.buy(self.luck.choice(self.members), total, items=items).value.id)

    def send(self) -> None:
        type_, subject = (
            self.luck.choice(["review.written", "subscription.paid", "door.opened"]),
            self.luck.choice("abc"),
        )
        new = NewEvent(
            self.town.reference(), type_, self.town.clock.at, self.luck.choice(self.members), subject=subject
        )
        self.events.append(send_event(self.town.context, self.town.alice, new).value.id)

    def join(self) -> None:
        new = NewMembership(self.town.reference(), self.luck.choice(["club", "press"]), self.luck.choice(self.members))
        self.joined.append(sell_membership(self.town.context, self.town.alice, new).value.id)

    def leave(self) -> None:
        new = NewReversal(self.town.reference())
        refund_membership(self.town.context, self.town.alice, self.luck.choice(self.joined), new)

    def use_voucher(self) -> None:
        found = list_vouchers(self.town.context, Actor.member(self.luck.choice(self.members)))
        code = next(one.code for one in found if one.code is not None)
        order = self.luck.choice([None, NewOrder(self.luck.randint(0, 5_000))])
        use_voucher(self.town.context, self.town.alice, NewVoucherUse(self.town.reference(), code, order=order))

    def give(self) -> None:
        """A reward at the till, for an order."""
        amount = self.luck.randint(0, 3_000)
        order = NewOrder(amount, items=(NewItem(line=1, amount=amount, category="coffee"),))
        reward = self.luck.choice(["coffee", "cup"])
        self.redemptions.append(
            self.town.redeem(self.luck.choice(self.members), None, reward_id=reward, order=order).value.id
        )

    def hold(self) -> None:
        lasting = timedelta(hours=self.luck.choice([1, 30, 160]))
        new = NewHold(self.town.reference(), self.luck.choice(self.members), self.luck.randint(1, 60), lasting)
        self.holds.append(hold(self.town.context, self.town.alice, new).value.id)

    def donate(self) -> None:
        points = self.luck.randint(1, 30)
        new = NewDonation(self.town.reference(), self.luck.choice(self.members), points, self.cause)
        donate(self.town.context, self.town.alice, new)

    def end_hold(self) -> None:
        held = self.luck.choice(self.holds)
        if self.luck.random() < 0.3:
            release(self.town.context, self.town.alice, held)
        else:
            new = NewCapture(self.luck.choice([None, self.luck.randint(1, 40)]))
            self.redemptions.append(capture(self.town.context, self.town.alice, held, new).value.id)

    def take_back(self) -> None:
        new = NewReversal(self.town.reference())
        reverse_event(self.town.context, self.town.alice, self.luck.choice(self.events), new)

    def refund(self) -> None:
        self.town.refund(self.luck.choice(self.purchases), self.luck.randint(1, 4_000))

    def issue(self) -> None:
        self.issuances.append(self.town.issue(self.luck.choice(self.members), self.luck.randint(1, 90)).value.id)

    def reverse(self) -> None:
        self.town.reverse(self.luck.choice(self.issuances), self.luck.choice([None, 5]))

    def redeem(self) -> None:
        self.redemptions.append(self.town.redeem(self.luck.choice(self.members), self.luck.randint(1, 60)).value.id)

    def restore(self) -> None:
        self.town.restore(self.luck.choice(self.redemptions), self.luck.choice([None, 3]))

    def adjust(self) -> None:
        self.town.adjust(self.luck.choice(self.members), self.luck.choice([-30, -7, 8, 25]))

    def wait(self) -> None:
        self.town.pass_time(timedelta(hours=self.luck.choice([2, 30, 130, 24 * 61])))


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
    return [
        [town.balance(member) for member in members],
        [
            [(entry.id, entry.kind, entry.points, entry.balance_after) for entry in town.statement(member)]
            for member in members
        ],
        [tuple(row) for row in lots],
        sorted((row.reference, sorted(row.facts.get("order", {}).items()), row.facts.get("discount")) for row in spent),
        [tuple(row) for row in used],
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
