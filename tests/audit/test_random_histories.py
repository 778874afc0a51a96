"""Whatever an honest contract does, the auditor finds nothing: random histories with every kind of entry and operation.

At the end the auditor compares its own ceilings, limits and totals with the contract's, so a rule that it reads
otherwise shows.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from token_service.protocol import calldata
from token_service.protocol.hashing import text_hash, to_hex
from token_service.protocol.words import EntryWord

from .programme import ADMIN, DAY, MEMBER, MEMBER_KEY, OPERATOR, RULESET, Programme, person
from .test_honest_chain import audit, explain

STEPS = 70


class RandomHistory:
    """A programme under random but possible operations; what the contract refuses is left out."""

    def __init__(self, programme: Programme, draw: random.Random) -> None:
        self.programme, self.draw = programme, draw
        self.rulesets = [RULESET]
        self.nonce = 0

    def run(self) -> None:
        for _ in range(STEPS):
            self.draw.choice(
                [self.settle] * 8 + [self.wait, self.wait, self.ceiling, self.party, self.limit] + [self.rare]
            )()

    def settle(self) -> None:
        operator = self.draw.choice([OPERATOR, OPERATOR, person(9)])
        entries = [self.entry() for _ in range(self.draw.randrange(8))]
        batch = self.programme.batch(
            entries, facts=self.draw.randrange(2), operator=operator, ruleset=self.draw.choice(self.rulesets)
        )
        if not self.attempt(operator, self.programme.settle_data(batch)):
            self.programme.batches.remove(batch)
            self.programme.seqs[operator] -= 1

    def entry(self) -> EntryWord:
        account = self.draw.choice([MEMBER, *(person(number) for number in range(20, 26))])
        return EntryWord(account, self.draw.randrange(1, 11), self.draw.randrange(4), self.draw.randrange(1, 400))

    def wait(self) -> None:
        self.programme.wait(self.draw.choice([60, 7_200, DAY // 2, DAY, 3 * DAY]))

    def ceiling(self) -> None:
        period = self.draw.choice([0, 3_600, DAY, 2 * DAY])
        self.call("setCeiling", self.draw.randrange(1, 4), self.draw.randrange(3_000), period)

    def party(self) -> None:
        self.call("registerParty", 3, "Fleuriste", self.draw.randrange(1_000), self.draw.choice([0, DAY]))

    def limit(self) -> None:
        self.call("setDebitLimit", self.draw.choice([OPERATOR, person(9)]), self.draw.randrange(2_000))

    def rare(self) -> None:
        now = self.programme.now()
        hash_ = text_hash(f"rules {self.draw.random()}")
        name, *arguments = self.draw.choice(
            [
                ("publishRuleset", hash_, "", now + 2 * DAY + self.draw.randrange(DAY)),
                ("publishAddendum", self.rulesets[-1], hash_, ""),
                ("setFrozen", person(self.draw.randrange(20, 26)), self.draw.random() < 0.5),
                ("pause",), ("unpause",), ("openTransfers",),
                ("grantRole", text_hash("SETTLER"), person(9)), ("revokeRole", text_hash("SETTLER"), person(9)),
                ("bind",), ("redeem",), ("announceSunset", now + 40 * DAY),
            ]
        )  # fmt: skip
        if name == "bind":
            if not self.nonce:
                self.programme.bind(MEMBER, MEMBER_KEY, expires_at=now + 4 * DAY)
                self.nonce = 1
        elif name == "redeem":
            if self.nonce and self.can_redeem():
                self.programme.redeem(MEMBER, MEMBER_KEY, 1, nonce=self.nonce)
                self.nonce += 1
        elif self.call(name, *arguments) and name.startswith("publish"):
            self.rulesets.append(hash_)

    def can_redeem(self) -> bool:
        def view(name: str, *arguments: str) -> int:
            call = {"to": self.programme.contract, "data": to_hex(calldata.encode_call(name, *arguments))}
            return int(self.programme.rpc("eth_call", call, "pending"), 16)

        return view("balanceOf", MEMBER) > 0 and not view("paused")

    def call(self, name: str, *arguments: object) -> bool:
        return self.attempt(ADMIN, calldata.encode_call(name, *arguments))  # type: ignore[arg-type]

    def attempt(self, sender: str, data: bytes) -> bool:
        """Sends it if the contract would take it in the next block."""
        call = {"from": sender, "to": self.programme.contract, "data": to_hex(data)}
        if self.programme.would_fail(call):
            return False
        self.programme.send(sender, self.programme.contract, data)
        return True


@pytest.mark.parametrize("seed", range(6))
def test_an_honest_history_is_never_accused(node_url: str, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    programme = Programme(node_url, tmp_path / "receipts", notice=draw.choice([0, 2 * DAY]))
    programme.deploy()
    programme.admin("grantRole", text_hash("SETTLER"), person(9))
    RandomHistory(programme, draw).run()
    report = audit(programme, receipts=str(programme.folder))
    assert report.exit_code == 0, explain(report)
    assert report.counts["batches"] == len(programme.batches) > 5
