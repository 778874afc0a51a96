"""What tills and members do meanwhile: entries and facts that the ledger could accept, written with their leaves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from keys import member_address
from sqlalchemy import insert, select, update
from template import MEMBERS, RULESET, member_id
from world import World

from token_service.ledger.settlement_tables import leaves
from token_service.ledger.tables import entries, facts, members
from token_service.protocol.hashing import text_hash
from token_service.units import EntryKind

DEBITS = (EntryKind.REDEMPTION, EntryKind.EXPIRY, EntryKind.REVERSAL, EntryKind.DONATION, EntryKind.ADJUSTMENT_DOWN)


@dataclass
class Tills:
    """`points` is what each member has; `taken` what was redeemed or donated and may be restored."""

    world: World
    points: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    taken: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    recorded: list[str] = field(default_factory=list)

    def record_some(self) -> None:
        for _ in range(self.world.dice.randint(1, 3)):
            self._record(self.world.dice.randrange(MEMBERS))

    def _record(self, number: int) -> None:
        dice, points, taken = self.world.dice, self.points[number], self.taken[number]
        chance = dice.random()
        if chance < 0.15:
            self._write(number, EntryKind.FACT, 0, 0)
        elif chance < 0.45 and points:
            kind, amount = dice.choice(DEBITS), dice.randint(1, points)
            self.taken[number] += amount if kind in (EntryKind.REDEMPTION, EntryKind.DONATION) else 0
            self._write(number, kind, amount, dice.choice((1, 2)))
        elif chance < 0.55 and taken:
            amount = dice.randint(1, taken)
            self.taken[number] -= amount
            self._write(number, EntryKind.RESTORATION, amount, 1)
        else:
            kind = dice.choice((EntryKind.ISSUANCE, EntryKind.ISSUANCE, EntryKind.ADJUSTMENT_UP))
            self._write(number, kind, dice.randint(1, 99), dice.choice((1, 2)))

    def _write(self, number: int, kind: EntryKind, amount: int, party: int) -> None:
        world, now = self.world, self.world.now()
        self.points[number] += kind.sign * amount
        leaf_id = world.new_id("fct" if kind is EntryKind.FACT else "ent")
        member = member_id(number)
        row = {"id": leaf_id, "member_id": member, "detail": "{}", "occurred_at": now, "recorded_at": now}
        with world.store.write() as connection:
            if kind is EntryKind.FACT:
                connection.execute(insert(facts).values(kind="purchase", **row))
            else:
                numbers = {"points": kind.sign * amount, "balance_after": self.points[number]}
                more = {"kind": int(kind), "party": party, "ruleset_hash": RULESET}
                connection.execute(insert(entries).values(**row, **numbers, **more))
                mine = update(members).where(members.c.id == member)
                connection.execute(mine.values(available=self.points[number]))
            lane = connection.execute(select(members.c.lane).where(members.c.id == member)).scalar_one()
            connection.execute(
                insert(leaves).values(
                    id=leaf_id,
                    member_id=member,
                    lane=lane,
                    account=member_address(number),
                    kind=int(kind),
                    party=party,
                    amount=amount,
                    commitment=text_hash(leaf_id),
                    recorded_at=now,
                    settle_by=now + timedelta(hours=1),
                    promise="0x",
                    state="accepted",
                )
            )
        self.recorded.append(leaf_id)
