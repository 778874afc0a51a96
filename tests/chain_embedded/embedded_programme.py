"""A programme on an embedded chain for the tests: the real contract, deployed and ready to settle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account

from token_service.chain.embedded import EmbeddedChain, Mined
from token_service.chain.embedded.simulation import Call, simulate
from token_service.chain.embedded.view import ChainView
from token_service.protocol import abi, calldata
from token_service.protocol.contract_build import contract_build
from token_service.protocol.contract_state import read_value
from token_service.protocol.hashing import keccak256, to_hex
from token_service.protocol.transactions import contract_address
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind, Wei

OPERATOR = Account.from_key(keccak256(b"operator of the tests"))
POOR = Account.from_key(keccak256(b"an account without funds"))
OPERATOR_BYTES = bytes.fromhex(OPERATOR.address[2:])
FUNDS = Wei(10**24)
CHAIN_ID = 2**41 + 7
NOON = 1_790_000_000
RULESET = to_hex(keccak256(b"the ruleset of the tests"))
ROOT = to_hex(keccak256(b"root"))
PARTY = 1
LIMIT = 2**62


class Clock:
    """Whole seconds; moves only when told."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def member(number: int) -> str:
    """An address that nobody has a key to."""
    return to_hex(keccak256(f"member {number}".encode())[:20])


def signed(nonce: int, *, to: str | None, data: bytes = b"", chain_id: int = CHAIN_ID, **fields: Any) -> bytes:
    """A transaction of the operator's, type 2 unless `fields` say otherwise."""
    transaction = {
        "chainId": chain_id,
        "nonce": nonce,
        "gas": 200_000,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**6,
        "value": 0,
        "data": data,
        **({} if to is None else {"to": to}),
        **fields,
    }
    if "gasPrice" in fields:
        del transaction["maxFeePerGas"], transaction["maxPriorityFeePerGas"]
    return bytes(OPERATOR.sign_transaction({k: v for k, v in transaction.items() if v is not None}).raw_transaction)


def new_chain(path: Path, clock: Any = None, *, chain_id: int = CHAIN_ID, is_instant: bool = True) -> EmbeddedChain:
    return EmbeddedChain.create(
        path, chain_id=chain_id, funded={OPERATOR_BYTES: FUNDS}, clock=clock or Clock(), is_instant=is_instant
    )


@dataclass
class Programme:
    """The contract on a chain, with the operator in every role."""

    chain: EmbeddedChain
    contract: str
    nonce: int = 0
    seq: int = 0

    @classmethod
    def start(cls, chain: EmbeddedChain) -> Programme:
        """Deploys and opens the programme: ruleset, one party, no debit limit."""
        programme = cls(chain, contract_address(OPERATOR.address, 0))
        arguments = abi.encode(
            ["string", "string", "address", "uint48", "uint40", "uint40"],
            ["Les Halles", "HALLES", OPERATOR.address, 0, 0, 0],
        )
        creation = signed(0, to=None, data=contract_build().bytecode + arguments, gas=6_000_000)
        chain.mine([creation])
        programme.nonce = 1
        roles = [to_hex(keccak256(name)) for name in (b"SETTLER", b"RULES", b"ISSUERS", b"GUARD")]
        programme.mine(*[programme.call("grantRole", role, OPERATOR.address) for role in roles])
        programme.mine(
            programme.call("publishRuleset", RULESET, "file:rules.yaml", 0),
            programme.call("registerParty", PARTY, "the programme", LIMIT, 0),
        )
        programme.mine(programme.call("setDebitLimit", OPERATOR.address, LIMIT))
        return programme

    @classmethod
    def resume(cls, chain: EmbeddedChain) -> Programme:
        """The programme that lies on this chain already."""
        programme = cls(chain, contract_address(OPERATOR.address, 0))
        with chain.view() as view:
            programme.nonce = view.state(view.head()).get_nonce(OPERATOR_BYTES)
            programme.seq = read(view, programme.contract, "lastSeq", OPERATOR.address)
        return programme

    def call(self, name: str, *arguments: abi.Value) -> bytes:
        self.nonce += 1
        return signed(self.nonce - 1, to=self.contract, data=calldata.encode_call(name, *arguments))

    def settle(self, entries: Sequence[EntryWord]) -> bytes:
        self.nonce += 1
        self.seq += 1
        data = calldata.encode_settle(self.seq, RULESET, ROOT, entries)
        return signed(self.nonce - 1, to=self.contract, data=data, gas=400_000 + 32_000 * len(entries))

    def issue(self, points: int, *members: int) -> bytes:
        return self.settle([EntryWord(member(n), EntryKind.ISSUANCE, PARTY, points) for n in members])

    def mine(self, *raws: bytes) -> Mined:
        mined = self.chain.mine(raws)
        assert all(receipt.state_root == b"\x01" for receipt in mined.receipts)
        return mined


def read(view: ChainView, contract: str, name: str, *arguments: abi.Value) -> Any:
    """What a view function of the contract returns at the head."""
    call = Call(bytes(20), bytes.fromhex(contract[2:]), calldata.encode_call(name, *arguments), 0, 1_000_000)
    result = simulate(view, view.head(), call)
    assert result.is_success, (name, result)
    return read_value(name, result.output)
