"""Whether a lane may spend gas now: not above the fee ceiling, not beyond the day's budget. If not, it is blocked and says why.

Administrative operations are counted and never held up: pausing must always be possible. The budget is looked at before a batch
is stored, so lanes that plan at the same moment may pass it by one batch each.
"""

from __future__ import annotations

from typing import Final

from token_service.chain import fees
from token_service.chain.fees import Fees, Market
from token_service.chain.reads import Block
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Code, Lane
from token_service.ledger.gas_spending import gas_spending, to_gwei
from token_service.units import GWEI_PER_ETHER, WEI_PER_GWEI

ACTIVE: Final = ("active",)


def affordable(
    services: ChainServices, lane: Lane, head: Block, gas: int, *, only_from: tuple[str, ...] = ACTIVE
) -> Fees | None:
    """The fees of a new transaction with this gas limit; None: the lane waits, if it was in one of these states (one that drains
    must not forget it). Raises NodeUnreachable.
    """
    market = fees.market(services.node, head)
    ceiling = services.limits.max_fee_per_gas
    if market.price > ceiling:
        block_for_fees(services, lane, market, ceiling, only_from=only_from)
        return None
    offered = market.fees(ceiling)
    if not is_in_budget(services, gas * offered.max_fee_per_gas):
        block_for_budget(services, lane, only_from=only_from)
        return None
    return offered


def is_in_budget(services: ChainServices, wei: int) -> bool:
    """Whether today's gas stays in the budget if everything under way, and this on top, costs as much as it may."""
    budget = services.limits.gas_budget_per_day
    if budget is None:
        return True
    with services.store.read() as connection:
        spending = gas_spending(connection, services.now())
    return spending.at_most_gwei + to_gwei(wei) <= budget // WEI_PER_GWEI


def block_for_fees(
    services: ChainServices, lane: Lane, market: Market, ceiling: int, *, only_from: tuple[str, ...] = ACTIVE
) -> None:
    """The lane waits until gas is cheaper."""
    reason = (
        f"gas costs {fees.in_gwei(market.price)} gwei, the ceiling is {fees.in_gwei(ceiling)} (MEREAU_MAX_FEE_GWEI)"
    )
    _block(services, lane, Code.FEE_CEILING, reason, only_from)


def block_for_budget(services: ChainServices, lane: Lane, *, only_from: tuple[str, ...] = ACTIVE) -> None:
    """The lane waits until the budget has room again: when what is under way turns out cheaper, at the latest tomorrow."""
    budget = (services.limits.gas_budget_per_day or 0) // WEI_PER_GWEI
    reason = (
        f"the day's gas budget of {budget / GWEI_PER_ETHER:g} has no room for another batch (MEREAU_GAS_BUDGET_PER_DAY)"
    )
    _block(services, lane, Code.GAS_BUDGET, reason, only_from)


def _block(services: ChainServices, lane: Lane, code: Code, reason: str, only_from: tuple[str, ...]) -> None:
    if (lane.state, lane.code) == ("blocked", code):
        return
    services.commit(
        "fees_wait",
        lambda connection: lane_rows.set_state(connection, lane.number, "blocked", code, reason, only_from=only_from),
    )
