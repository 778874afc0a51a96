"""Whether a lane may spend gas now: not above the fee ceiling, not beyond the day's budget. If not, it is blocked and says why.

Administrative operations are counted and never held up: pausing must always be possible. The budget is looked at twice: before
anything is signed, and in the database transaction that stores what was signed, while nobody else may store any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection

from token_service.chain import fees
from token_service.chain.fees import Fees, Market
from token_service.chain.reads import Block
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Code, Lane
from token_service.ledger.gas_spending import gas_spending, lock_spending, to_gwei
from token_service.units import GWEI_PER_ETHER, WEI_PER_GWEI

ACTIVE: Final = ("active",)
Result = TypeVar("Result")


class _SomebodySpends(Exception):
    """Another lane is just storing what it signed."""


class _NoRoom(Exception):
    """Another lane took what was left of the budget after it was looked at."""


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
        return _has_room(services, connection, budget, wei)


def commit_spending(
    services: ChainServices,
    place: str,
    lane: Lane,
    wei: int,
    work: Callable[[Connection], Result],
    *,
    only_from: tuple[str, ...] = ACTIVE,
) -> Result | None:
    """What `work` answers, stored only if today's gas stays in the budget with these wei on top; whoever else spends is left out
    until that is committed. None: nothing was stored, because another lane is spending (the next pass tries again) or has spent
    what was left (then the lane waits, if it was in one of these states). Without a budget it is a commit as any other.
    """
    budget = services.limits.gas_budget_per_day

    def within(connection: Connection) -> Result:
        if budget is not None and not lock_spending(connection):
            raise _SomebodySpends
        if budget is not None and not _has_room(services, connection, budget, wei):
            raise _NoRoom
        return work(connection)

    try:
        return services.commit(place, within)
    except _SomebodySpends:
        return None
    except _NoRoom:
        block_for_budget(services, lane, only_from=only_from)
        return None


def _has_room(services: ChainServices, connection: Connection, budget: int, wei: int) -> bool:
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
