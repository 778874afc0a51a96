"""Entries a second through the ledger and the real settlement, against web3.py that mints one by one on the same chain."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from scripts.bench.anvil import fund, running_anvil
from scripts.bench.gas import CHAIN_ID, POINTS, member
from scripts.bench.programme import MEMBERS, instant_node, programme, settle
from scripts.bench.rival import Build, NodeProvider, Sender, deploy
from scripts.bench.table import Figure
from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded_node import EmbeddedNode
from token_service.chain.node import Node
from token_service.protocol.hashing import keccak256
from token_service.units import Wei

EMBEDDED_ENTRIES: Final = 4_000
ANVIL_ENTRIES: Final = 10_000
PLAIN_MINTS: Final = 150
TIGHT_MINTS: Final = 400
STEPS: Final = {
    "plan": "plan: choose leaves, words, Merkle tree, sign",
    "receipts": "receipt files: seal, write, fsync",
    "push": "push: send, the node takes it in",
    "index": "index: read blocks, check, write outcomes",
}
OTHER: Final = "finality and looking for work"


@dataclass
class Stopwatch:
    """Called by settlement at each place that it passes: counts the seconds before a place under the place's step."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    last: float = field(default_factory=time.perf_counter)

    def __call__(self, place: str) -> None:
        now = time.perf_counter()
        self.seconds[STEPS.get(place.partition(".")[0], OTHER)] += now - self.last
        self.last = now


@dataclass(frozen=True)
class Settled:
    """Seconds to record entries in the ledger, and to settle them; the latter also by step."""

    entries: int
    record_seconds: float
    settle_seconds: float
    step_seconds: dict[str, float]


def measure_embedded(rival: Build) -> list[Figure]:
    """Both on a chain in a file of their own, in its instant mode; members hold points before the clock starts."""
    signer = _signer()
    with tempfile.TemporaryDirectory() as folder, _funded_chain(Path(folder), signer) as node:
        mint = _plain_mint(Sender(Web3(NodeProvider(node)), signer), rival)
        before = _rate(mint, PLAIN_MINTS)
        ours = _settled(EMBEDDED_ENTRIES)
        plain = (before + _rate(mint, PLAIN_MINTS)) / 2
    return _lines("embedded chain", ours, plain, f"web3.py, single OpenZeppelin mints {plain:,.0f}/s")


def measure_anvil(rival: Build) -> tuple[list[Figure], list[tuple[str, float]]]:
    """The lines, and where our time goes. The rival counts its nonce itself and polls each millisecond."""
    signer = _signer()
    with running_anvil() as rival_url, running_anvil() as url:
        fund(rival_url, signer.address)
        mint = _tight_mint(Sender(Web3(HTTPProvider(rival_url)), signer), rival)
        before = _rate(mint, TIGHT_MINTS)
        ours = _settled(ANVIL_ENTRIES, url)
        tight = (before + _rate(mint, TIGHT_MINTS)) / 2
    beside = f"tight loop of single OpenZeppelin mints {tight:,.0f}/s"
    return _lines("anvil", ours, tight, beside), list(ours.step_seconds.items())


def _lines(chain: str, ours: Settled, rival_rate: float, beside: str) -> list[Figure]:
    settled = ours.entries / ours.settle_seconds
    both = ours.entries / (ours.record_seconds + ours.settle_seconds)
    return [
        Figure(f"{chain}: entries settled", settled / rival_rate, f"{settled:,.0f}/s", beside),
        Figure(f"{chain}: from a purchase to its settled entry", both / rival_rate, f"{both:,.0f}/s", beside),
    ]


def _settled(entries: int, url: str | None = None) -> Settled:
    """`entries` purchases, on anvil at `url` or on the embedded chain."""
    with (
        tempfile.TemporaryDirectory() as folder,
        programme(Path(folder) / "var", rpc_url=url) as made,
        instant_node(made.application) as node,
    ):
        made.buy(MEMBERS)
        settle(made.application, node)
        record = _seconds(lambda: made.buy(entries))
        watch = Stopwatch()
        done = _seconds(lambda: settle(made.application, node, watch))
        watch(OTHER)
    return Settled(entries, record, done, dict(watch.seconds))


def _plain_mint(sender: Sender, rival: Build) -> Callable[[int], object]:
    """Mints once as web3.py's own guide writes it: it fills in gas, fee and nonce, and waits for each receipt."""
    token = _warm(sender, rival)
    web3, own = sender.web3, sender.account

    def mint(number: int) -> None:
        fields = {"from": own.address, "nonce": web3.eth.get_transaction_count(own.address)}
        call = token.functions.mint(member(number % MEMBERS), POINTS)
        sent = web3.eth.send_raw_transaction(own.sign_transaction(call.build_transaction(fields)).raw_transaction)
        web3.eth.wait_for_transaction_receipt(sent)

    return mint


def _tight_mint(sender: Sender, rival: Build) -> Callable[[int], object]:
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


def _rate(work: Callable[[int], object], times: int) -> float:
    return times / _seconds(lambda: [work(number) for number in range(times)])


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _signer() -> LocalAccount:
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
