"""Points given to a cause have a declared value: whoever issued them owes it to the cause, to the cent."""

from __future__ import annotations

from datetime import date

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import update

from token_service.ledger import views
from token_service.ledger.causes import create_cause
from token_service.ledger.context import Actor
from token_service.ledger.donations import donate
from token_service.ledger.inputs import NewDonation
from token_service.ledger.member_codes import member_by_code, new_code
from token_service.ledger.net_settlement import NetSettlement, net_settlement
from token_service.ledger.rebuild import rebuild
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.voids import void_skipped

TODAY = date(2026, 3, 2)
ALICE, CHARLIE = 2, 3


@pytest.fixture
def town(make: Make) -> Town:
    """A point is worth ten cents in a shop, and a seventh of a euro to a cause."""
    return make(rules(donations="{point_value: {points: 7, amount: 100}}"))


@pytest.fixture
def cause(town: Town) -> views.Cause:
    return create_cause(town.context, ADMIN, "Banque alimentaire")


@pytest.fixture
def member(town: Town) -> str:
    """Twenty points of Alice's, then a hundred of Charlie's."""
    made = town.member()
    town.buy(made, 2_000)
    member_by_code(town.context, town.charlie, new_code(town.context, Actor.member(made)).code)
    town.buy(made, 10_000, actor=town.charlie)
    return made


def settled(town: Town, day: date = TODAY, actor: Actor = ADMIN) -> NetSettlement:
    return net_settlement(town.context, actor, day, day)


def owed(found: NetSettlement) -> list[tuple[int, int, int, int]]:
    return [(row.issuer, row.acceptor, row.points, row.value) for row in found.rows]


def give(town: Town, member: str, cause: views.Cause, points: int) -> views.Outcome[views.Donation]:
    new = NewDonation(town.reference(), member, points=points, cause_id=cause.id)
    return donate(town.context, town.alice, new)


def test_points_issued_by_merchant_a_and_given_to_a_cause_are_owed_by_a_at_their_declared_value(
    town: Town, member: str, cause: views.Cause
) -> None:
    declared = [give(town, member, cause, points).value.value.amount for points in (5, 31, 1)]
    assert declared == [71, 442, 14]  # 15 of the 31 are Alice's: 213.87 of 442 cents
    found = settled(town)
    assert owed(found) == [(ALICE, cause.party, 20, 71 + 213), (CHARLIE, cause.party, 17, 229 + 14)]
    assert sum(row.value for row in found.rows) == sum(declared)
    nets = {one.party: one.net_value for one in found.positions}
    assert nets == {ALICE: -284, CHARLIE: -243, cause.party: 527}
    assert (found.names[cause.party], found.causes) == ("Banque alimentaire", (cause.party,))
    own = settled(town, actor=town.charlie)
    assert (owed(own), [one.party for one in own.positions]) == ([(CHARLIE, cause.party, 17, 243)], [CHARLIE])


def test_a_gift_that_the_contract_refused_counts_the_other_way_on_that_day(
    town: Town, member: str, cause: views.Cause
) -> None:
    (entry,) = give(town, member, cause, 31).entries
    before = owed(settled(town))
    assert before == [(ALICE, cause.party, 20, 285), (CHARLIE, cause.party, 11, 157)]
    town.clock.forward(DAY)
    with town.context.store.write() as connection:
        connection.execute(update(leaves).where(leaves.c.id == entry.id).values(skip_reason=6))
        void_skipped(connection, town.context, entry.id, 6)
    assert owed(settled(town)) == before
    back = [(issuer, acceptor, -points, -value) for issuer, acceptor, points, value in before]
    assert owed(settled(town, TODAY + DAY)) == back
    whole = net_settlement(town.context, ADMIN, TODAY, TODAY + DAY)
    assert {row.value for row in whole.rows} == {0}
    rebuild(town.context)
    assert owed(settled(town)) == before
    assert owed(settled(town, TODAY + DAY)) == back


def test_gifts_stand_beside_what_merchants_honour(town: Town, member: str, cause: views.Cause) -> None:
    town.redeem(member, 10, actor=town.charlie)
    give(town, member, cause, 7)
    assert owed(settled(town)) == [(ALICE, CHARLIE, 10, 100), (ALICE, cause.party, 7, 100)]
