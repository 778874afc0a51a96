"""What must hold of a ledger at any time, added up from what was recorded: operations and what each keeps, never from the
counters that the ledger itself looks at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ledger_town import Town
from lifecycle_rules import (
    BUDGETS,
    FRIENDS,
    INVITED,
    MEMBER_DAY,
    MERCHANT_DAY,
    OFTEN_EVERY,
    OFTEN_TIMES,
    ORDER,
    PROGRAM_DAY,
    STORE_DAY,
    VELOCITY,
    VELOCITY_EVERY,
)
from sqlalchemy import func, select

from token_service.ledger import tables
from token_service.ledger.notice_tables import notices
from token_service.program.durations import add
from token_service.program.notices import CHANGED, DOWNGRADED, UPGRADED
from token_service.units import EntryKind

ZONE = "Europe/Paris"
POINT_CENTS = 10
DAYS = {"member": MEMBER_DAY, "store": STORE_DAY, "merchant": MERCHANT_DAY, "programme": PROGRAM_DAY}


class Kept(NamedTuple):
    """One purchase or event with what it keeps now."""

    id: str
    kind: str
    event: str | None
    member: str
    merchant: str
    store: str | None
    at: datetime
    date: str
    kept: int
    awarded: int
    is_whole: bool
    """Nothing of it was given back."""
    given: Mapping[str, int]
    """By rule and campaign, what the breakdown says was given at first, what a limit of theirs took away included."""


def all_kept(town: Town, owners: dict[str, str]) -> list[Kept]:
    """Every purchase and event. `owners` knows, and learns, whose it was first: after a merge it counts for another account."""
    kept, done = tables.purchases.c, tables.operations.c
    columns = (kept.local_date, kept.kept, kept.awarded, done.result)
    query = select(done.id, done.kind, done.facts, done.member_id, done.merchant_id, done.store_id, done.occurred_at)
    query = query.add_columns(*columns).join(tables.purchases, done.id == kept.operation_id)
    with town.context.store.read() as connection:
        rows = connection.execute(query).all()
        back = set(connection.execute(select(done.parent_id).where(done.kind.in_(("refund", "reversal")))).scalars())
    return [
        Kept(
            row.id,
            row.kind,
            row.facts.get("event"),
            owners.setdefault(row.id, row.member_id),
            row.merchant_id,
            row.store_id,
            row.occurred_at,
            row.local_date,
            row.kept,
            row.awarded,
            row.id not in back,
            _given(row.result["breakdown"]),
        )
        for row in rows
    ]


def _given(breakdown: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    given: Counter[str] = Counter()
    for line in breakdown:
        given[line["rule"].removeprefix("limit:campaign:").removeprefix("limit:earning:")] += line["points"]
    return dict(given)


def check_days(everything: Collection[Kept]) -> None:
    """No order, and no day of a member, a store, a merchant or the programme gives more than it may."""
    sums: dict[str, Counter[Any]] = defaultdict(Counter)
    for one in everything:
        assert 0 <= one.kept <= one.awarded, one
        assert one.kind != "purchase" or one.awarded <= ORDER, one
        sums["member"][one.member, one.date] += one.kept
        sums["programme"][one.date] += one.kept
        if one.store is not None:
            sums["store"][one.store, one.date] += one.kept
        if not (one.event or "").startswith("member."):  # what the programme gives on its own account is no merchant's
            sums["merchant"][one.merchant, one.date] += one.kept
    for whose, most in DAYS.items():
        assert max(sums[whose].values(), default=0) <= most, (whose, sums[whose])


def check_stretches(everything: Collection[Kept], uses: Mapping[str, int]) -> None:
    """In no stretch of time has a member a campaign more often, or earns by more purchases, than the rules say."""
    often, earning = defaultdict(list), defaultdict(list)
    for one in everything:
        if one.kind == "purchase" and one.kept:
            earning[one.member].append(one.at)
            if uses.get(f"{one.id}/often", 0):
                often[one.member].append(one.at)
    for most, every, found in ((OFTEN_TIMES, OFTEN_EVERY, often), (VELOCITY, VELOCITY_EVERY, earning)):
        for times in found.values():
            times.sort()
            for first, last in zip(times, times[most:], strict=False):
                assert last >= add(first, every, ZONE), f"{most + 1} times from {first} to {last}"


def check_notices(town: Town) -> None:
    """Each change of level was told exactly once, and nothing else as one."""
    columns, facts = notices.c, tables.facts.c
    query = select(columns.member_id, columns.cause).where(columns.kind.in_((UPGRADED, DOWNGRADED, CHANGED)))
    changes = select(facts.member_id, facts.id).where(facts.kind == "tier")
    with town.context.store.read() as connection:
        told = sorted(connection.execute(query).all())
        assert told == sorted(connection.execute(changes).all())


def check_budgets(everything: Collection[Kept], uses: Mapping[str, int]) -> None:
    """No budget gave more than it had, in points or in money; what is counted against one was given, and the other way round."""
    spent: Counter[str] = Counter()
    friends: Counter[str] = Counter()
    for one in everything:
        for rule in (*BUDGETS, "invited"):
            use, given = uses.get(f"{one.id}/{rule}", 0), max(0, one.given.get(rule, 0))
            assert use == given if one.is_whole else use <= given, (one, rule, use)
            spent[rule] += use
        if one.event == "member.referred" and one.kept:
            friends[one.member] += 1
    assert all(spent[name] <= most for name, most in BUDGETS.items()), spent
    assert spent["invited"] * POINT_CENTS <= INVITED, spent
    assert max(friends.values(), default=0) <= FRIENDS, friends


def used_of_each(town: Town) -> dict[str, int]:
    """Points that operations hold of limited campaigns and rules, by `operation/campaign`."""
    columns = tables.campaign_uses.c
    with town.context.store.read() as connection:
        return {row.id: row.points for row in connection.execute(select(columns.id, columns.points))}


def pieces_gone(town: Town) -> int:
    """How many pieces of the reward were bought and have not come back."""
    done = tables.operations.c
    with town.context.store.read() as connection:
        rows = connection.execute(select(done.id, done.facts).where(done.kind == "redemption")).all()
        back: Counter[str] = Counter()
        for row in connection.execute(select(done.parent_id, done.facts).where(done.kind == "restoration")):
            back[row.parent_id] += row.facts["points"]
    return sum(1 for row in rows if row.facts.get("reward_id") and back[row.id] < row.facts["points"])


def donated(town: Town) -> int:
    """The sum of what members gave."""
    entries = tables.entries.c
    query = select(func.coalesce(func.sum(entries.points), 0)).where(entries.kind == EntryKind.DONATION)
    with town.context.store.read() as connection:
        return -int(connection.execute(query).scalar_one())
