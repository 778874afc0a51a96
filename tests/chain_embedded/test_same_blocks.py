"""Whole blocks are the same on py-evm's machine and on ours: nested calls that fail after they stored something, gas that ends
inside them, several transactions on the same slots, contracts made and removed, delegated accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from eth.chains.base import MiningChain
from eth.consensus import ConsensusApplier, NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm import opcode_values as codes
from eth_account import Account
from eth_utils.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import MACHINES

CHAIN_ID = 7
GAS_LIMIT = 30_000_000
SENDERS = [Account.from_key(bytes([n]) * 32) for n in (1, 2)]
CONTRACTS = [bytes([0xC0 + n]) * 20 for n in range(4)]
CALLS = (codes.CALL, codes.CALLCODE, codes.DELEGATECALL, codes.STATICCALL)


def pushed(value: int) -> bytes:
    return bytes((codes.PUSH32,)) + value.to_bytes(32)


def op(code: int, *operands: int) -> bytes:
    """The instruction with its operands, the first one on top of the stack."""
    return b"".join(pushed(value) for value in reversed(operands)) + bytes((code,))


def call(kind: int, to: bytes, gas: int, value: int = 0) -> bytes:
    """A call whose result is stored: its success in slot 6, the size of what it returned in slot 7."""
    worth = (value,) if kind in {codes.CALL, codes.CALLCODE} else ()
    made = op(kind, gas, int.from_bytes(to), *worth, 0, 36, 0, 32)
    return made + pushed(6) + b"\x55" + b"\x3d" + pushed(7) + b"\x55"


slots, stored = st.integers(0, 3), st.sampled_from([0, 0, 1, 5, 2**256 - 1])
storing = st.builds(lambda slot, value: op(codes.SSTORE, slot, value), slots, stored)
counting = slots.map(lambda slot: pushed(slot) + b"\x54" + pushed(1) + b"\x01" + pushed(slot) + b"\x55")
passing = st.builds(lambda slot, value: op(codes.TSTORE, slot, value), slots, stored)
remembering = st.builds(lambda slot: op(codes.TLOAD, slot) + pushed(slot) + b"\x55", slots)
calling = st.builds(
    call, st.sampled_from(CALLS), st.sampled_from(CONTRACTS), st.sampled_from([0, 3_000, 25_000, 200_000]),
    st.sampled_from([0, 0, 1, 10**30]),
)  # fmt: skip
precompiled = st.builds(call, st.sampled_from(CALLS), st.integers(1, 17).map(lambda n: n.to_bytes(20)), st.just(60_000))
logging = st.builds(lambda topic: op(codes.LOG1, 0, 40, topic), slots)
telling = st.sampled_from([codes.GAS, codes.MSIZE, codes.RETURNDATASIZE, codes.SELFBALANCE]).map(
    lambda code: bytes((code,)) + pushed(5) + b"\x55"
)
copying = st.sampled_from(
    [
        op(codes.RETURNDATACOPY, 0, 0, 32),
        op(codes.MCOPY, 32, 0, 64),
        op(codes.EXTCODECOPY, int.from_bytes(CONTRACTS[0]), 0, 0, 40),
    ]
)
ending = st.sampled_from(
    [op(codes.REVERT, 0, 64), op(codes.RETURN, 0, 64), b"\xfe", b"\x5b\x60\x00\x56", b"", b"", op(codes.POP, 1),
     op(codes.SELFDESTRUCT, int.from_bytes(CONTRACTS[1]))]
)  # fmt: skip
MAKINGS = [
    bytes.fromhex("6007600155600160005260206000f3"),  # slot 1 becomes 7; its code is a STOP among zeroes
    bytes.fromhex("60076001556001600255600060025533ff"),  # stores, and is gone with its transaction
    bytes.fromhex("600760015560206000fd"),  # stores and reverts
    bytes.fromhex("6007600155fe"),
    bytes.fromhex("60ef60005360016000f3"),  # code that may not be stored (EIP-3541)
    b"",
]


@st.composite
def making(draw: st.DrawFn) -> bytes:
    """CREATE or CREATE2 of a contract whose making stores something, or fails, or ends it at once."""
    body = draw(st.sampled_from(MAKINGS))
    placed = pushed(int.from_bytes(body.ljust(32, b"\x00"))) + pushed(0) + b"\x52"
    salted = draw(st.booleans())
    made = op(codes.CREATE2, 0, 0, len(body), 1) if salted else op(codes.CREATE, 1, 0, len(body))
    return placed + made + pushed(8) + b"\x55"


pieces = st.one_of(
    storing, counting, counting, passing, remembering, calling, calling, calling, precompiled, logging, telling, copying, making()
)  # fmt: skip
bodies = st.tuples(st.lists(pieces, max_size=8), ending).map(lambda parts: b"".join(parts[0]) + parts[1])


@dataclass(frozen=True)
class Sent:
    """A transaction; `to` None: its data makes a contract. `delegate`: the other sender's account gets its code."""

    sender: int
    to: int | None
    gas: int
    data: bytes
    delegate: int | None
    is_warm: bool


