"""What a transaction may cost, said explicitly: web3's defaults would ask the node at the worst moment (DESIGN §5).

Source: reference/settlement-engines.md §2.5. Everything in wei per gas, or in gas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from token_service.chain.node import Node
from token_service.chain.reads import Block
from token_service.errors import NodeUnreachable, RpcError

TIP_WEI_MIN: Final = 1_000_000
HISTORY_BLOCKS: Final = 8
TIP_PERCENTILE: Final = 60
BUMP_PER_MILLE: Final = 1125
"""A replacement must raise both fees by 10 % (geth); 12.5 % leaves room for rounding."""

TRANSACTION_GAS_MAX: Final = 16_777_216  # EIP-7825
SETTLE_GAS_FIXED: Final = 300_000
SETTLE_GAS_WORD: Final = 32_000
"""Above the dearest entry (new holder, cold party, 25,500 + 5,000), so that a batch never runs out of gas."""
DEPLOY_GAS: Final = 6_000_000
ADMIN_GAS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Fees:
    """The two fee fields of a type-2 transaction."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int

    def bumped(self, fresh: Fees, ceiling: int) -> Fees:
        """The fees of a replacement: the fresh quote, but at least 12.5 % more than now, and never above the ceiling."""
        return Fees(
            min(ceiling, max(fresh.max_fee_per_gas, _raised(self.max_fee_per_gas))),
            min(ceiling, max(fresh.max_priority_fee_per_gas, _raised(self.max_priority_fee_per_gas))),
        )


def quote(node: Node, head: Block, ceiling: int) -> Fees:
    """max fee = 2 × base fee + tip; the tip is the 60th percentile of the last 8 blocks. Never above the ceiling."""
    base = head.base_fee
    tip = max(TIP_WEI_MIN, _usual_tip(node))
    return Fees(min(ceiling, 2 * base + tip), min(ceiling, tip))


def settle_gas(words: int) -> int:
    """The gas limit of a batch with so many entry words."""
    return SETTLE_GAS_FIXED + SETTLE_GAS_WORD * words


def words_max(block_gas_limit: int, entries_max: int) -> int:
    """How many words a batch may have: the gas budget is half a block, at most one transaction's cap (DESIGN §5)."""
    budget = min(TRANSACTION_GAS_MAX, block_gas_limit // 2)
    return max(1, min(entries_max, (budget - SETTLE_GAS_FIXED) // SETTLE_GAS_WORD))


def _raised(wei: int) -> int:
    return -(-wei * BUMP_PER_MILLE // 1000)


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
