"""A chain in memory: a mempool with geth's rules, blocks with a moving base fee, reorganisations up to its finality.

Everything that happens by chance comes from the random numbers that it is given, so a seed gives the same history.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from blocks import GAS_LIMIT, Block, ChainState, Order, can_pay, next_base_fee, seal
from contract_model import DAY, NO_LIMIT, Lane, Model, Party
from contract_state import ContractState
from keys import ADMIN, CHAIN_ID, CONTRACT, GUARD, OPERATORS, Sent, address

from token_service.chain.admin_calls import ROLES
from token_service.protocol.calldata import encode_call
from token_service.protocol.hashing import keccak256, to_hex

START = 1_790_000_000
RICH = 10**21
CALM_FEE = 5 * 10**9


class PoolRefused(Exception):
    """The node's words for why it does not take a transaction."""


@dataclass
class FakeChain:
    """`depth` is how far a reorganisation may reach. `strict`: no nonce ahead of its turn is taken, as on some L2s."""

    dice: random.Random
    ruleset: str
    depth: int
    strict: bool = False
    blocks: list[Block] = field(default_factory=list)
    pool: dict[tuple[str, int], Sent] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    seen: dict[tuple[str, int], list[Sent]] = field(default_factory=lambda: defaultdict(list))
    abandoned: list[Block] = field(default_factory=list)  # the whole branch that the last reorganisation left
    final: int = 0
    abandoned_final: int = 0  # what was final when that branch was left
    demand: float = 1.0
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.blocks = [seal(None, [], genesis(self.ruleset), START, CALM_FEE, 0)]

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    # --- the mempool -----------------------------------------------------------------------------------------------------

    def send(self, sent: Sent) -> str:
        """The hash. Raises PoolRefused in the words of geth."""
        body, key = sent.body, (sent.sender, sent.body.nonce)
        nonce = self.head.state.nonces.get(sent.sender, 0)
        if body.chain_id != CHAIN_ID:
            raise PoolRefused("invalid chain id for signer")
        if body.gas > GAS_LIMIT:
            raise PoolRefused("exceeds block gas limit")
        known = self.pool.get(key)
        if known == sent:
            raise PoolRefused("already known")
        if body.nonce < nonce:
            raise PoolRefused("nonce too low")
        if self.head.state.funds.get(sent.sender, 0) < body.gas * body.max_fee_per_gas:
            raise PoolRefused("insufficient funds for gas * price + value")
        if known is not None and not _outbids(sent, known):
            raise PoolRefused("replacement transaction underpriced")
        if self.strict and any((sent.sender, one) not in self.pool for one in range(nonce, body.nonce)):
            raise PoolRefused("nonce too high")
        self.keep(sent)
        return sent.hash

    def keep(self, sent: Sent) -> None:
        """In the mempool, whatever was there under its nonce."""
        key = (sent.sender, sent.body.nonce)
        self.pool[key] = sent
        if sent not in self.seen[key]:
            self.seen[key].append(sent)

    def forget(self, share: float) -> None:
        """The mempool loses about this share of itself."""
        self.pool = {key: sent for key, sent in self.pool.items() if self.dice.random() >= share}

    # --- blocks ----------------------------------------------------------------------------------------------------------

    def mine(self, now: int, fullness: float = 1.0) -> Block:
        """The next block, with each transaction that can be in it by this chance."""
        parent = self.head
        base_fee = next_base_fee(parent, self.demand)
        contents: list[Sent | Order] = [order for order in self.orders if self.dice.random() < fullness]
        self.orders = [order for order in self.orders if order not in contents]
        contents += self._ready(parent.state, base_fee, fullness)
        contents = contents if self.dice.random() < 0.5 else sorted(contents, key=lambda one: isinstance(one, Order))
        timestamp = max(parent.timestamp + 1, now)
        block = seal(parent, contents, parent.state, timestamp, base_fee, next(self.numbers))
        self.blocks.append(block)
        for key, sent in list(self.pool.items()):
            if sent.body.nonce < block.state.nonces.get(sent.sender, 0):
                del self.pool[key]
        self.final = max(self.final, block.number - self.depth)
        return block

    def _ready(self, state: ChainState, base_fee: int, fullness: float) -> list[Sent]:
        chosen: list[Sent] = []
        trial = state.copy()
        for (sender, nonce), sent in sorted(self.pool.items()):
            if (
                trial.nonces.get(sender, 0) == nonce
                and can_pay(trial, sent, base_fee)
                and self.dice.random() < fullness
            ):
                chosen.append(sent)
                trial.nonces[sender] = nonce + 1
                trial.funds[sender] -= sent.body.gas * sent.body.max_fee_per_gas
        return chosen

    def reorganise(self, depth: int, now: int) -> int:
        """How many blocks were replaced. Their transactions go back to the mempool, or another attempt does, or they are gone."""
        depth = min(depth, self.head.number - self.final)
        return self.rewrite(depth, now) if depth > 0 else 0

    def rewrite(self, depth: int, now: int) -> int:
        """As `reorganise`, however deep: also below what was final."""
        self.abandoned, self.abandoned_final = list(self.blocks), self.final
        gone = self.blocks[-depth:]
        self.blocks = self.blocks[:-depth]
        for block in gone:
            for item in block.contents:
                self._give_back(item)
        for _ in range(max(1, depth + self.dice.choice((-1, 0, 0, 1)))):
            self.mine(now, fullness=0.6)
        return depth

    def _give_back(self, item: Sent | Order) -> None:
        chance = self.dice.random()
        if isinstance(item, Order):
            if chance < 0.7:
                self.orders.append(item)
        elif chance < 0.4:
            self.keep(item)
        elif chance < 0.6:
            self.keep(self.dice.choice(self.seen[item.sender, item.body.nonce]))

    # --- what others do --------------------------------------------------------------------------------------------------

    def order(self, name: str, *arguments: object, sender: str = GUARD) -> None:
        """Somebody else calls the contract in one of the next blocks."""
        self.orders.append(Order(self._hash(name), encode_call(name, *arguments), sender=sender))  # type: ignore[arg-type]

    def fund(self, account: str, wei: int) -> None:
        """An account has exactly so much gas money from one of the next blocks on."""
        self.orders.append(Order(self._hash("fund"), funds=(account, wei)))

    def _hash(self, name: str) -> str:
        return to_hex(keccak256(f"{name} {next(self.numbers)}".encode()))


def _outbids(new: Sent, old: Sent) -> bool:
    """geth replaces only for 10 % more, of both fees."""
    pairs = (
        (new.body.max_fee_per_gas, old.body.max_fee_per_gas),
        (new.body.max_priority_fee_per_gas, old.body.max_priority_fee_per_gas),
    )
    return all(after * 10 >= before * 11 for after, before in pairs)


def genesis(ruleset: str) -> ChainState:
    """The programme deployed, with two operators, party 1 without bound and gas money for everybody."""
    operators = [address(name) for name in OPERATORS]
    contract = ContractState(
        roles={(ROLES["settler"], operator) for operator in operators}
        | {(ROLES[name], who) for name in ("admin", "issuers", "guard", "rules") for who in (ADMIN, GUARD)},
        rulesets={ruleset: 0},
        points=Model(
            notice=0,
            parties={1: Party(NO_LIMIT, DAY), 2: Party(NO_LIMIT, 0)},
            lanes={operator: Lane(NO_LIMIT) for operator in operators},
        ),
    )
    return ChainState(contract, funds=dict.fromkeys((*operators, ADMIN), RICH))


__all__ = ["ADMIN", "CONTRACT", "RICH", "START", "FakeChain", "PoolRefused", "genesis"]
