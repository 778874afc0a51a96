"""Entries a second through the ledger and the real settlement, against web3.py that mints one by one on the same chain.

Other work on the machine must not decide: the rival runs before and after ours, round after round, and the median counts.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from scripts.bench.anvil import fund, running_anvil
from scripts.bench.gas import CHAIN_ID, POINTS, member
from scripts.bench.programme import MEMBERS, instant_node, programme, settle
from scripts.bench.rival import Build, NodeProvider, Sender, deploy
from scripts.bench.table import Breakdown, Figure, at_least
from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded_node import EmbeddedNode
from token_service.chain.node import Node
from token_service.protocol.hashing import keccak256
from token_service.units import Wei

ROUNDS: Final = 5
ENTRIES: Final = 3_000
"""In each round: six batches of 500."""
PLAIN_MINTS: Final = 60
TIGHT_MINTS: Final = 150
EMBEDDED_TARGET: Final = 15
ANVIL_TARGET: Final = 20
STEPS: Final = {
    "plan": "plan: choose leaves, words, Merkle tree, sign",
    "receipts": "receipt files: seal, write, fsync",
    "push": "push: send, the node takes it in",
    "index": "index: read blocks, check, write outcomes",
    "track": "track: gas and status of our transactions",
    "finalize": "finalize: outcomes for good",
}
OTHER: Final = "looking for work"

Mint = Callable[[int], object]


@dataclass
class Stopwatch:
    """Called by settlement at each place that it passes: counts the seconds before a place under the place's step."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    last: float = 0.0

    def start(self) -> None:
        self.last = time.perf_counter()

    def __call__(self, place: str) -> None:
        now = time.perf_counter()
        self.seconds[STEPS.get(place.partition(".")[0], OTHER)] += now - self.last
        self.last = now


@dataclass(frozen=True)
class Round:
    """Rates a second: entries settled, entries from a purchase on, and the rival's mints around them."""

    settled: float
    bought: float
    minted: float


def measure_embedded(rival: Build) -> tuple[list[Figure], Breakdown]:
    """Both on a chain in a file of their own, in its instant mode; members hold points before the clock starts."""
    signer = bench_signer()
    with tempfile.TemporaryDirectory() as folder, _funded_chain(Path(folder), signer) as node:
        mint = _plain_mint(Sender(Web3(NodeProvider(node)), signer), rival)
        rounds, watch = _rounds(mint, PLAIN_MINTS)
    name = "web3.py loop of single OpenZeppelin mints"
    return lines_of("embedded chain", rounds, name, EMBEDDED_TARGET), _breakdown("the embedded chain", watch)


def measure_anvil(rival: Build) -> tuple[list[Figure], Breakdown]:
    """The rival counts its nonce itself and polls each millisecond."""
    signer = bench_signer()
    with running_anvil() as rival_url, running_anvil() as url:
        fund(rival_url, signer.address)
        mint = tight_mint(Sender(Web3(HTTPProvider(rival_url)), signer), rival)
        rounds, watch = _rounds(mint, TIGHT_MINTS, url)
    name = "tight loop of single OpenZeppelin mints"
    return lines_of("anvil", rounds, name, ANVIL_TARGET), _breakdown("anvil", watch)


def lines_of(chain: str, rounds: Sequence[Round], name: str, target: float) -> list[Figure]:
    """Entries settled, and from a purchase on, of the rival's rate around them."""
    minted = median(each.minted for each in rounds)

    def line(what: str, rates: Sequence[float], least: float | None) -> Figure:
        ratios = [rate / each.minted for rate, each in zip(rates, rounds, strict=True)]
        ratio = median(ratios)
        beside = f"{name} {minted:,.0f}/s; {min(ratios):.1f} … {max(ratios):.1f} × in {len(rounds)} rounds"
        met = None if least is None else at_least(least, ratio)
        return Figure(f"{chain}: {what}", ratio, f"{median(rates):,.0f}/s", beside, met)

    return [
        line("entries settled", [each.settled for each in rounds], target),
        line("from a purchase to its settled entry", [each.bought for each in rounds], None),
    ]


def _breakdown(chain: str, watch: Stopwatch) -> Breakdown:
    title = f"Where the time of settling on {chain} goes, {ROUNDS * ENTRIES:,} entries"
    return Breakdown(title, list(watch.seconds.items()))


def _rounds(mint: Mint, mints: int, url: str | None = None) -> tuple[list[Round], Stopwatch]:
    """ENTRIES purchases in each round, on anvil at `url` or on the embedded chain."""
    watch, rounds = Stopwatch(), []
    with (
        tempfile.TemporaryDirectory() as folder,
        programme(Path(folder) / "var", rpc_url=url) as made,
        instant_node(made.application) as node,
    ):
        made.buy(MEMBERS)
        settle(made.application, node)
        mint(0)
        before = rate_of(mint, mints)
        for _ in range(ROUNDS):
            record = _seconds(lambda: made.buy(ENTRIES))
            watch.start()
            done = _seconds(lambda: settle(made.application, node, watch))
            watch(OTHER)
            after = rate_of(mint, mints)
            rounds.append(Round(ENTRIES / done, ENTRIES / (record + done), (before + after) / 2))
            before = after
    return rounds, watch


def _plain_mint(sender: Sender, rival: Build) -> Mint:
    """Mints once as web3.py's own guide writes it: it fills in gas, fee and nonce, and waits for each receipt."""
    token = _warm(sender, rival)
    web3, own = sender.web3, sender.account

    def mint(number: int) -> None:
        fields = {"from": own.address, "nonce": web3.eth.get_transaction_count(own.address)}
        call = token.functions.mint(member(number % MEMBERS), POINTS)
        sent = web3.eth.send_raw_transaction(own.sign_transaction(call.build_transaction(fields)).raw_transaction)
        web3.eth.wait_for_transaction_receipt(sent)

    return mint


def tight_mint(sender: Sender, rival: Build) -> Mint:
    """Mints once with gas, fee and nonce counted here and a poll each millisecond."""
    token = _warm(sender, rival)
    return lambda number: sender.send(token.functions.mint(member(number % MEMBERS), POINTS))


def _warm(sender: Sender, rival: Build) -> Contract:
    """The rival's contract; every member holds some of it."""
    token = deploy(sender, rival.abi, rival.bytecode)
    for start in range(0, MEMBERS, 100):
        numbers = range(start, start + 100)
        sender.send(token.functions.mintMany([member(n) for n in numbers], [POINTS] * 100))
    return token


def rate_of(work: Callable[[int], object], times: int) -> float:
    """Times a second."""
    return times / _seconds(lambda: [work(number) for number in range(times)])


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bench_signer() -> LocalAccount:
    """The rival's own account."""
    account: LocalAccount = Account.from_key(keccak256(b"bench signer"))
    return account


@contextmanager
def _funded_chain(folder: Path, signer: LocalAccount) -> Iterator[Node]:
    funded = {bytes.fromhex(signer.address[2:]): Wei(10**24)}
    chain = EmbeddedChain.create(
        folder / "chain.db", chain_id=CHAIN_ID, funded=funded, clock=lambda: int(time.time()), is_instant=True
    )
    try:
        yield EmbeddedNode(chain)
    finally:
        chain.close()
