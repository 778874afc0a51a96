"""A lane that waits for its role, for gas money or for cheaper gas looks for itself whether it may go on."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from token_service.chain import contract_reads, fees, reads
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Code, Lane
from token_service.chain.settlement.planning import contract_of, waiting_count
from token_service.chain.settlement.pushing import pending
from token_service.chain.settlement.records import max_fee_of
from token_service.chain.settlement.spending import is_in_budget
from token_service.ledger.settlement_tables import batches

LOOKS_FOR_ITSELF: Final = (Code.ROLE, Code.FUNDS)


def resume(services: ChainServices, number: int) -> int:
    """1 if the lane goes on now. Raises NodeUnreachable."""
    with services.store.ask() as connection:
        lane = lane_rows.read_lane(connection, number)
    if lane.state != "blocked":
        return 0
    if lane.code in (Code.FEE_CEILING, Code.GAS_BUDGET):
        return _go_on(services, lane) if _can_spend(services, lane) else 0
    if lane.code not in LOOKS_FOR_ITSELF:
        return 0
    with services.store.read() as connection:
        if lane_rows.in_flight(connection, lane.operator):
            return 0  # sending it again tells
    if not contract_reads.has_role(services.node, contract_of(services), "settler", lane.operator):
        return 0
    if reads.balance(services.node, lane.operator) == 0:
        return _wait_for_money(services, number, lane.operator, lane.code)
    return _go_on(services, lane)


def _go_on(services: ChainServices, lane: Lane) -> int:
    code = Code(str(lane.code))
    services.commit("resume", lambda connection: lane_rows.go_on(connection, lane.number, after=code))
    return 1


def _can_spend(services: ChainServices, lane: Lane) -> bool:
    """Whether what flies first can land at its price, and the next batch fits the ceiling and the budget."""
    with services.store.read() as connection:
        first = next(iter(pending(connection, [lane.operator])), None)
        entries_max = services.limits.batch_entries_max
        waiting = waiting_count(connection, services.now(), entries_max, lane.number)
        anew = select(func.max(batches.c.word_count)).where(
            batches.c.operator == lane.operator, batches.c.state == "reverted"
        )
        words = max(waiting, 1, connection.execute(anew).scalar_one() or 0)
        offered = None if first is None else max_fee_of(connection, first.attempt_id)
    head = reads.head(services.node)
    market = fees.market(services.node, head)
    ceiling = services.limits.max_fee_per_gas
    if market.price > (ceiling if offered is None else offered):
        return False
    gas = fees.anew_gas(min(words, fees.words_max(head.gas_limit, entries_max)))
    return is_in_budget(services, gas * market.fees(ceiling).max_fee_per_gas)


def _wait_for_money(services: ChainServices, number: int, operator: str, code: str) -> int:
    """The role is there; what the lane waits for now is said."""
    if code != Code.FUNDS:
        reason = f"{operator} cannot pay for gas: send it money"
        services.commit(
            "resume_waits",
            lambda connection: lane_rows.set_state(
                connection, number, "blocked", Code.FUNDS, reason, only_from=("blocked",)
            ),
        )
    return 0
