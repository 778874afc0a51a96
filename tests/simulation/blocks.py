"""Blocks of the fake chain: what is in one, what was so after it, and how a transaction changes that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from contract_state import ContractState
from fake_contract import Log, Reverted, execute
from keys import CONTRACT, GUARD, Sent

from token_service.protocol.bloom import bloom_of
from token_service.protocol.hashing import keccak256, to_hex

GAS_LIMIT = 30_000_000
GAS_TARGET = GAS_LIMIT // 2
BASE_FEE_MIN = 10**9


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody else does to the contract, or to an account's gas money: no transaction of ours."""

    hash: str
    data: bytes = b""
    funds: tuple[str, int] | None = None
    sender: str = GUARD


@dataclass(slots=True)
class ChainState:
    """Everything after a block."""

    contract: ContractState
    nonces: dict[str, int] = field(default_factory=dict)
    funds: dict[str, int] = field(default_factory=dict)

    def copy(self) -> ChainState:
        return ChainState(self.contract.copy(), dict(self.nonces), dict(self.funds))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one transaction."""

    hash: str
    succeeded: bool
    gas_used: int
    logs: tuple[Log, ...]
    first_log: int


@dataclass(frozen=True, slots=True)
class Block:
    """A mined block. `bloom` is the header's, so that an answer without its logs can be told from an empty block."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int
    gas_used: int
    contents: tuple[Sent | Order, ...]
    receipts: tuple[Receipt, ...]
    bloom: int
    state: ChainState


def seal(
    parent: Block | None, contents: Sequence[Sent | Order], state: ChainState, timestamp: int, base_fee: int, salt: int
) -> Block:
    """The block after `parent` with these contents in order. `salt` makes two blocks of the same contents differ."""
    receipts: list[Receipt] = []
    logs = 0
    if contents:
        state = state.copy()
    for item in contents:
        receipt, state = _applied(state, item, timestamp, base_fee, logs)
        receipts.append(receipt)
        logs += len(receipt.logs)
    number = 0 if parent is None else parent.number + 1
    parent_hash = "0x" + "0" * 64 if parent is None else parent.hash
    words = "|".join([str(number), parent_hash, str(timestamp), str(salt), *(item.hash for item in contents)])
    used = sum(receipt.gas_used for receipt in receipts)
    logged = [word for receipt in receipts for log in receipt.logs for word in (CONTRACT, *log.topics)]
    bloom = bloom_of(bytes.fromhex(word[2:]) for word in logged)
    block_hash = to_hex(keccak256(words.encode()))
    return Block(
        number, block_hash, parent_hash, timestamp, base_fee, used, tuple(contents), tuple(receipts), bloom, state
    )


def gas_needed(sent: Sent) -> int:
    """Of a transaction that succeeds; about the real contract's."""
    words = max(0, len(sent.body.data) - 164) // 32
    return 90_000 + 26_000 * words


def can_pay(state: ChainState, sent: Sent, base_fee: int) -> bool:
    """Whether a miner may include it now."""
    body = sent.body
    rich = state.funds.get(sent.sender, 0) >= body.gas * body.max_fee_per_gas
    return rich and body.max_fee_per_gas >= base_fee and state.nonces.get(sent.sender, 0) == body.nonce


def gas_price(sent: Sent, base_fee: int) -> int:
    """What a unit of gas costs it in a block with this base fee."""
    return base_fee + min(sent.body.max_priority_fee_per_gas, sent.body.max_fee_per_gas - base_fee)


def _applied(
    state: ChainState, item: Sent | Order, now: int, base_fee: int, first_log: int
) -> tuple[Receipt, ChainState]:
    if isinstance(item, Order):
        return _ordered(state, item, now, first_log)
    body, sender = item.body, item.sender
    before = state.contract.copy()
    logs: list[Log] = []
    succeeded, used = True, min(body.gas, gas_needed(item))
    if gas_needed(item) > body.gas:
        succeeded = False
    elif body.to == CONTRACT:
        try:
            logs = execute(state.contract, sender, body.data, now)
        except Reverted:
            succeeded, used = False, min(body.gas, 50_000)
    if not succeeded:
        logs, state.contract = [], before
    state.nonces[sender] = body.nonce + 1
    state.funds[sender] = state.funds.get(sender, 0) - used * gas_price(item, base_fee)
    return Receipt(item.hash, succeeded, used, tuple(logs), first_log), state


def _ordered(state: ChainState, order: Order, now: int, first_log: int) -> tuple[Receipt, ChainState]:
    if order.funds is not None:
        state.funds[order.funds[0]] = order.funds[1]
        return Receipt(order.hash, succeeded=True, gas_used=21_000, logs=(), first_log=first_log), state
    before = state.contract.copy()
    try:
        logs = execute(state.contract, order.sender, order.data, now)
    except Reverted:
        state.contract = before
        return Receipt(order.hash, succeeded=False, gas_used=30_000, logs=(), first_log=first_log), state
    return Receipt(order.hash, succeeded=True, gas_used=50_000, logs=tuple(logs), first_log=first_log), state


def next_base_fee(parent: Block, demand: float) -> int:
    """EIP-1559, where `demand` (0 … 2) stands for what everybody else sends: 1 fills a block to its target."""
    used = min(GAS_LIMIT, parent.gas_used + int(demand * GAS_TARGET))
    return max(BASE_FEE_MIN, parent.base_fee + parent.base_fee * (used - GAS_TARGET) // GAS_TARGET // 8)
