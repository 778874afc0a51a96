"""How much one request may ask of the chain (DESIGN §5): nobody can starve settlement, or the web server, through /rpc."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from token_service.errors import RpcError

LIMIT_EXCEEDED: Final = -32005
"""The code that nodes use for "too much asked" (EIP-1474)."""


@dataclass(frozen=True)
class Limits:
    """Ceilings of one HTTP request; gas, logs and bytes are shared by the calls of a batch."""

    body_bytes_max: int = 256 * 1024
    batch_max: int = 50
    call_gas_max: int = 10_000_000
    request_gas_max: int = 20_000_000
    logs_max: int = 10_000
    fee_history_blocks_max: int = 128
    alternatives_max: int = 100
    """Addresses, or topics at one position, of a filter for logs."""
    answer_bytes_max: int = 25 * 1024 * 1024
    is_creation_allowed: bool = False
    """Whether a simulated call may run code that the caller brings along, and precompiled contracts by name."""


PUBLIC: Final = Limits()
OWNER: Final = Limits(
    call_gas_max=60_000_000,
    request_gas_max=1_000_000_000,
    logs_max=5_000_000,
    fee_history_blocks_max=1024,
    is_creation_allowed=True,
)
"""For the process that owns the chain: only what the block itself allows."""


class Budget:
    """What is left of a request's limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.gas = limits.request_gas_max
        self.logs = limits.logs_max
        self.answer_bytes = limits.answer_bytes_max

    def gas_for_a_call(self, asked: int | None) -> int:
        """The gas limit of the next simulated call. Raises RpcError when more is asked than may be given."""
        ceiling = min(self.limits.call_gas_max, self.gas)
        if ceiling <= 0:
            raise RpcError("The calls of this request have used all the gas it may use.", rpc_code=LIMIT_EXCEEDED)
        if asked is not None and asked > self.limits.call_gas_max:
            raise RpcError(f"A call may use at most {self.limits.call_gas_max:,} gas here.", rpc_code=LIMIT_EXCEEDED)
        return ceiling if asked is None else min(asked, ceiling)

    def spend_gas(self, gas: int) -> None:
        self.gas -= gas

    def spend_logs(self, count: int) -> None:
        self.logs -= count
        if self.logs < 0:
            raise RpcError(f"A request may read at most {self.limits.logs_max:,} logs.", rpc_code=LIMIT_EXCEEDED)

    def spend_answer(self, size_bytes: int) -> None:
        self.answer_bytes -= size_bytes
        if self.answer_bytes < 0:
            raise RpcError("The answer to this request is too large: ask for less at once.", rpc_code=LIMIT_EXCEEDED)
