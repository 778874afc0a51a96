"""The embedded chain as a Node (chain/node.py) for the process that owns it: reads, and the only way to send.

Nothing ticks: every request first mines what waits, when the pace allows a block. A lone transaction is in a block before
its send returns; more of them within the same second share the next block.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from token_service.chain.embedded.owner import BadTransaction, EmbeddedChain
from token_service.chain.embedded.pool import TransactionPool
from token_service.chain.rpc_facade import parameters as read
from token_service.chain.rpc_facade.limits import OWNER, Budget
from token_service.chain.rpc_facade.methods import dispatch
from token_service.chain.rpc_facade.objects import hexes
from token_service.errors import RpcError

SEND: Final = "eth_sendRawTransaction"
MINE: Final = "evm_mine"
NONCE: Final = "eth_getTransactionCount"


class EmbeddedNode:
    """`request` as JSON-RPC. Whoever makes one holds the ChainLock. Safe between threads."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self._pool = TransactionPool()
        self._lock = threading.RLock()

    def request(self, method: str, params: list[Any]) -> Any:
        """The result as JSON values. Raises RpcError for a refusal, OperatorError when the chain's file fails.

        Beside the façade's reads: `eth_sendRawTransaction`; `evm_mine`, a block now, with or without transactions;
        `eth_getTransactionCount` at "pending" counts what waits.
        """
        with self._lock:
            self._mine_due()
            if method == SEND:
                return self._send(params)
            if method == MINE:
                self._mine(is_empty_allowed=True)
                return "0x0"
            if method == NONCE and params[1:] == ["pending"]:
                return self._pending_nonce(params)
            with self._chain.view() as view:
                return dispatch(view, method, params, Budget(OWNER))

    @property
    def waiting(self) -> int:
        """Transactions that were accepted and are in no block yet."""
        return len(self._pool)

    def _send(self, params: list[Any]) -> str:
        raw = read.octets(read.argument(params, 0, "transaction"), "transaction")
        try:
            with self._chain.view() as view:
                sent = self._pool.add(raw, view)
        except BadTransaction as error:
            raise RpcError(error.detail, rpc_code=read.SERVER_ERROR) from error
        self._mine_due()
        return hexes(sent)

    def _pending_nonce(self, params: list[Any]) -> str:
        address = read.octets(params[0], "address", read.ADDRESS_BYTES)
        with self._chain.view() as view:
            return hex(self._pool.next_nonce(address, view.state(view.head()).get_nonce(address)))

    def _mine_due(self) -> None:
        if len(self._pool) and self._chain.is_due:
            self._mine(is_empty_allowed=False)

    def _mine(self, *, is_empty_allowed: bool) -> None:
        """One block with what waits and fits. A transaction that turns out bad is dropped, and the rest tried again."""
        while True:
            with self._chain.view() as view:
                upcoming = view.chain.create_header_from_parent(view.head())
            chosen = self._pool.ready(gas_max=upcoming.gas_limit, base_fee_wei=upcoming.base_fee_per_gas)
            if not chosen and not is_empty_allowed:
                return
            try:
                self._chain.mine([item.raw for item in chosen])
            except BadTransaction as error:
                self._pool.drop(chosen[error.position])
                continue
            self._pool.forget(chosen)
            return
