"""A programme for the tests of the ledger: alice and charlie are merchants, the clock is moved by hand, keys are
real.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from ulid import ULID

from token_service.custody.accounts import new_account
from token_service.custody.key_ring import KeyRing, create_keys
from token_service.ledger import tables, views
from token_service.ledger.adjustments import adjust
from token_service.ledger.balances import get_balance
from token_service.ledger.context import Actor, Context, NewAccount
from token_service.ledger.due import run_due
from token_service.ledger.inputs import (
    NewAdjustment,
    NewIssuance,
    NewMember,
    NewMerchant,
    NewProgram,
    NewPurchase,
    NewRedemption,
    NewRefund,
    NewRefundItem,
    NewReversal,
)
from token_service.ledger.issuances import issue, reverse_issuance
from token_service.ledger.members import enrol
from token_service.ledger.merchants import create_merchant
from token_service.ledger.program_setup import create_program, set_contract
from token_service.ledger.purchases import record_purchase
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.redemptions import redeem, restore
from token_service.ledger.refunds import refund_purchase
from token_service.ledger.rulesets import accept_published
from token_service.ledger.settlement_tables import batches, leaves
from token_service.ledger.statements import list_entries
from token_service.ledger.store import Store

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
CHAIN_ID = 424_242
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ADMIN = Actor.admin("alma")
DAY = timedelta(days=1)

PLAIN = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning: [{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]
"""
"""One point for each euro paid; no window, no expiry."""


TIERS = (
    "{qualify_by: spend, window: {kind: rolling, period: P12M}, "
    "levels: [{id: bronze, from: 0}, {id: gold, from: 5000, multiplier_percent: 200}]}"
)
"""Gold doubles; it starts at 50.00 EUR in twelve months."""


def rules(**parts: str) -> str:
    """The plain ruleset with more keys, each given as YAML."""
    return PLAIN + "".join(f"{key}: {value}\n" for key, value in parts.items())


