"""Net settlement between merchants for a period, computed from the ledger (number 53 of the brief's list)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import select

from token_service.errors import InvalidInput
from token_service.ledger import tables
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewVoucher, NewVoucherUse
from token_service.ledger.member_codes import member_by_code, new_code
from token_service.ledger.net_settlement import NetSettlement, net_settlement
from token_service.ledger.vouchers import buy_reward, list_vouchers, use_voucher

TODAY = date(2026, 3, 2)
ALICE, CHARLIE = 2, 3


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(rewards="[{id: treat, kind: gift, points: 40}]"))


@pytest.fixture
def member(town: Town) -> str:
    """A hundred points of Alice's, known to Charlie as well."""
    made = town.member()
    town.buy(made, 10_000)
    code = new_code(town.context, Actor.member(made)).code
    member_by_code(town.context, town.charlie, code)
    return made


def settled(town: Town, since: date = TODAY, until: date = TODAY, actor: Actor = ADMIN) -> NetSettlement:
    return net_settlement(town.context, actor, since, until)


def owed(found: NetSettlement) -> list[tuple[int, int, int, int]]:
    return [(row.issuer, row.acceptor, row.points, row.value) for row in found.rows]


def test_net_settlement_between_merchants_is_computable_from_the_ledger(town: Town, member: str) -> None:
    town.redeem(member, 30, actor=town.charlie)
    town.redeem(member, 20)
    town.buy(member, 5_000, actor=town.charlie)
    town.redeem(member, 70)  # 50 of Alice's own, 20 of Charlie's
    found = settled(town)
    assert owed(found) == [(ALICE, CHARLIE, 30, 300), (CHARLIE, ALICE, 20, 200)]
    assert [(one.party, one.net_value) for one in found.positions] == [(ALICE, -100), (CHARLIE, 100)]
    assert (found.names[ALICE], found.currency) == ("Alice", "EUR")


def test_days_are_the_programmes_and_what_came_back_counts_on_its_day(town: Town, member: str) -> None:
    town.clock.at = town.clock.at.replace(hour=22, minute=59)  # 23:59 in Paris
    redemption = town.redeem(member, 30, actor=town.charlie).value
    town.clock.forward(timedelta(minutes=2))
    town.restore(redemption.id, 10, actor=town.charlie)
    assert owed(settled(town)) == [(ALICE, CHARLIE, 30, 300)]
    tomorrow = TODAY + DAY
    assert owed(settled(town, tomorrow, tomorrow)) == [(ALICE, CHARLIE, -10, -100)]
    assert owed(settled(town, TODAY, tomorrow)) == [(ALICE, CHARLIE, 20, 200)]
    assert owed(settled(town, date(2026, 2, 1), date(2026, 3, 1))) == []


def test_a_voucher_is_owed_to_whoever_honours_it(town: Town, member: str) -> None:
    actor = Actor.member(member)
    buy_reward(town.context, actor, NewVoucher("wallet/1", "treat", 40))
    assert owed(settled(town)) == [(ALICE, 1, 40, 400)]
    code = list_vouchers(town.context, actor)[0].code
    assert code is not None
    town.clock.forward(DAY)
    use_voucher(town.context, town.charlie, NewVoucherUse("till/1", code))
    tomorrow = TODAY + DAY
    assert owed(settled(town, tomorrow, tomorrow)) == [(1, CHARLIE, 40, 400)]
    places = {one.party: one.net_value for one in settled(town, TODAY, tomorrow).positions}
    assert places == {1: 0, ALICE: -400, CHARLIE: 400}


def test_a_merchant_sees_its_own_part(town: Town, member: str) -> None:
    town.redeem(member, 30, actor=town.charlie)
    found = settled(town, actor=town.charlie)
    assert (len(found.rows), [one.party for one in found.positions]) == (1, [CHARLIE])
    with town.context.store.read() as connection:
        own = connection.execute(select(tables.merchants.c.id).where(tables.merchants.c.party == 1)).scalar_one()
    assert settled(town, actor=Actor.merchant(own)).rows == ()


@pytest.mark.parametrize(("since", "until"), [(TODAY, date(2026, 3, 1)), (date(2025, 3, 1), TODAY)])
def test_a_period_ends_after_it_begins_and_is_a_year_at_most(town: Town, since: date, until: date) -> None:
    with pytest.raises(InvalidInput):
        settled(town, since, until)
