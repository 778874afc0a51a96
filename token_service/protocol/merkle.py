"""Merkle trees with the same roots and proofs as OpenZeppelin's StandardMerkleTree (npm @openzeppelin/merkle-tree).

Leaves come hashed (protocol.receipts hashes each twice, so that no leaf is an inner node), are sorted, fill a
complete binary tree from the back, and each pair is hashed in sorted order, so that a proof needs no left or right.
"""

from __future__ import annotations

from collections.abc import Sequence

from token_service.errors import InvalidInput
from token_service.protocol.hashing import keccak256


class Tree:
    """A tree over at least one 32-byte leaf hash. Positions are those of the given order, not of the sorted one."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise InvalidInput("a Merkle tree has at least one leaf")
        if any(len(leaf) != 32 for leaf in leaves):
            raise InvalidInput("a leaf hash has 32 bytes")
        size = 2 * len(leaves) - 1
        order = sorted(range(len(leaves)), key=leaves.__getitem__)
        self._place = [0] * len(leaves)
        self._nodes: list[bytes] = [b""] * size
        for rank, position in enumerate(order):
            self._place[position] = size - 1 - rank
            self._nodes[size - 1 - rank] = leaves[position]
        for node in range(size - len(leaves) - 1, -1, -1):
            self._nodes[node] = hash_pair(self._nodes[2 * node + 1], self._nodes[2 * node + 2])

    @property
    def root(self) -> bytes:
        """The 32 bytes that stand on the chain as `receiptsRoot`."""
        return self._nodes[0]

    def proof(self, position: int) -> list[bytes]:
        """The siblings from the leaf given at `position` up to the root. Raises InvalidInput outside the tree."""
        if not 0 <= position < len(self._place):
            raise InvalidInput("there is no leaf at this position")
        node, siblings = self._place[position], []
        while node > 0:
            siblings.append(self._nodes[node + 1 if node % 2 else node - 1])
            node = (node - 1) // 2
        return siblings


def hash_pair(left: bytes, right: bytes) -> bytes:
    """The parent of two nodes, whichever comes first."""
    return keccak256(left + right if left < right else right + left)


def tree(leaves: Sequence[bytes]) -> Tree:
    """The tree over leaf hashes. Raises InvalidInput when there is none or one is not 32 bytes."""
    return Tree(leaves)


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in any order."""
    return Tree(leaves).root


def verify(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """True if the leaf hash and its siblings lead to the root."""
    return [leaf, *path(leaf, proof)][-1] == root


def path(leaf: bytes, proof: Sequence[bytes]) -> list[bytes]:
    """The node that each sibling leads to, from the leaf's parent up to the root; none if the leaf is the root."""
    nodes, node = [], leaf
    for sibling in proof:
        node = hash_pair(node, sibling)
        nodes.append(node)
    return nodes
