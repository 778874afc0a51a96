"""Receipts: what the leaves of a batch's Merkle tree say, and how a member's detail is committed without being shown
(CONTRACT §2).

The leaf is hashed over ten ABI words, twice, as OpenZeppelin's StandardMerkleTree does with `LEAF_TYPES`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, cast

from token_service.errors import InvalidInput
from token_service.protocol import canonical_json, fields, merkle
from token_service.protocol.hashing import (
    address_to_bytes,
    from_hex,
    hash_to_bytes,
    keccak256,
    to_hex,
)
from token_service.protocol.words import EntryWord
from token_service.units import POINTS_MAX, EntryKind

LEAF_TYPES: Final = (
    "uint256", "address", "address", "uint64", "uint256", "address", "uint8", "uint24", "uint64", "bytes32",
)  # fmt: skip
Outcome = Literal["applied", "skipped"]

jcs = canonical_json.jcs
"""The text of a detail: RFC 8785."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry (index below the batch's number of words) or one fact (kind 0, amount 0, index from there on)."""

    chain_id: int
    contract: str
    operator: str
    seq: int
    index: int
    account: str
    kind: int
    party: int
    amount: int
    commitment: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What lies behind a commitment: the salt ("0x" + 64 hex digits) and the detail as RFC 8785 text."""

    salt: str
    detail: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A leaf, the proof that it is in the batch's tree, what became of it on the chain, and perhaps its opening.

    Proves its entry only with the canonical `BatchSettled` of `root` and no `EntrySkipped` for its index.
    """

    leaf: Leaf
    root: str
    proof: tuple[str, ...]
    outcome: Outcome
    entry_id: str | None = None
    opening: Opening | None = None


def salt(salt_key: bytes, leaf_id: str) -> bytes:
    """The 32-byte salt of one leaf: HMAC-SHA256 under the member's salt key of the entry's or fact's id in UTF-8."""
    return hmac.digest(salt_key, leaf_id.encode("utf-8"), "sha256")


def commitment(salt: bytes, detail_json: str) -> str:
    """keccak256(salt ‖ RFC 8785 detail): hides the detail, and binds to it. Raises InvalidInput unless the salt has
    32 bytes.
    """
    if len(salt) != 32:
        raise InvalidInput("a salt has 32 bytes")
    return to_hex(keccak256(salt + detail_json.encode("utf-8")))


def opens(opening: Opening, commitment_: str) -> bool:
    """True if the opening is what was committed."""
    return commitment(from_hex(opening.salt), opening.detail) == commitment_.lower()


def leaf_hash(leaf: Leaf) -> bytes:
    """The 32 bytes that stand in the tree: keccak256(keccak256(ten ABI words)). Raises InvalidInput for malformed
    fields.
    """
    own = (
        fields.uint(leaf.index, 256),
        bytes(12) + address_to_bytes(leaf.account),
        fields.uint(leaf.kind, 8),
        fields.uint(leaf.party, 24),
        fields.uint(leaf.amount, 64),
        hash_to_bytes(leaf.commitment),
    )
    return keccak256(keccak256(_batch_words(leaf.chain_id, leaf.contract, leaf.operator, leaf.seq) + b"".join(own)))


@lru_cache(maxsize=64, typed=True)
def _batch_words(chain_id: int, contract: str, operator: str, seq: int) -> bytes:
    """The words that all leaves of a batch begin with."""
    addresses = bytes(12) + address_to_bytes(contract) + bytes(12) + address_to_bytes(operator)
    return fields.uint(chain_id, 256) + addresses + fields.uint(seq, 64)


def receipts_tree(leaves: Sequence[Leaf]) -> merkle.Tree:
    """The tree of a batch; its `root` in hex is the batch's `receiptsRoot`, `proof(i)` belongs to leaves[i]."""
    return merkle.Tree([leaf_hash(leaf) for leaf in leaves])


def make_receipt(
    tree: merkle.Tree,
    leaf: Leaf,
    *,
    position: int,
    outcome: Outcome,
    entry_id: str | None = None,
    opening: Opening | None = None,
) -> Receipt:
    """The receipt of the leaf at `position` of the sequence that the tree was made of."""
    proof = tuple(to_hex(node) for node in tree.proof(position))
    return Receipt(leaf, to_hex(tree.root), proof, outcome, entry_id, opening)


def proves(receipt: Receipt) -> bool:
    """True if the leaf and the proof lead to the root, and the opening, if there is one, to the leaf's commitment."""
    if receipt.opening is not None and not opens(receipt.opening, receipt.leaf.commitment):
        return False
    proof = [hash_to_bytes(node) for node in receipt.proof]
    return merkle.verify(hash_to_bytes(receipt.root), leaf_hash(receipt.leaf), proof)


def agrees_with_words(leaf: Leaf, words: Sequence[EntryWord]) -> bool:
    """True if the batch's words say of this leaf what it says itself: the same entry, or, for a fact, nothing."""
    if leaf.kind == EntryKind.FACT:
        return leaf.index >= len(words) and leaf.amount == 0
    told = EntryWord(leaf.account, leaf.kind, leaf.party, leaf.amount)
    return leaf.index < len(words) and words[leaf.index] == told


def leaf_to_json(leaf: Leaf) -> dict[str, object]:
    """All ten fields of a leaf by name, in the order in which they are hashed."""
    return {name: getattr(leaf, name) for name in Leaf.__slots__}


def leaf_from_json(document: Mapping[str, object]) -> Leaf:
    """A leaf read back. Raises InvalidInput that names the field."""
    return Leaf(
        chain_id=fields.whole(document, "chain_id", 2**256 - 1),
        contract=fields.address(document, "contract"),
        operator=fields.address(document, "operator"),
        seq=fields.whole(document, "seq", 2**64 - 1),
        index=fields.whole(document, "index", 2**32 - 1),
        account=fields.address(document, "account"),
        kind=fields.whole(document, "kind", 10),
        party=fields.whole(document, "party", 2**24 - 1),
        amount=fields.whole(document, "amount", POINTS_MAX),
        commitment=fields.hash32(document, "commitment"),
    )


def receipt_to_json(receipt: Receipt) -> dict[str, object]:
    """The document that a member keeps: the body of GET /v1/entries/{id}/receipt, and what `mereau verify` reads."""
    opening = receipt.opening
    return {
        "object": "receipt",
        "v": 1,
        "entry_id": receipt.entry_id,
        "outcome": receipt.outcome,
        "leaf": leaf_to_json(receipt.leaf),
        "proof": list(receipt.proof),
        "root": receipt.root,
        "opening": None if opening is None else {"salt": opening.salt, "detail": opening.detail},
    }


def receipt_from_json(document: Mapping[str, object]) -> Receipt:
    """A receipt read back. Raises InvalidInput that names the field."""
    outcome = fields.text(document, "outcome")
    if outcome not in ("applied", "skipped"):
        raise InvalidInput("outcome: applied or skipped is needed")
    proof = tuple(to_hex(hash_to_bytes(cast(str, node))) for node in fields.items(document, "proof"))
    opening = document.get("opening")
    return Receipt(
        leaf=leaf_from_json(fields.mapping(document.get("leaf"), "leaf")),
        root=fields.hash32(document, "root"),
        proof=proof,
        outcome="applied" if outcome == "applied" else "skipped",
        entry_id=None if document.get("entry_id") is None else fields.text(document, "entry_id"),
        opening=None if opening is None else _opening_from_json(fields.mapping(opening, "opening")),
    )


def _opening_from_json(document: Mapping[str, object]) -> Opening:
    return Opening(salt=fields.hash32(document, "salt"), detail=fields.text(document, "detail"))
