"""The fake contract beside the compiled one: the same calls give the same logs, refusals, balances and totals."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from contract_model import DAY
from contract_state import ContractState
from fake_chain import START
from fake_contract import Reverted, ask, execute
from keys import CHAIN_ID, CONTRACT, address, secret

from token_service.chain.admin_calls import ROLES
from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded_node import EmbeddedNode
from token_service.custody import curve
from token_service.errors import RpcError
from token_service.protocol import abi
from token_service.protocol.calldata import encode_call, encode_settle_words
from token_service.protocol.contract_build import contract_build
from token_service.protocol.hashing import keccak256, text_hash, to_hex
from token_service.protocol.transactions import Transaction

RULESET, ROOT = text_hash("the ruleset"), text_hash("the root")
BOSS, SETTLER, STRANGER = address("deployer"), address("settler"), address("stranger")
PEOPLE = [address(f"person {number}") for number in range(4)]
NAMES = {address(name): name for name in ("deployer", "settler", "stranger")}


@dataclass
class Both:
    """The compiled contract on the embedded chain, and the fake one; every call goes to both."""

    node: EmbeddedNode
    clock: list[int]
    state: ContractState = field(default_factory=lambda: ContractState(roles={(ROLES["admin"], BOSS)}))
    nonces: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def send(self, sender: str, data: bytes, to: str | None = CONTRACT) -> dict[str, Any]:
        """The receipt of a transaction in a block of its own, on the compiled side."""
        body = Transaction(CHAIN_ID, self.nonces.get(sender, 0), 10**6, 10**11, 8_000_000, to, 0, data)
        self.nonces[sender] = body.nonce + 1
        signature = curve.sign(secret(NAMES[sender]), keccak256(body.payload()))
        raw = body.signed(y_parity=signature[64], r=int.from_bytes(signature[:32]), s=int.from_bytes(signature[32:64]))
        sent = self.node.request("eth_sendRawTransaction", [to_hex(raw)])
        return dict(self.node.request("eth_getTransactionReceipt", [sent]))

    def do(self, sender: str, data: bytes) -> bool:
        """Whether it was applied: by both, with the same logs, or by neither, with the same error."""
        self.clock[0] += 1
        refusal = self._refusal(sender, data)
        receipt = self.send(sender, data)
        now = int(self.node.request("eth_getBlockByNumber", ["latest", False])["timestamp"], 16)
        before = self.state.copy()
        try:
            logs = execute(self.state, sender, data, now)
        except Reverted as reverted:
            logs, said = [], reverted
            self.refused.add(str(reverted))
        else:
            said = None
        if said is not None:
            self.state = before
            assert (receipt["status"], refusal) == ("0x0", said.data)
            return False
        assert receipt["status"] == "0x1"
        assert [(log["topics"], log["data"]) for log in receipt["logs"]] == [(list(o.topics), o.data) for o in logs]
        return True

    def _refusal(self, sender: str, data: bytes) -> str | None:
        try:
            self.node.request("eth_call", [{"to": CONTRACT, "from": sender, "data": to_hex(data)}, "latest"])
        except RpcError as error:
            return error.data
        return None

    def agree(self, name: str, *arguments: abi.Value) -> None:
        data = encode_call(name, *arguments)
        block = self.node.request("eth_getBlockByNumber", ["latest", False])
        real = self.node.request("eth_call", [{"to": CONTRACT, "data": to_hex(data)}, "latest"])
        assert real == to_hex(ask(self.state, data, int(block["timestamp"], 16))), name


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    clock = [START]
    funded = {bytes.fromhex(who[2:]): 10**24 for who in NAMES}
    chain = EmbeddedChain.create(
        tmp_path / "chain.db", chain_id=CHAIN_ID, funded=funded, clock=lambda: clock[0], is_instant=True
    )
    pair = Both(EmbeddedNode(chain), clock)
    kinds = ["string", "string", "address", "uint48", "uint40", "uint40"]
    creation = contract_build().bytecode + abi.encode(kinds, ["Les Halles", "HALLES", BOSS, 0, 0, 0])
    assert pair.send(BOSS, creation, to=None)["status"] == "0x1"
    yield pair
    chain.close()


def word(dice: random.Random) -> int:
    account = int(dice.choice(PEOPLE), 16) if dice.random() < 0.97 else 0
    kind = dice.choice((1, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 11))
    amount = dice.choice((0, 2**53, 500)) if dice.random() < 0.1 else dice.randint(1, 60)
    return account << 96 | kind << 88 | dice.choice((1, 1, 2, 2, 3, 0)) << 64 | amount


def order(dice: random.Random) -> bytes:
    limit = dice.choice((0, 80, 200, 10_000))
    return dice.choice(
        (
            lambda: encode_call("pause"),
            lambda: encode_call("unpause"),
            lambda: encode_call("setFrozen", dice.choice(PEOPLE), dice.random() < 0.4),
            lambda: encode_call("setCeiling", dice.choice((1, 2, 7)), limit, dice.choice((0, 3600, DAY))),
            lambda: encode_call("setDebitLimit", SETTLER, limit),
            lambda: encode_call("revokeRole", ROLES["settler"], SETTLER),
            lambda: encode_call("grantRole", ROLES["settler"], SETTLER),
            lambda: encode_call("registerParty", dice.choice((0, 2, 3)), "Boulangerie", limit, 3600),
        )
    )()


@pytest.mark.parametrize("seed", range(2))
def test_random_calls_do_the_same_to_the_fake_and_the_compiled_contract(both: Both, seed: int) -> None:
    dice = random.Random(seed)
    for role in ("settler", "rules", "issuers", "guard"):
        assert both.do(BOSS, encode_call("grantRole", ROLES[role], BOSS if role != "settler" else SETTLER))
    assert not both.do(SETTLER, encode_settle_words(1, RULESET, ROOT, []))
    both.do(BOSS, encode_call("publishRuleset", RULESET, "file:rules.yaml", 0))
    both.do(BOSS, encode_call("registerParty", 1, "Les Halles", 10**9, DAY))
    both.do(BOSS, encode_call("setDebitLimit", SETTLER, 10_000))
    seq, applied = 1, 0
    for _ in range(60):
        if dice.random() < 0.35:
            both.do(dice.choice((BOSS, BOSS, BOSS, STRANGER)), order(dice))
        else:
            given = seq if dice.random() < 0.9 else seq + dice.choice((-1, 1))
            words = [word(dice) for _ in range(dice.randint(0, 9))]
            done = both.do(SETTLER, encode_settle_words(given, RULESET, ROOT, words))
            assert not (done and given != seq)
            applied += done
            seq += done
        if dice.random() < 0.1:
            both.clock[0] += dice.choice((1800, DAY, 8 * DAY))
        if dice.random() < 0.1 and not any((ROLES["settler"], SETTLER) == one for one in both.state.roles):
            both.do(BOSS, encode_call("grantRole", ROLES["settler"], SETTLER))
    assert applied > 5
    assert {"BatchOutOfSequence", "AccessControlUnauthorizedAccount", "EnforcedPause"} & both.refused
    for person in PEOPLE:
        both.agree("balanceOf", person)
    for name in ("totals", "totalSupply", "paused"):
        both.agree(name)
    for number in (1, 2, 3, 7):
        both.agree("partyOf", number)
    for name in ("lastSeq", "nextSeq", "laneOf"):
        both.agree(name, SETTLER)
    both.agree("hasRole", ROLES["settler"], SETTLER)
    both.agree("rulesetAt", both.clock[0])
