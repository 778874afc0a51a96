"""Single purchases that arrive together share a transaction, and are answered as if each had come alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ledger_town import ADMIN, TIERS, Make, Town, rules
from sqlalchemy import Connection, func, select

from token_service.errors import CeilingReached, MereauError, NotFound
from token_service.ledger import tables, views
from token_service.ledger.closing import close_member
from token_service.ledger.members import freeze
from token_service.ledger.merging import merge_members
from token_service.ledger.purchase_groups import Ask, record_together
from token_service.ledger.purchases import _record, record_purchase
from token_service.ledger.sharing import Sharing

Answers = Sequence[views.Outcome[views.Purchase] | MereauError]


def together(town: Town, *asks: Ask) -> Answers:
    return record_together(town.context, asks, _record)


def told(answers: Answers) -> list[tuple[int, int, bool] | str]:
    """Points, balance and whether it was known before; or the refusal's class."""
    return [
        type(answer).__name__
        if isinstance(answer, MereauError)
        else (answer.value.points, answer.balance.available, answer.replayed)
        for answer in answers
    ]


def test_each_is_answered_as_if_it_had_come_alone(make: Make) -> None:
    document = rules(tiers=TIERS, expiry="{kind: fixed, period: P12M}", visits="{}")
    group, alone = make(document), make(document)
    totals = [3_000, 9_000, 2_390]
    members = [group.member() for _ in totals]
    asks = [Ask(group.alice, group.new_purchase(*pair)) for pair in zip(members, totals, strict=True)]
    for member in members:
        group.buy(member, 6_000)
    others = [alone.member() for _ in totals]
    for other in others:
        alone.buy(other, 6_000)
    answered = together(group, *asks)
    expected = [alone.buy(other, total) for other, total in zip(others, totals, strict=True)]
    for answer, wanted in zip(answered, expected, strict=True):
        assert isinstance(answer, views.Outcome)
        assert (answer.value.points, answer.value.tier, answer.value.breakdown) == (
            wanted.value.points, wanted.value.tier, wanted.value.breakdown,
        )  # fmt: skip
        assert plain(answer.balance) == plain(wanted.balance)
        assert [entry.balance_after for entry in answer.entries] == [entry.balance_after for entry in wanted.entries]
        assert answer.promise is not None
        assert answer.promise == answer.entries[0].promise
    group.check()


def plain(balance: views.Balance) -> Any:
    """A balance but for the member's address."""
    chain = balance.on_chain
    return (
        balance.available, balance.pending, balance.held, balance.expiring, balance.lifetime,
        chain.points, chain.block, chain.settled,
    )  # fmt: skip


def test_one_that_is_refused_leaves_nothing_and_the_others_stay(town: Town) -> None:
    one, frozen, closed = town.member(), town.member(), town.member()
    freeze(town.context, town.alice, frozen, "a doubt")
    close_member(town.context, ADMIN, closed, "moved away")
    answers = together(
        town,
        Ask(town.alice, town.new_purchase(one, 1_000)),
        Ask(town.alice, town.new_purchase(frozen, 1_000)),
        Ask(town.alice, town.new_purchase(closed, 1_000)),
        Ask(town.charlie, town.new_purchase(one, 1_000)),
        Ask(town.alice, town.new_purchase("mem_nobody", 1_000)),
    )
    assert told(answers) == [(10, 10, False), "MemberFrozen", "NotFound", "NotFound", "NotFound"]
    town.check()


def test_a_closed_card_is_no_member_in_a_group_either(town: Town) -> None:
    closed, card = town.member(), "card of before"
    with town.context.store.read() as connection:
        links = tables.member_merchants.c
        card = connection.execute(select(links.external_id).where(links.member_id == closed)).scalar_one()
    close_member(town.context, ADMIN, closed, "moved away")
    asks = [Ask(town.alice, town.new_purchase(None, 1_000, external_id=name)) for name in (card, "no card")]
    assert told(together(town, *asks)) == ["NotFound", "NotFound"]
    with pytest.raises(NotFound):
        town.buy(None, 1_000, external_id=card)


def test_the_balance_of_an_account_that_became_part_of_another_is_the_same_in_a_group(town: Town) -> None:
    gone, other_gone, stays, other_stays = (town.member() for _ in range(4))
    for member, into in ((gone, stays), (other_gone, other_stays)):
        town.buy(member, 1_000)
        town.buy(into, 1_000)
        merge_members(town.context, ADMIN, member, into, "the same person")
    answer, _ = together(
        town, Ask(town.alice, town.new_purchase(gone, 1_000)), Ask(town.alice, town.new_purchase(town.member(), 500))
    )
    assert isinstance(answer, views.Outcome)
    assert plain(answer.balance) == plain(town.buy(other_gone, 1_000).balance)
    town.check()


def test_a_reference_that_is_known_is_answered_again(town: Town) -> None:
    one, other = town.member(), town.member()
    first = town.new_purchase(one, 1_000)
    record_purchase(town.context, town.alice, first)
    answers = together(town, Ask(town.alice, first), Ask(town.alice, town.new_purchase(other, 500)))
    assert told(answers) == [(10, 10, True), (5, 5, False)]
    town.check()


def test_the_one_for_whom_the_ceiling_leaves_no_room_is_told_so(make: Make) -> None:
    town = make(rules(), ceiling_points=25)
    asks = [Ask(town.alice, town.new_purchase(town.member(), 1_000)) for _ in range(3)]
    answers = together(town, *asks)
    assert told(answers) == [(10, 10, False), (10, 10, False), "CeilingReached"]


@pytest.fixture
def shared(town: Town) -> Town:
    """As the web process has it."""
    town.context.store.share_transactions()
    return town


def buy_at_once(town: Town, members: Sequence[str], total: int = 1_000) -> list[bool]:
    """One purchase for each, started together; whether it was recorded."""
    start = threading.Barrier(len(members))

    def call(member_id: str) -> bool:
        start.wait(20)
        try:
            return not town.buy(member_id, total).replayed
        except CeilingReached:
            return False

    with ThreadPoolExecutor(len(members)) as pool:
        return list(pool.map(call, members))


def test_eight_at_once_take_two_transactions(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    store, begun = town.context.store, []
    straight = store.transact

    def count(work: Any) -> Any:
        def slow(connection: Connection) -> Any:
            begun.append(1)
            answer = work(connection)
            if len(begun) == 1:
                everybody_is_here.wait(20)
            return answer

        return straight(slow)

    members = [town.member() for _ in range(8)]
    everybody_is_here = threading.Event()
    monkeypatch.setattr(store, "transact", count)
    sharing = store.sharing = Sharing(at_once=1)

    def watch() -> None:
        while len(sharing._waiting) < len(members) - 1:
            threading.Event().wait(0.001)
        everybody_is_here.set()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    assert all(buy_at_once(town, members))
    assert len(begun) == 2
    assert [town.balance(member).available for member in members] == [10] * len(members)
    town.check()


def test_those_for_whom_there_is_room_are_recorded(make: Make) -> None:
    town = make(rules(), ceiling_points=45)
    town.context.store.share_transactions()
    assert sum(buy_at_once(town, [town.member() for _ in range(8)])) == 4
    town.check()


def test_a_member_who_buys_many_times_at_once_gets_each_once(shared: Town) -> None:
    member = shared.member()
    assert all(buy_at_once(shared, [member] * 8))
    assert shared.balance(member).available == 80
    with shared.context.store.read() as connection:
        count = select(func.count()).select_from(tables.purchases)
        assert connection.execute(count).scalar_one() == 8
    shared.check()