numbers = st.integers(0, 3)
sent = st.builds(
    Sent,
    st.integers(0, 1),
    st.one_of(numbers, numbers, st.none()),
    st.sampled_from([90_000, 120_000, 400_000, 2_000_000]),
    st.one_of(st.binary(max_size=8), bodies.map(lambda body: body[:200])),
    st.one_of(st.none(), st.none(), numbers),
    st.booleans(),
)
blocks = st.lists(st.lists(sent, min_size=1, max_size=4), min_size=1, max_size=3)


def new_chain(machine: Any, contracts: Sequence[bytes]) -> Any:
    accounts: dict[bytes, Any] = {
        address: {"balance": 5, "nonce": 1, "code": code, "storage": {0: 3, 2: 1}}
        for address, code in zip(CONTRACTS, contracts, strict=True)
    }
    accounts |= {
        bytes.fromhex(sender.address[2:]): {"balance": 10**24, "nonce": 0, "code": b"", "storage": {}}
        for sender in SENDERS
    }
    configured = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, machine),))
    made = MiningChain.configure(__name__="Compared", vm_configuration=configured, chain_id=CHAIN_ID)
    return made.from_genesis(AtomicDB(), {"difficulty": 0, "gas_limit": GAS_LIMIT, "timestamp": 10**9}, accounts)


def play(machine: Any, contracts: Sequence[bytes], played: Sequence[Sequence[Sent]]) -> list[Any]:
    """After each block: its hash, which covers state, receipts, logs and gas; and what its transactions used, to read. A
    transaction that may not be in its block ends it (a contract under a delegated account took the account's next nonce)."""
    chain = new_chain(machine, contracts)
    nonces = [0, 0]
    seen: list[Any] = []
    for block in played:
        decoded = [chain.get_vm().get_transaction_builder().decode(signed(nonces, one)) for one in block]
        head = chain.get_canonical_head()
        try:
            mined, receipts, _ = chain.mine_all(decoded, parent_header=head, timestamp=head.timestamp + 12)
        except ValidationError as error:
            return [*seen, str(error)]
        seen.append((mined.imported_block.hash, [(one.state_root, one.gas_used, len(one.logs)) for one in receipts]))
    return seen


def signed(nonces: list[int], sent: Sent) -> bytes:
    fields: dict[str, Any] = {
        "chainId": CHAIN_ID,
        "nonce": nonces[sent.sender],
        "gas": sent.gas,
        "maxFeePerGas": 10**12,
        "maxPriorityFeePerGas": 1,
        "value": 1,
        "data": sent.data,
    }
    nonces[sent.sender] += 1
    if sent.to is not None:
        fields["to"] = CONTRACTS[sent.to]
        fields["accessList"] = (
            [{"address": CONTRACTS[0].hex(), "storageKeys": ["0x" + "00" * 32]}] if sent.is_warm else []
        )
        if sent.delegate is not None:
            other = 1 - sent.sender
            grant = {"chainId": CHAIN_ID, "address": CONTRACTS[sent.delegate], "nonce": nonces[other]}
            fields |= {"to": SENDERS[other].address, "authorizationList": [SENDERS[other].sign_authorization(grant)]}
            nonces[other] += 1
    return bytes(SENDERS[sent.sender].sign_transaction(fields).raw_transaction)


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT opcode present")
@settings(max_examples=30)
@given(contracts=st.lists(bodies, min_size=4, max_size=4), played=blocks)
def test_blocks_of_any_contracts_are_py_evms(contracts: list[bytes], played: list[list[Sent]]) -> None:
    slow, fast = (play(machine, contracts, played) for machine in MACHINES)
    assert fast == slow
