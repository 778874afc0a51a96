"""One member's proof against the chain: a receipt, or a promise (CONTRACT §2 and §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from token_service.audit import bytecode, pinning
from token_service.audit.one_batch import Chain, find_batches
from token_service.audit.report import Findings, Status
from token_service.audit.rpc import Rpc
from token_service.errors import InvalidInput
from token_service.protocol import receipts
from token_service.protocol.hashing import checksum_address
from token_service.protocol.receipts import Receipt
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind

SKIP_REASONS: Final = {
    1: "bad word", 2: "the account was frozen", 3: "the points were in self-custody", 4: "the balance was short",
    5: "the party was unknown", 6: "the party's ceiling was reached", 7: "the operator's daily limit was reached",
    8: "the programme's sunset", 9: "more restored than redeemed", 10: "more moved in than out",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at, in words."""

    name: str
    status: Status
    detail: str


@dataclass(slots=True)
class Verdict:
    """What came out of one receipt or promise; `kind` is `receipt` or `promise`."""

    kind: str
    lines: list[Line] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all held · 1 something differs · 2 something could not be checked."""
        statuses = {line.status for line in self.lines}
        return 1 if Status.FAILED in statuses else 2 if Status.NOT_CHECKED in statuses else 0

    def say(self, name: str, held: bool, detail: str) -> bool:
        """Notes one line and gives `held` back."""
        self.lines.append(Line(name, Status.HELD if held else Status.FAILED, detail))
        return held

    def doubt(self, name: str, detail: str) -> None:
        """Notes what could not be checked."""
        self.lines.append(Line(name, Status.NOT_CHECKED, detail))

    def to_json(self) -> dict[str, object]:
        """What `mereau verify --json` prints."""
        return {"object": "verdict", "v": 1, "exit_code": self.exit_code, **asdict(self)}


def open_chain(rpc_url: str, contract: str, block: str, verdict: Verdict) -> Chain:
    """The contract on a node, pinned; notes whether it is the published build. Raises NodeUnreachable, RpcError."""
    rpc = Rpc(rpc_url)
    pinned = pinning.pin(rpc, block)
    chain_id = rpc.quantity("eth_chainId")
    findings = Findings()
    constants = bytecode.check_code(rpc, chain_id, contract, hex(pinned.number), findings)
    wrong = [str(finding) for finding in findings.kept]
    named = f"block {pinned.number} ({pinned.tag}) of chain {chain_id}"
    verdict.say("contract", not wrong, "; ".join(wrong) or f"the published build, read at {named}")
    for reason in findings.doubts.get("bytecode", []):
        verdict.doubt("contract", reason)
    return Chain(rpc, chain_id, contract, constants.deployed_at, pinned)


def verify_receipt(receipt: Receipt, *, rpc_url: str, contract: str | None = None, block: str = "finalized") -> Verdict:
    """Whether the chain bears the receipt out. `contract` is where the caller expects it; None takes the receipt's
    word.
    """
    verdict, leaf = Verdict("receipt"), receipt.leaf
    _check_proof(receipt, verdict)
    if contract is not None:
        same = checksum_address(contract) == leaf.contract
        verdict.say("address", same, f"the receipt names contract {leaf.contract}")
    chain = open_chain(rpc_url, leaf.contract, block, verdict)
    verdict.say("chain", chain.chain_id == leaf.chain_id, f"the receipt names chain {leaf.chain_id}")
    found = find_batches(chain, leaf.operator, leaf.seq)
    name = f"batch {leaf.operator}/{leaf.seq}"
    if not verdict.say("batch", len(found) == 1, f"{name} stands on the chain {_times(len(found))}"):
        return verdict
    batch = found[0]
    same = batch.receipts_root == receipt.root
    verdict.say("root", same, f"the root on the chain is {batch.receipts_root}, the receipt's {receipt.root}")
    _check_word(receipt, batch.words, verdict)
    reason = batch.skipped.get(leaf.index)
    outcome = "applied" if reason is None else f"skipped ({SKIP_REASONS.get(reason, f'reason {reason}')})"
    right = (reason is None) == (receipt.outcome == "applied")
    verdict.say("outcome", right, f"on the chain: {outcome} in block {batch.block_number}; receipt: {receipt.outcome}")
    return verdict


def _check_proof(receipt: Receipt, verdict: Verdict) -> None:
    opening = receipt.opening
    if opening is not None:
        opens = receipts.opens(opening, receipt.leaf.commitment)
        verdict.say("opening", opens, "the detail and salt are what was committed" if opens else "another detail")
    bare = Receipt(receipt.leaf, receipt.root, receipt.proof, receipt.outcome)
    proves = receipts.proves(bare)
    verdict.say("proof", proves, "the leaf leads to the root" if proves else "the leaf does not lead to the root")


def _check_word(receipt: Receipt, words: tuple[EntryWord, ...], verdict: Verdict) -> None:
    leaf = receipt.leaf
    held = receipts.agrees_with_words(leaf, words)
    if leaf.kind == EntryKind.FACT:
        verdict.say("fact", held, f"index {leaf.index} lies behind the batch's {len(words)} entries")
        return
    word = words[leaf.index] if leaf.index < len(words) else None
    told = EntryWord(leaf.account, leaf.kind, leaf.party, leaf.amount)
    detail = "the entry word on the chain says the same" if held else f"on the chain: {word}; receipt: {told}"
    verdict.say("entry", held, detail)


def _times(count: int) -> str:
    return {0: "not at all", 1: "once"}.get(count, f"{count} times")


def read_proof(document: object) -> tuple[str, Mapping[str, object]]:
    """`receipt` or `promise`, and its object: the document itself, or the one that an API answer holds. Raises InvalidInput.

    They are told apart by what they carry: a receipt has a leaf and a proof, a promise a time and a signature.
    """
    if not isinstance(document, dict):
        raise InvalidInput("a receipt or promise is a JSON object")
    for held in (document, document.get("receipt"), document.get("promise")):
        if not isinstance(held, dict):
            continue
        if {"leaf", "proof"} <= held.keys():
            return "receipt", held
        if {"settle_by", "signature"} <= held.keys():
            return "promise", held
    raise InvalidInput("this is neither a receipt nor a promise, nor an answer that holds one")
