"""What a transaction may cost, said explicitly: web3's defaults would ask the node at the worst moment (DESIGN §5).

Source: reference/settlement-engines.md §2.5. Everything in wei per gas, or in gas. A chain whose blocks have no base fee takes
transactions of the old kind, with one gas price (EIP-155).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from token_service.chain.node import Node
from token_service.chain.reads import Block, quantity
from token_service.errors import NodeUnreachable, RpcError
from token_service.units import WEI_PER_GWEI

TIP_WEI_MIN: Final = 1_000_000
HISTORY_BLOCKS: Final = 8
TIP_PERCENTILE: Final = 60
BUMP_PER_MILLE: Final = 1125
"""A replacement must raise both fees by 10 % (geth); 12.5 % leaves room for rounding."""
RELATIVE_CEILING: Final = 5
"""A replacement costs at most this many times what a new transaction would …"""
RELATIVE_CEILING_FROM: Final = 100 * WEI_PER_GWEI
"""… once it is dearer than this: below, a multiple of next to nothing would keep it from ever being taken."""

TRANSACTION_GAS_MAX: Final = 16_777_216  # EIP-7825
SETTLE_GAS_FIXED: Final = 300_000
SETTLE_GAS_WORD: Final = 32_000
"""Above the dearest entry (new holder, cold party, 25,500 + 5,000), so that a batch never runs out of gas."""
DEPLOY_GAS: Final = 6_000_000
ADMIN_GAS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Fees:
    """The two fee fields of a type-2 transaction; both are the gas price of a legacy one."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    is_legacy: bool = False

    def bumped(self, fresh: Fees, ceiling: int) -> Fees | None:
        """The fees of a replacement: the fresh ones, but both at least 12.5 % above these. None if that passes the ceiling."""
        least = _raised(self.max_fee_per_gas), _raised(self.max_priority_fee_per_gas)
        fee = min(ceiling, max(fresh.max_fee_per_gas, least[0]))
        tip = min(fee, max(fresh.max_priority_fee_per_gas, least[1]))
        if fee < least[0] or tip < least[1]:
            return None
        return Fees(fee, fee if fresh.is_legacy else tip, fresh.is_legacy)


@dataclass(frozen=True, slots=True)
class Market:
    """What gas costs now. `base_fee` is None on a legacy chain, where `tip` is the whole price."""

    base_fee: int | None
    tip: int

    @property
    def price(self) -> int:
        """What a block's next gas costs about."""
        return (self.base_fee or 0) + self.tip

    def fees(self, ceiling: int) -> Fees:
        """max fee = 2 × base fee + tip, never above the ceiling."""
        fee = min(ceiling, 2 * (self.base_fee or 0) + self.tip)
        return Fees(fee, min(fee, self.tip), self.base_fee is None)

    def ceiling_of_replacements(self, absolute: int) -> int:
        """The absolute ceiling, and above 100 gwei at most five times what a new transaction would offer."""
        return min(absolute, max(RELATIVE_CEILING_FROM, RELATIVE_CEILING * self.fees(absolute).max_fee_per_gas))


def market(node: Node, head: Block) -> Market:
    """As of the head. The tip is the 60th percentile of the last 8 blocks."""
    if head.base_fee is None:
        return Market(None, quantity(node.request("eth_gasPrice", [])))
    return Market(head.base_fee, max(TIP_WEI_MIN, _usual_tip(node)))


def quote(node: Node, head: Block, ceiling: int) -> Fees:
    """The fees of a new transaction, never above the ceiling."""
    return market(node, head).fees(ceiling)


def paid(max_fee: int, tip: int, base_fee: int | None) -> int:
    """What a unit of gas costs a transaction with these fees in a block with this base fee."""
    return max_fee if base_fee is None else min(max_fee, base_fee + tip)


def in_gwei(wei: int) -> str:
    """For people: at most three digits behind the point."""
    return f"{wei / WEI_PER_GWEI:.3f}".rstrip("0").rstrip(".")


def settle_gas(words: int) -> int:
    """The gas limit of a batch with so many entry words."""
    return SETTLE_GAS_FIXED + SETTLE_GAS_WORD * words


def anew_gas(words: int) -> int:
    """The gas limit of a batch that failed once: with room for whatever it ran out of."""
    return min(TRANSACTION_GAS_MAX, settle_gas(words) * 13 // 10)


def words_max(block_gas_limit: int, entries_max: int) -> int:
    """How many words a batch may have: the gas budget is half a block, at most one transaction's cap (DESIGN §5)."""
    budget = min(TRANSACTION_GAS_MAX, block_gas_limit // 2)
    return max(1, min(entries_max, (budget - SETTLE_GAS_FIXED) // SETTLE_GAS_WORD))


def _raised(wei: int) -> int:
    """More in any case, where gas is free as well: a replacement is another transaction."""
    return max(wei + 1, -(-wei * BUMP_PER_MILLE // 1000))


def _usual_tip(node: Node) -> int:
    """0 where the node has no fee history."""
    try:
        history = node.request("eth_feeHistory", [hex(HISTORY_BLOCKS), "latest", [TIP_PERCENTILE]])
    except RpcError:
        return 0
    rewards = history.get("reward") if isinstance(history, dict) else None
    try:
        tips = sorted(int(row[0], 16) for row in rewards or [])
    except (TypeError, ValueError, IndexError) as error:
        raise NodeUnreachable("the chain node answers nonsense", method="eth_feeHistory") from error
    return tips[len(tips) // 2] if tips else 0
