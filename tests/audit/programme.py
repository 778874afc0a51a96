"""A small programme on a real node (anvil), settled and signed by the test itself: honest unless a test bends it.

Times are chosen by the tests: the chain starts in 2027 and moves only when it is told to.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coincurve
import requests

from token_service.program.ruleset import canonical_json, default_ruleset_text, parse_ruleset
from token_service.protocol import abi, calldata, promises, receipt_files, receipts, typed_data
from token_service.protocol.contract_build import contract_build
from token_service.protocol.hashing import address_from_bytes, keccak256, text_hash, to_hex
from token_service.protocol.promises import Promise, SignedPromise
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf
from token_service.protocol.receipts import Leaf, Opening, Receipt
from token_service.protocol.words import EntryWord, pack

START = 1_800_000_000
DAY = 86_400
RULES = canonical_json(parse_ruleset(default_ruleset_text()))
RULESET = text_hash(RULES)
PROMISE_KEY = b"\x21" * 32
MEMBER_KEY = b"\x22" * 32


def address_of(key: bytes) -> str:
    """The address of a private key."""
    public = coincurve.PrivateKey(key).public_key.format(compressed=False)
    return address_from_bytes(keccak256(public[1:])[12:])


def person(number: int) -> str:
    """The address of member or operator `number`."""
    return address_from_bytes(keccak256(f"person {number}".encode())[12:])


ADMIN, OPERATOR, ALICE, BOB, CHARLIE = (person(number) for number in range(5))
MEMBER = address_of(MEMBER_KEY)


@dataclass
class Programme:
    """A deployed contract, the folder of its receipts, and what was settled."""

    url: str
    folder: Path
    notice: int = 0
    contract: str = ""
    chain_id: int = 0
    seqs: dict[str, int] = field(default_factory=dict)
    batches: list[BatchReceipts] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)

    def rpc(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = requests.post(self.url, json=body, timeout=30).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def now(self) -> int:
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def wait(self, seconds: int) -> None:
        """The next block comes this much later."""
        self.rpc("evm_setNextBlockTimestamp", hex(self.now() + seconds))

    def send(self, sender: str, to: str | None, data: bytes) -> dict[str, Any]:
        """The receipt of a transaction that must succeed."""
        self.rpc("anvil_impersonateAccount", sender)
        self.rpc("anvil_setBalance", sender, hex(10**24))
        fields = {"from": sender, "data": to_hex(data), "gas": hex(15_000_000)} | ({"to": to} if to else {})
        hash_ = self.rpc("eth_sendTransaction", fields)
        receipt = None
        until = time.monotonic() + 20
        while receipt is None and time.monotonic() < until:
            receipt = self.rpc("eth_getTransactionReceipt", hash_)
        assert receipt is not None
        assert receipt["status"] == "0x1", hash_
        return receipt

    def would_fail(self, call: dict[str, str]) -> bool:
        """True if the contract would refuse the call in the next block."""
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "pending"]}
        return "error" in requests.post(self.url, json=body, timeout=30).json()

    def admin(self, name: str, *arguments: Any) -> dict[str, Any]:
        return self.send(ADMIN, self.contract, calldata.encode_call(name, *arguments))

    def deploy(self, code: bytes | None = None, *, ruleset: str = RULESET) -> None:
        """The published contract, or another code, with roles, one ruleset, two parties and no limit for the
        operator.
        """
        terms = (["string", "string", "address", "uint48", "uint40", "uint40"],)
        arguments = abi.encode(*terms, ["Les Halles", "HAL", ADMIN, 0, self.notice, 30 * DAY])
        made = self.send(ADMIN, None, (code or contract_build().bytecode) + arguments)
        self.contract = address_from_bytes(bytes.fromhex(made["contractAddress"][2:]))
        self.chain_id = int(self.rpc("eth_chainId"), 16)
        for role, account in (("SETTLER", OPERATOR), ("RULES", ADMIN), ("ISSUERS", ADMIN), ("GUARD", ADMIN)):
            self.admin("grantRole", text_hash(role), account)
        self.admin("publishRuleset", ruleset, "", 0)
        self.admin("registerParty", 1, "Les Halles", 1_000_000, DAY)
        self.admin("registerParty", 2, "Boulangerie", 1_000, DAY)
        self.admin("setDebitLimit", OPERATOR, 10_000)

    def batch(
        self, entries: list[EntryWord], *, facts: int = 0, operator: str = OPERATOR, ruleset: str = RULESET
    ) -> BatchReceipts:
        """The next batch of an operator with its leaves; not sent yet."""
        seq = self.seqs[operator] = self.seqs.get(operator, 0) + 1
        words = [(e.account, e.kind, e.party, e.amount) for e in entries]
        leaves = [
            Leaf(self.chain_id, self.contract, operator, seq, index, *word, self._commit(f"ent_{seq}_{index}"))
            for index, word in enumerate(words + [(ALICE, 0, 0, 0)] * facts)
        ]
        root = to_hex(receipts.receipts_tree(leaves).root) if leaves else "0x" + "00" * 32
        filed = tuple(FiledLeaf(leaf, f"ent_{seq}_{leaf.index}") for leaf in leaves)
        batch = BatchReceipts(self.chain_id, self.contract, operator, seq, ruleset, root, len(entries), filed)
        self.batches.append(batch)
        self.file(batch)
        return batch

    def settle(self, *entries: EntryWord, **named: Any) -> dict[str, Any]:
        """Makes, files and sends the next batch."""
        batch = self.batch(list(entries), **named)
        return self.send(batch.operator, self.contract, self.settle_data(batch))

    def settle_data(self, batch: BatchReceipts) -> bytes:
        words = [
            pack(EntryWord(f.leaf.account, f.leaf.kind, f.leaf.party, f.leaf.amount))
            for f in batch.leaves[: batch.word_count]
        ]
        return calldata.encode_settle_words(batch.seq, batch.ruleset_hash, batch.receipts_root, words)

    def file(self, batch: BatchReceipts) -> None:
        """Writes (or writes over) a batch's receipt file."""
        path = self.folder / receipt_files.relative_path(batch.operator, batch.seq)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(receipt_files.file_text(batch))

    def receipt(self, seq: int, index: int, outcome: str = "applied") -> Receipt:
        """The receipt of one leaf, opened."""
        batch = next(batch for batch in self.batches if batch.seq == seq)
        leaves = [filed.leaf for filed in batch.leaves]
        id_ = str(batch.leaves[index].id)
        opening = Opening(to_hex(receipts.salt(b"k" * 32, id_)), self.details[id_])
        return receipts.make_receipt(
            receipts.receipts_tree(leaves), leaves[index], position=index, outcome=outcome, entry_id=id_, opening=opening
        )  # fmt: skip

    def promise(self, leaf: Leaf, *, entry_id: str = "ent_1_0", settle_by: int = START + 10 * DAY) -> SignedPromise:
        """A promise of this leaf, signed with the programme's promise key."""
        promised = Promise(
            leaf.chain_id, leaf.contract, entry_id, leaf.account, leaf.kind, leaf.party, leaf.amount, leaf.commitment, settle_by
        )  # fmt: skip
        signature = coincurve.PrivateKey(PROMISE_KEY).sign_recoverable(promises.digest(promised), hasher=None)
        return SignedPromise(promised, to_hex(signature))

    def bind(self, source: str, key: bytes, *, expires_at: int = 0) -> None:
        """Puts the member's points (under `key`) into self-custody in place."""
        domain = typed_data.domain_separator(self.chain_id, self.contract)
        digest = typed_data.bind_digest(
            domain, from_address=source, to_address=source, expires_at=expires_at, nonce=0, deadline=2**40
        )
        signature = _sign(key, digest)
        data = calldata.encode_call("bindSelfCustody", source, source, expires_at, 2**40, signature, signature)
        self.send(BOB, self.contract, data)

    def redeem(self, source: str, key: bytes, amount: int, *, nonce: int) -> None:
        """A redemption by the member's own signature."""
        reward = text_hash("quote")
        digest = typed_data.redeem_digest(
            typed_data.domain_separator(self.chain_id, self.contract),
            account=source, amount=amount, merchant=2, reward=reward, nonce=nonce, deadline=2**40,
        )  # fmt: skip
        data = calldata.encode_call("redeemWithSignature", source, amount, 2, reward, 2**40, _sign(key, digest))
        self.send(BOB, self.contract, data)

    def _commit(self, id_: str) -> str:
        self.details[id_] = receipts.jcs({"v": 1, "reference": f"till/{id_}"})
        return receipts.commitment(receipts.salt(b"k" * 32, id_), self.details[id_])


def _sign(key: bytes, digest: bytes) -> bytes:
    signature = coincurve.PrivateKey(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def save(path: Path, document: object) -> Path:
    """Writes a JSON document."""
    path.write_text(json.dumps(document))
    return path
