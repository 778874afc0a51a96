"""Several lanes: members are spread over them, each member's entries stay in order, operators come and go (DESIGN §5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from anvil_node import CHAIN_ID, Anvil
from hypothesis import given
from hypothesis import strategies as st
from settlement_programme import Programme, make_programme
from sqlalchemy import select
from test_dying_anywhere import assert_exactly_once

from token_service.app.operators import add_operator, retire_operator
from token_service.chain import contract_reads
from token_service.chain.settlement import PushMemory, finalize, index, plan, push, send_anew, track
from token_service.chain.settlement.clearing import clear
from token_service.chain.settlement.lanes import Code, Lane, halt, read_lane, read_lanes
from token_service.chain.settlement.retiring import retire
from token_service.errors import BadSettings, InvalidInput, LaneHalted
from token_service.ledger.lane_choice import choose_lane
from token_service.ledger.settlement_tables import batches, lanes, leaves, transactions
from token_service.ledger.store import Store
from token_service.ledger.tables import members
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")


def lanes_of(programme: Programme) -> list[Lane]:
    with programme.store.read() as connection:
        return read_lanes(connection)


def with_a_second_lane(programme: Programme, anvil: Anvil) -> Lane:
    """The lane, at work."""
    made = add_operator(programme.services.context, programme.ring)
    anvil.fund(made.operator)
    programme.settle()
    return lanes_of(programme)[made.number]


def people_of_both_lanes(programme: Programme, each: int = 3) -> dict[int, list[str]]:
    """New members by lane, as many in each."""
    found: dict[int, list[str]] = {0: [], 1: []}
    while min(map(len, found.values())) < each:
        member_id = programme.member()
        with programme.store.read() as connection:
            number = connection.execute(select(members.c.lane).where(members.c.id == member_id)).scalar_one()
        found[number].append(member_id)
    return {number: ids[:each] for number, ids in found.items()}


def everyone(people: dict[int, list[str]]) -> list[str]:
    return [member_id for ids in people.values() for member_id in ids]


def test_a_new_operator_waits_for_its_role_and_its_gas_money_then_settles(programme: Programme, anvil: Anvil) -> None:
    made = add_operator(programme.services.context, programme.ring)
    assert (made.number, made.state, made.code) == (1, "blocked", Code.ROLE)
    programme.settle()
    assert lanes_of(programme)[1].code == Code.FUNDS
    anvil.fund(made.operator)
    programme.settle()
    assert (lanes_of(programme)[1].state, lanes_of(programme)[1].reason) == ("active", None)
    people = people_of_both_lanes(programme)
    for points, person in enumerate(everyone(people), start=1):
        programme.record(person, EntryKind.ISSUANCE, points)
    assert programme.settle().is_settled
    assert [programme.balance(person) for person in everyone(people)] == [1, 2, 3, 4, 5, 6]
    assert {batch.operator for batch in programme.batches()} == {lane.operator for lane in lanes_of(programme)}
    assert_exactly_once(programme)


def test_adding_an_operator_that_was_cut_off_takes_the_key_that_is_there(programme: Programme) -> None:
    address = programme.ring.add_operator()
    assert add_operator(programme.services.context, programme.ring).operator == address
    assert add_operator(programme.services.context, programme.ring).operator != address


def test_the_embedded_chain_has_one_lane(
    sqlite_store: Store, anvil: Anvil, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("embedded")
    made = make_programme(
        store=sqlite_store, node=anvil.node, folder=folder, chain_id=CHAIN_ID, fund=anvil.fund, embedded=True
    )
    with pytest.raises(BadSettings):
        add_operator(made.services.context, made.ring)


def test_a_halted_lane_does_not_hold_up_the_other(programme: Programme, anvil: Anvil) -> None:
    with_a_second_lane(programme, anvil)
    people = people_of_both_lanes(programme, each=1)
    programme.services.store.transact(lambda connection: halt(connection, 0, Code.MISMATCH, "a person must look"))
    for person in everyone(people):
        programme.record(person, EntryKind.ISSUANCE, 5)
    with pytest.raises(LaneHalted):
        programme.settle()
    assert [programme.balance(person) for person in everyone(people)] == [0, 5]
    clear(programme.services, 0, "looked, and the figures were right")
    assert programme.settle().is_settled
    assert [programme.balance(person) for person in everyone(people)] == [5, 5]


def test_a_retired_operator_gives_its_members_away_and_loses_its_role(programme: Programme, anvil: Anvil) -> None:
    with_a_second_lane(programme, anvil)
    people = people_of_both_lanes(programme)
    for person in everyone(people):
        programme.record(person, EntryKind.ISSUANCE, 5)
    assert plan(programme.services, 0, flush=True) is not None  # on its way while the lane retires
    retire_operator(programme.services.context, 0)
    for person in everyone(people):
        programme.record(person, EntryKind.REDEMPTION, 2)
    assert programme.settle().is_settled
    assert [programme.balance(person) for person in everyone(people)] == [3] * 6
    old, new = lanes_of(programme)
    assert (old.state, new.state) == ("disabled", "active")
    assert not contract_reads.has_role(programme.services.node, programme.contract, "settler", old.operator)
    with programme.store.read() as connection:
        assert set(connection.execute(select(members.c.lane)).scalars()) == {1}
        orders = select(leaves.c.member_id, leaves.c.kind).join(batches, batches.c.id == leaves.c.batch_id)
        in_order = connection.execute(orders.where(leaves.c.amount > 0).order_by(leaves.c.seq)).all()
        assert len({batch.operator for batch in programme.batches()}) == 2
    assert Counter(in_order) == Counter(
        (person, int(kind)) for person in everyone(people) for kind in (EntryKind.ISSUANCE, EntryKind.REDEMPTION)
    )
    assert_exactly_once(programme)
    with pytest.raises(InvalidInput, match="last lane"):
        retire_operator(programme.services.context, 1)


def test_a_member_with_a_batch_on_its_way_stays_until_that_is_final(programme: Programme, anvil: Anvil) -> None:
    with_a_second_lane(programme, anvil)
    staying, going = people_of_both_lanes(programme, each=2)[0]
    programme.record(staying, EntryKind.ISSUANCE, 5)
    assert plan(programme.services, 0, flush=True) is not None
    programme.record(going, EntryKind.ISSUANCE, 5)
    retire_operator(programme.services.context, 0)
    retire(programme.services, 0)
    with programme.store.read() as connection:
        found = dict(connection.execute(select(members.c.id, members.c.lane)).all())
        waiting = select(leaves.c.lane).where(leaves.c.member_id == going)
        assert connection.execute(waiting).scalar_one() == 1
    assert (found[staying], found[going]) == (0, 1)
    assert plan(programme.services, 0, flush=True) is None
    assert programme.settle().is_settled
    assert [programme.balance(person) for person in (staying, going)] == [5, 5]


def test_a_batch_that_was_drafted_before_its_members_left_is_not_stored(programme: Programme, anvil: Anvil) -> None:
    with_a_second_lane(programme, anvil)
    (person,) = people_of_both_lanes(programme, each=1)[0]
    programme.record(person, EntryKind.ISSUANCE, 5)

    def leave_meanwhile(name: str) -> None:
        if name == "plan.before_commit":
            programme.services.store.transact(
                lambda connection: connection.execute(
                    leaves.update().where(leaves.c.member_id == person).values(lane=1)
                )
            )

    assert plan(replace(programme.services, failpoint=leave_meanwhile), 0, flush=True) is None
    assert programme.batches() == []


def test_a_lane_whose_nonce_somebody_used_goes_on_when_a_person_says_so(
    own_programme: Programme, own_anvil: Anvil
) -> None:
    alice = own_programme.member()
    own_programme.record(alice, EntryKind.ISSUANCE, 5)
    own_anvil.request("evm_setAutomine", False)
    assert plan(own_programme.services, flush=True) is not None
    operator = own_programme.services.operator
    own_anvil.request("anvil_impersonateAccount", operator)
    own_anvil.request("eth_sendTransaction", {"from": operator, "to": operator, "value": "0x0"})
    own_anvil.mine(5)
    memory = PushMemory()
    for _ in range(4):
        push(own_programme.services, memory)
        index(own_programme.services)
        track(own_programme.services)
        finalize(own_programme.services)
    with own_programme.store.read() as connection:
        assert read_lane(connection).code == Code.FOREIGN
    assert send_anew(own_programme.services) is None
    own_anvil.request("evm_setAutomine", True)
    assert clear(own_programme.services, 0, "it was us, by hand").state == "active"
    own_programme.settle(timeout_seconds=1)
    own_anvil.mine(3)
    assert own_programme.settle().is_settled
    assert own_programme.balance(alice) == 5
    with own_programme.store.read() as connection:
        states = select(transactions.c.state).where(transactions.c.operator == operator).order_by(transactions.c.nonce)
        assert connection.execute(states).scalars().all() == ["foreign", "final"]
        assert read_lane(connection).next_seq == 2


def test_a_lane_that_is_behind_the_chain_is_not_cleared(programme: Programme) -> None:
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle()
    with programme.store.write() as connection:
        connection.execute(lanes.update().values(next_seq=1, state="halted", reason_code=Code.CHAIN_AHEAD))
    with pytest.raises(InvalidInput, match="mereau repair"):
        clear(programme.services, 0, "because")


def test_only_a_halted_lane_is_cleared(programme: Programme) -> None:
    with pytest.raises(InvalidInput, match="active"):
        clear(programme.services, 0, "because")


@given(st.lists(st.text("0123456789", min_size=26, max_size=26), unique=True, max_size=60), st.integers(1, 6))
def test_a_new_lane_takes_members_only_for_itself_and_a_retired_one_leaves_the_others_alone(
    ids: list[str], count: int
) -> None:
    operators = {number: f"0x{number:040x}" for number in range(count + 1)}
    before = {one: choose_lane(one, {n: o for n, o in operators.items() if n != count}) for one in ids}
    after = {one: choose_lane(one, operators) for one in ids}
    assert all(after[one] in (before[one], count) for one in ids)


def test_members_spread_evenly() -> None:
    operators = {number: f"0x{number:040x}" for number in range(4)}
    found = Counter(choose_lane(f"mem_{n}", operators) for n in range(4_000))
    assert min(found.values()) > 900
