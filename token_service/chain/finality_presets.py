"""How deep a block must lie to count as final where the node knows no `finalized` tag and MEREAU_CONFIRMATIONS is not set.

Deliberately deep: a rollup's block is as final as the Ethereum block that holds it, some fifteen minutes later.
"""

from __future__ import annotations

from typing import Final

ROLLUP_2_SECONDS: Final = 900
"""Half an hour of blocks every two seconds."""
ELSEWHERE: Final = 12

CONFIRMATIONS: Final = {
    1: 64,  # Ethereum: two epochs
    11155111: 64,  # Sepolia
    560048: 64,  # Hoodi
    10: ROLLUP_2_SECONDS,  # OP Mainnet
    8453: ROLLUP_2_SECONDS,  # Base
    84532: ROLLUP_2_SECONDS,  # Base Sepolia
    11155420: ROLLUP_2_SECONDS,  # OP Sepolia
    130: 2 * ROLLUP_2_SECONDS,  # Unichain: a block each second
    57073: 2 * ROLLUP_2_SECONDS,  # Ink: a block each second
    42161: 8 * ROLLUP_2_SECONDS,  # Arbitrum One: four blocks a second
    59144: ROLLUP_2_SECONDS,  # Linea
    534352: ROLLUP_2_SECONDS,  # Scroll
    137: 256,  # Polygon PoS
    56: 15,  # BNB Smart Chain
    100: 64,  # Gnosis: four epochs of sixteen slots
    43114: 1,  # Avalanche C: accepted is final
    42220: ROLLUP_2_SECONDS,  # Celo
}
"""Blocks above a final one, by chain id."""


def depth_without_tag(chain_id: int) -> int:
    """As many blocks must lie above a final one."""
    return CONFIRMATIONS.get(chain_id, ELSEWHERE)
