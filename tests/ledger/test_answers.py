"""What a use case answers from memory is what anybody reads afterwards: entries, promise, balance; a replay says it again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from ledger_town import DAY, TIERS, Make, Town, rules

from token_service.errors import CallerError, InvalidInput
from token_service.ledger import idempotency
from token_service.ledger.context import Context
from token_service.ledger.entry_views import entries_of, promises_of
from token_service.ledger.inputs import NewStore
from token_service.ledger.merchants import create_store
from token_service.ledger.purchases import record_purchase, record_purchases
from token_service.ledger.transaction import read
from token_service.ledger.views import BatchOutcome, Outcome

RULES = {
    "tiers": rules(tiers=TIERS, expiry="{kind: fixed, period: P20D}"),
    "window": rules(tiers=TIERS, return_window="P3D", accept_late="P5D", expiry="{kind: inactivity, period: P15D}"),
}
STEPS = 60


@dataclass
class Story:
    """A member's life at random; what was done is kept to be undone later."""

    town: Town
    chance: random.Random
    member: str = ""
    store: str = ""
    done: dict[str, list[str]] = field(default_factory=lambda: {"buy": [], "issue": [], "redeem": []})

    def next(self) -> tuple[str, Callable[[Town], Outcome[Any]]]:
        """Something to do, as often as one likes: its reference is fixed."""
        chance, reference, member = self.chance, self.town.reference(), self.member
        points = chance.randint(1, 60)
        doable = ["buy", "buy", "issue", "redeem", "adjust", *(f"un{kind}" for kind, ids in self.done.items() if ids)]
        kind = chance.choice(doable)
        if kind == "buy":
            store = chance.choice([None, self.store])
            at = self.town.clock.at - chance.choice([0, 0, 1, 2]) * DAY
            total = chance.randint(0, 4_000)
            more = {"reference": reference, "store_id": store, "occurred_at": at}
            return kind, lambda town: town.buy(member, total, **more)
        if kind == "adjust":
            signed = chance.choice([points, -points])
            return kind, lambda town: town.adjust(member, signed, reference=reference)
        if kind in ("issue", "redeem"):
            return kind, lambda town: getattr(town, kind)(member, points, reference=reference)
        of = chance.choice(self.done[kind[2:]])
        if kind == "unbuy":
            return kind, lambda town: town.refund(of, points * 20, reference=reference)
        part = chance.choice([None, points])
        undo = "reverse" if kind == "unissue" else "restore"
        return kind, lambda town: getattr(town, undo)(of, part, reference=reference)


def check(town: Town, answer: Outcome[Any], member: str) -> None:
    """The answer is what is stored."""
    id_ = answer.value.id
    assert answer.entries == read(town.context, lambda tx: tuple(entries_of(tx, [id_])[id_]))
    assert answer.promise == read(town.context, lambda tx: promises_of(tx, [id_]))[id_]
    assert answer.balance == town.balance(member)


def under_a_key(town: Town, work: Callable[[Town], Outcome[Any]], key: str) -> Outcome[Any]:
    """The use case as the API runs it for an Idempotency-Key: inside of another transaction."""

    def run(context: Context) -> Outcome[Any]:
        return work(replace(town, context=context))

    once = idempotency.once(town.context, "m", key, key, 201, run, lambda _answer: [], lambda context, _: run(context))
    return once.value


@pytest.mark.parametrize("document", RULES.values(), ids=RULES)
def test_answers_are_what_is_stored(make: Make, document: str) -> None:
    town = make(document)
    store = create_store(town.context, town.alice, NewStore("till-1", "At the market")).id
    story = Story(town, random.Random(1), town.member(), store)
    for step in range(STEPS):
        kind, work = story.next()
        try:
            answer = under_a_key(town, work, f"key-{step}") if step % 3 == 0 else work(town)
        except CallerError:
            continue
        check(town, answer, story.member)
        again = work(town)
        assert (again.replayed, again.entries, again.promise) == (True, answer.entries, answer.promise)
        assert again.balance == answer.balance
        if kind in story.done:
            story.done[kind].append(answer.value.id)
        if story.chance.random() < 0.2:
            town.settle_all()
        if story.chance.random() < 0.3:
            town.pass_time(story.chance.randint(1, 60) * timedelta(hours=1))
    assert story.done["redeem"], "the story is too dull"
    town.check()
    town.pass_time(100 * DAY)
    town.check()


def test_a_batch_answers_what_is_stored_and_refused_items_leave_nothing(make: Make) -> None:
    town, chance = make(RULES["tiers"], ceiling_points=600), random.Random(1)
    store = create_store(town.context, town.alice, NewStore("till-1", "At the market")).id
    members = [town.member() for _ in range(3)]
    for _ in range(6):
        news = [
            town.new_purchase(
                chance.choice(members),
                chance.randint(0, 3_000),
                store_id=chance.choice([None, store, "sto_none"]),
                occurred_at=town.clock.at - chance.choice([0, 0, 1]) * DAY,
                currency=chance.choice([None, "EUR", "USD"]),
            )
            for _ in range(12)
        ]
        news += chance.sample(news, 3)
        answers = record_purchases(town.context, town.alice, news)
        for new, answer in zip(news, answers, strict=True):
            if isinstance(answer, BatchOutcome):
                alone = record_purchase(town.context, town.alice, new)
                assert (alone.replayed, alone.value, alone.entries) == (True, answer.value, answer.entries)
                assert alone.promise == answer.promise
        town.check()
        town.clock.forward(DAY)


@pytest.mark.parametrize(
    "at",
    [
        datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-2))),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_time_at_the_end_of_the_calendar_is_refused_and_stops_no_batch(town: Town, at: datetime) -> None:
    news = [town.new_purchase(town.member(), 500, occurred_at=at), town.new_purchase(town.member(), 500)]
    refused, done = record_purchases(town.context, town.alice, news)
    assert isinstance(refused, InvalidInput)
    assert isinstance(done, BatchOutcome)
    with pytest.raises(InvalidInput):
        record_purchase(town.context, town.alice, news[0])
