"""A batch's leaves against its root and its words (CONTRACT §2)."""

from __future__ import annotations

from collections import Counter

from token_service.audit.batches import Batch
from token_service.audit.report import Findings
from token_service.audit.sources import ReceiptSource, Unavailable
from token_service.audit.state import State
from token_service.errors import InvalidInput
from token_service.protocol import receipt_files
from token_service.protocol.hashing import ZERO_HASH
from token_service.protocol.receipt_files import BatchReceipts
from token_service.protocol.receipts import Leaf
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind


class LeafCheck:
    """Reads the leaves of one batch after the other from a source."""

    def __init__(self, source: ReceiptSource, *, chain_id: int, contract: str) -> None:
        self._source, self._chain_id, self._contract = source, chain_id, contract

    def check(self, batch: Batch, state: State, findings: Findings) -> BatchReceipts | None:
        """Notes what differs; the leaves if all is right, else None."""
        try:
            found = self._source.batch(batch.operator, batch.seq)
        except Unavailable as error:
            findings.doubt("receipts", f"batch {batch.operator}/{batch.seq}: {error.detail}")
            return None
        except InvalidInput as error:
            findings.add(batch.finding("receipts", f"the batch's receipts are malformed: {error.detail}"))
            return None
        before = findings.counts.get("receipts", 0)
        state.counts.leaves += len(found.leaves)
        state.counts.facts += sum(filed.leaf.kind == EntryKind.FACT for filed in found.leaves)
        _check_header(self._chain_id, self._contract, batch, found, findings)
        _check_indices(batch, found, findings)
        for filed in found.leaves:
            _check_leaf(batch, filed.leaf, findings)
        _check_root(batch, found, findings)
        return found if findings.counts.get("receipts", 0) == before else None


def _check_header(chain_id: int, contract: str, batch: Batch, found: BatchReceipts, findings: Findings) -> None:
    pairs = (
        ("chain", chain_id, found.chain_id),
        ("contract", contract, found.contract),
        ("operator", batch.operator, found.operator),
        ("sequence", batch.seq, found.seq),
        ("ruleset", batch.ruleset_hash, found.ruleset_hash),
        ("root", batch.receipts_root, found.receipts_root),
        ("number of words", len(batch.words), found.word_count),
    )
    for name, on_chain, told in pairs:
        if on_chain != told:
            detail = f"the {name} of the receipts is not that of the chain"
            findings.add(batch.finding("receipts", detail, expected=on_chain, found=told))


def _check_indices(batch: Batch, found: BatchReceipts, findings: Findings) -> None:
    """Every word has its leaf, and the indices are 0, 1, 2 … without gap or repeat."""
    indices = [filed.leaf.index for filed in found.leaves]
    count = max(len(indices), len(batch.words))
    seen = set(indices)
    for index in range(count):
        if index not in seen:
            findings.add(batch.finding("receipts", "a leaf is missing", index=index, found="no leaf"))
    for index, times in Counter(indices).items():
        if times > 1:
            findings.add(batch.finding("receipts", "an index stands twice", index=index))


def _check_leaf(batch: Batch, leaf: Leaf, findings: Findings) -> None:
    told = EntryWord(leaf.account, leaf.kind, leaf.party, leaf.amount)
    if leaf.index < len(batch.words):
        word = batch.words[leaf.index]
        if word != told:
            detail = "the receipt and the entry word differ"
            findings.add(batch.finding("receipts", detail, index=leaf.index, expected=_said(word), found=_said(told)))
    elif leaf.kind != EntryKind.FACT or leaf.amount != 0:
        detail = "a leaf behind the words is no fact"
        findings.add(
            batch.finding("receipts", detail, index=leaf.index, expected="kind 0, amount 0", found=_said(told))
        )


def _check_root(batch: Batch, found: BatchReceipts, findings: Findings) -> None:
    root = receipt_files.computed_root(found.leaves) if found.leaves else ZERO_HASH
    if root != batch.receipts_root:
        detail = "the leaves do not hash to the batch's root"
        findings.add(batch.finding("receipts", detail, expected=batch.receipts_root, found=root))


def _said(word: EntryWord) -> str:
    return f"kind {word.kind}, party {word.party}, {word.amount} points of {word.account}"
