"""A lane that waits for its role or for gas money, and has nothing under way that would find out, looks for itself."""

from __future__ import annotations

from typing import Final

from token_service.chain import contract_reads, reads
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Code
from token_service.chain.settlement.planning import contract_of

LOOKS_FOR_ITSELF: Final = (Code.ROLE, Code.FUNDS)


def resume(services: ChainServices, number: int) -> int:
    """1 if the lane goes on now. Raises NodeUnreachable."""
    with services.store.read() as connection:
        lane = lane_rows.read_lane(connection, number)
        if lane.state != "blocked" or lane.code not in LOOKS_FOR_ITSELF:
            return 0
        if lane_rows.in_flight(connection, lane.operator):
            return 0  # sending it again tells
    if not contract_reads.has_role(services.node, contract_of(services), "settler", lane.operator):
        return 0
    if reads.balance(services.node, lane.operator) == 0:
        return _wait_for_money(services, number, lane.operator, lane.code)
    code = Code(lane.code)
    services.commit("resume", lambda connection: lane_rows.go_on(connection, number, after=code))
    return 1


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
