"""Signed transactions that wait for the embedded chain's next block. In memory only: what a crash loses is sent again by
settlement, which stored it first (DESIGN §5, rules A and D).

Refusals use the words that nodes use (geth's), because senders tell them apart by these words (chain/send_errors.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth.abc import SignedTransactionAPI, StateAPI

from token_service.chain.embedded.owner import BadTransaction, decode_transaction
from token_service.chain.embedded.simulation import floor_gas
from token_service.chain.embedded.view import ChainView

WAITING_MAX: Final = 1_000
REPLACEMENT_PER_CENT: Final = 110


@dataclass(frozen=True)
class Waiting:
    """A transaction that was valid when it came."""

    raw: bytes
    transaction: SignedTransactionAPI
    sender: bytes

    @property
    def cost_wei_max(self) -> int:
        return int(self.transaction.gas * _fee_max(self.transaction) + self.transaction.value)


class TransactionPool:
    """At most 1,000 transactions, without gaps in any sender's nonces. Not thread-safe."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def next_nonce(self, sender: bytes, state_nonce: int) -> int:
        return state_nonce + sum(item.sender == sender for item in self._waiting)

    def add(self, raw: bytes, view: ChainView) -> bytes:
        """The transaction's hash. Raises BadTransaction, worded as nodes do, when it cannot be mined after those waiting."""
        transaction = decode_transaction(raw, chain_id=view.chain_id)
        if any(item.transaction.hash == transaction.hash for item in self._waiting):
            raise BadTransaction("already known")
        if view.transaction(transaction.hash) is not None:
            raise BadTransaction("already known: it is in a block")
        head = view.head()
        state = view.state(head)
        item = Waiting(raw, transaction, transaction.sender)
        _check_gas(transaction, head.gas_limit)
        replaced = self._check_nonce(item, state)
        self._check_funds(item, replaced, state)
        if replaced is not None:
            self._waiting[self._waiting.index(replaced)] = item
        elif len(self._waiting) >= WAITING_MAX:
            raise BadTransaction("txpool is full")
        else:
            self._waiting.append(item)
        found: bytes = transaction.hash
        return found

    def ready(self, *, gas_max: int, base_fee_wei: int) -> list[Waiting]:
        """In order of arrival, each sender's in order of nonce, as many as a block of `gas_max` holds."""
        chosen: list[Waiting] = []
        held_back: set[bytes] = set()
        for item in self._waiting:
            gas = int(item.transaction.gas)
            if item.sender in held_back or gas > gas_max or _fee_max(item.transaction) < base_fee_wei:
                held_back.add(item.sender)
                continue
            gas_max -= gas
            chosen.append(item)
        return chosen

    def forget(self, mined: Sequence[Waiting]) -> None:
        self._waiting = [item for item in self._waiting if item not in mined]

    def drop(self, bad: Waiting) -> None:
        """Without this one and those behind it, which need its nonce."""
        self._waiting = [
            item
            for item in self._waiting
            if item.sender != bad.sender or item.transaction.nonce < bad.transaction.nonce
        ]

    def _check_nonce(self, item: Waiting, state: StateAPI) -> Waiting | None:
        """The waiting transaction that this one replaces."""
        nonce, first = item.transaction.nonce, state.get_nonce(item.sender)
        if nonce < first:
            raise BadTransaction(f"nonce too low: next nonce {first}, tx nonce {nonce}")
        after = self.next_nonce(item.sender, first)
        if nonce > after:
            raise BadTransaction(f"nonce too high: next nonce {after}, tx nonce {nonce}")
        rivals = [w for w in self._waiting if w.sender == item.sender and w.transaction.nonce == nonce]
        for rival in rivals:
            if not _outbids(item.transaction, rival.transaction):
                raise BadTransaction("replacement transaction underpriced")
        return rivals[0] if rivals else None

    def _check_funds(self, item: Waiting, replaced: Waiting | None, state: StateAPI) -> None:
        others = sum(w.cost_wei_max for w in self._waiting if w.sender == item.sender and w is not replaced)
        have = state.get_balance(item.sender)
        if have < others + item.cost_wei_max:
            raise BadTransaction(f"insufficient funds for gas * price + value: have {have}, want {item.cost_wei_max}")


def _check_gas(transaction: SignedTransactionAPI, block_gas: int) -> None:
    if transaction.gas > block_gas:
        raise BadTransaction("exceeds block gas limit")
    if transaction.gas < max(transaction.intrinsic_gas, floor_gas(transaction.data)):
        raise BadTransaction("intrinsic gas too low")
    if _tip_max(transaction) > _fee_max(transaction):
        raise BadTransaction("max priority fee per gas higher than max fee per gas")


def _outbids(new: SignedTransactionAPI, old: SignedTransactionAPI) -> bool:
    """geth's rule: 10 % more in both fees."""
    return all(
        fee(new) * 100 >= fee(old) * REPLACEMENT_PER_CENT and fee(new) > fee(old) for fee in (_fee_max, _tip_max)
    )


def _fee_max(transaction: SignedTransactionAPI) -> int:
    return int(transaction.max_fee_per_gas)


def _tip_max(transaction: SignedTransactionAPI) -> int:
    return int(transaction.max_priority_fee_per_gas)
