"""Two accounts that become one on the chain: points go out of the one before they come into the other, whatever the lanes do."""

from __future__ import annotations

from pathlib import Path

import pytest
from anvil_node import Anvil
from leaving_town import Town as LeavingTown
from leaving_town import explain
from settlement_programme import ADMIN, Programme
from sqlalchemy import select
from test_dying_anywhere import assert_exactly_once
from test_lanes import people_of_both_lanes, with_a_second_lane

from token_service.chain import contract_reads
from token_service.chain.reconciling import reconcile_all
from token_service.chain.settlement import plan
from token_service.chain.settlement.clearing import clear
from token_service.chain.settlement.lanes import Code, halt
from token_service.errors import LaneHalted
from token_service.ledger.balances import get_balance
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewIssuance, NewRedemption, NewReversal
from token_service.ledger.issuances import issue
from token_service.ledger.merging import merge_members
from token_service.ledger.redemptions import redeem, restore
from token_service.ledger.settlement_tables import batches, leaves
from token_service.ledger.tables import merchants
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")


def give(programme: Programme, member: str, points: int) -> None:
    with programme.store.read() as connection:
        own = connection.execute(select(merchants.c.id).where(merchants.c.party == 1)).scalar_one()
    new = NewIssuance(reference=programme.ids("ref"), member_id=member, points=points, reason="a gesture")
    issue(programme.services.context, Actor.merchant(own), new)


def merge(programme: Programme, member: str, into: str) -> None:
    merge_members(programme.services.context, ADMIN, member, into, "the same person")


def blocks(programme: Programme, kind: EntryKind) -> list[int]:
    query = select(batches.c.block_number).join(leaves, leaves.c.batch_id == batches.c.id)
    with programme.store.read() as connection:
        return list(connection.execute(query.where(leaves.c.kind == int(kind))).scalars())


def settled(programme: Programme, member: str) -> tuple[int, int]:
    """What the ledger and the chain say that the member has."""
    return get_balance(programme.services.context, ADMIN, member).available, programme.balance(member)


def test_points_go_out_in_one_lane_before_they_come_in_in_the_other(programme: Programme, anvil: Anvil) -> None:
    with_a_second_lane(programme, anvil)
    people = people_of_both_lanes(programme, each=1)
    (old,), (kept,) = people[0], people[1]
    give(programme, old, 30)
    give(programme, old, 12)
    give(programme, kept, 5)
    merge(programme, old, kept)
    assert plan(programme.services, 1, flush=True) is not None  # what was there before goes, what comes in waits
    assert plan(programme.services, 1, flush=True) is None
    assert programme.settle().is_settled
    assert settled(programme, kept) == (47, 47)
    assert programme.balance(old) == 0
    assert max(blocks(programme, EntryKind.MOVE_OUT)) < min(blocks(programme, EntryKind.MOVE_IN))
    totals = contract_reads.totals(programme.services.node, programme.contract)
    assert (totals.moved_out, totals.moved_in, totals.issued) == (42, 42, 47)
    assert_exactly_once(programme)


def test_what_comes_in_waits_as_long_as_the_other_lane_stands_still(programme: Programme, anvil: Anvil) -> None:
    with_a_second_lane(programme, anvil)
    people = people_of_both_lanes(programme, each=2)
    (old, _), (kept, other) = people[0], people[1]
    give(programme, old, 30)
    programme.services.store.transact(lambda connection: halt(connection, 0, Code.MISMATCH, "a person must look"))
    merge(programme, old, kept)
    give(programme, kept, 5)
    give(programme, other, 7)
    with pytest.raises(LaneHalted):
        programme.settle()
    assert (programme.balance(kept), programme.balance(other)) == (0, 7)
    clear(programme.services, 0, "looked, and the figures were right")
    assert programme.settle().is_settled
    assert settled(programme, kept) == (35, 35)
    assert_exactly_once(programme)


def test_points_come_into_a_wallet_of_the_members_own_after_they_left(
    programme: Programme, anvil: Anvil, tmp_path: Path
) -> None:
    """A redemption of the old account is given back when the one that stays has gone with its points."""
    town = LeavingTown(programme)
    old, context = programme.member(), programme.services.context
    give(programme, old, 30)
    spent = redeem(context, town.alice, NewRedemption(reference="spent", member_id=old, points=20)).value
    merge(programme, old, town.member)
    town.settle()
    assert town.leave().state == "final"
    restore(context, town.alice, spent.id, NewReversal(reference="back", points=None, reason=None))
    town.settle()
    assert town.points() == (30, 30, "left")
    town.agrees()
    report = town.audited(anvil.url, tmp_path)
    assert report.exit_code == 0, explain(report)


def test_on_the_embedded_chain_one_account_after_the_other_becomes_part_of_the_next(embedded: Programme) -> None:
    first, second, third = (embedded.member() for _ in range(3))
    for points, member in ((10, first), (20, second), (40, third)):
        give(embedded, member, points)
    merge(embedded, first, second)
    merge(embedded, second, third)
    give(embedded, first, 1)
    assert embedded.settle().is_settled
    assert settled(embedded, third) == (71, 71)
    assert [embedded.balance(member) for member in (first, second)] == [0, 0]
    assert_exactly_once(embedded)
    found = reconcile_all(embedded.services.context, embedded.services.node, embedded.contract)
    assert [one for _, some in found for one in some] == []