@dataclass
class Clock:
    """Stands still until moved."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Town:
    """A programme with its merchants, and short words for what they do. References are made up unless given."""

    context: Context
    clock: Clock
    keys: KeyRing
    alice: Actor
    charlie: Actor
    _numbers: Any = field(default_factory=itertools.count)

    def reference(self) -> str:
        return f"ref-{next(self._numbers)}"

    def member(self, actor: Actor | None = None) -> str:
        return enrol(self.context, actor or self.alice, NewMember(external_id=self.reference())).member.id

    def new_purchase(self, member_id: str | None, total: int, **more: Any) -> NewPurchase:
        given = {"reference": self.reference(), "occurred_at": self.clock.at, "total": total, "member_id": member_id}
        return NewPurchase(**(given | more))

    def buy(
        self, member_id: str | None, total: int, *, actor: Actor | None = None, **more: Any
    ) -> views.Outcome[views.Purchase]:
        return record_purchase(self.context, actor or self.alice, self.new_purchase(member_id, total, **more))

    def refund(self, purchase_id: str, amount: int | None = None, **more: Any) -> views.Outcome[views.Refund]:
        items = tuple(NewRefundItem(*item) for item in more.pop("items", ()))
        new = NewRefund(**({"reference": self.reference(), "amount": amount, "items": items} | more))
        return refund_purchase(self.context, self.alice, purchase_id, new)

    def issue(
        self, member_id: str, points: int, *, actor: Actor | None = None, **more: Any
    ) -> views.Outcome[views.Issuance]:
        new = NewIssuance(
            **({"reference": self.reference(), "reason": "a gesture"} | more), member_id=member_id, points=points
        )
        return issue(self.context, actor or self.alice, new)

    def reverse(self, issuance_id: str, points: int | None = None, **more: Any) -> views.Outcome[views.Reversal]:
        new = NewReversal(**({"reference": self.reference(), "points": points} | more))
        return reverse_issuance(self.context, self.alice, issuance_id, new)

    def redeem(self, member_id: str, points: int | None, **more: Any) -> views.Outcome[views.Redemption]:
        actor = more.pop("actor", self.alice)
        new = NewRedemption(**({"reference": self.reference(), "points": points} | more), member_id=member_id)
        return redeem(self.context, actor, new)

    def restore(self, redemption_id: str, points: int | None = None, **more: Any) -> views.Outcome[views.Reversal]:
        actor = more.pop("actor", self.alice)
        new = NewReversal(**({"reference": self.reference(), "points": points} | more))
        return restore(self.context, actor, redemption_id, new)

    def adjust(self, member_id: str, points: int, **more: Any) -> views.Outcome[views.Adjustment]:
        new = NewAdjustment(
            **({"reference": self.reference(), "reason": "a mistake"} | more), member_id=member_id, points=points
        )
        return adjust(self.context, ADMIN, new)

    def balance(self, member_id: str) -> views.Balance:
        return get_balance(self.context, ADMIN, member_id)

    def statement(self, member_id: str) -> tuple[views.EntryView, ...]:
        return list_entries(self.context, ADMIN, member_id, limit=100, newest_first=False).data

    def moves(self, member_id: str) -> list[tuple[str, int]]:
        """Kind and signed points of every entry, oldest first."""
        return [(entry.kind, entry.points) for entry in self.statement(member_id)]

    def pass_time(self, by: timedelta) -> views.DueReport:
        self.clock.forward(by)
        return run_due(self.context)

    def settle_all(self) -> None:
        """Marks every leaf as final, mined now: what settlement does, for tests that only need its result."""
        with self.context.store.write() as connection:
            count = connection.execute(select(leaves.c.seq).where(leaves.c.state == "accepted")).all()
            batch = connection.execute(
                batches.insert().values(
                    operator=CONTRACT,
                    seq=next(self._numbers) + 1,
                    ruleset_hash="0x" + "00" * 32,
                    receipts_root="0x" + "00" * 32,
                    word_count=len(count),
                    leaf_count=len(count),
                    state="final",
                    created_at=self.clock.at,
                    block_time=self.clock.at,
                    block_number=1,
                )
            )
            for position, row in enumerate(count):
                values = {"state": "final", "batch_id": batch.inserted_primary_key[0], "position": position}
                connection.execute(update(leaves).where(leaves.c.seq == row.seq).values(**values))

    def check(self) -> None:
        """What always holds (DESIGN §3): figures add up, statements sum to balances, the cache equals the sources."""
        assert check_rebuild(self.context) == []
        with self.context.store.read() as connection:
            ids = connection.execute(select(tables.members.c.id)).scalars().all()
        for member_id in ids:
            balance, entries = self.balance(member_id), self.statement(member_id)
            assert balance.available + balance.held == sum(entry.points for entry in entries)
            assert not entries or entries[-1].balance_after == balance.available + balance.held


Make = Callable[..., Town]
"""`make(ruleset)` of conftest.py."""


def make_town(store: Store, keys_folder: Path, document: str = PLAIN, **ceiling: int) -> Town:
    """A new programme in a migrated database."""
    keys, clock = create_keys(keys_folder), Clock()
    context = make_context(store, keys, clock)
    create_program(context, NewProgram(CHAIN_ID, keys.promise_address, True, 0, document))
    set_contract(context, address=CONTRACT, deployed_at_block=1, genesis_hash="0x" + "11" * 32)
    alice = create_merchant(context, ADMIN, NewMerchant("Alice", **ceiling))
    charlie = create_merchant(context, ADMIN, NewMerchant("Charlie", **ceiling))
    return Town(context, clock, keys, Actor.merchant(alice.id), Actor.merchant(charlie.id))


def make_context(store: Store, keys: KeyRing, clock: Any) -> Context:
    """The ledger's context with real keys."""
    salts, sealing_public = keys.salt_box(), keys.sealing_public()

    def fresh_account() -> NewAccount:
        account = new_account(sealing_public)
        return NewAccount(account.address, account.sealed_key, salts.seal(os.urandom(32)))

    return Context(
        store=store,
        now=clock,
        new_id=lambda prefix: f"{prefix}_{ULID()}",
        random_bytes=os.urandom,
        promise_signer=keys.promise_signer(),
        salts=salts,
        new_account=fresh_account,
    )


def accept_by_chain(town: Town, ruleset_hash: str) -> None:
    """What the worker writes when it reads that the contract published the ruleset."""
    with town.context.store.write() as connection:
        row = connection.execute(select(tables.rulesets).where(tables.rulesets.c.hash == ruleset_hash)).one()
        accept_published(connection, ruleset_hash, effective_at=row.effective_at, published_at=town.clock())
