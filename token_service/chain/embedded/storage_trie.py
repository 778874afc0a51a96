"""A contract's storage as a Merkle-Patricia trie that takes all changes of a block at once.

py-evm's trie writes one key after the other and so encodes and hashes the upper nodes again for each. Here every node that
changes is encoded once. Same roots and same nodes: tests/chain_embedded/test_storage_trie.py holds it against py-evm's.
Keys are 32-byte hashes, so no key is another one's beginning, and branches hold no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final, cast

from eth.constants import BLANK_ROOT_HASH
from eth_hash.auto import keccak

from token_service.chain.embedded.trie_nodes import (
    BRANCH_ITEMS,
    CHILDREN,
    HASH_BYTES,
    Node,
    decode,
    encode,
    nibbles,
    path_item,
    path_of,
)

Change = tuple[bytes, bytes]
"""A key's nibbles, and its new value; empty: the key goes."""
NOTHING: Final = b""


class StorageTrie:
    """The trie under `root`. `read` gives a stored node's bytes by hash and raises KeyError for one that is missing."""

    def __init__(self, root: bytes, read: Callable[[bytes], bytes]) -> None:
        self.root = root
        self._read = read

    def get(self, key: bytes) -> bytes:
        """The value of a key, empty if there is none. Raises KeyError when a node is missing."""
        path, node = nibbles(key), self._root_node()
        while node is not None:
            if len(node) == BRANCH_ITEMS:
                node, path = self.resolve(node[path[0]]), path[1:]
                continue
            own, is_leaf = path_of(cast(bytes, node[0]))
            if is_leaf:
                return cast(bytes, node[1]) if own == path else NOTHING
            if not path.startswith(own):
                return NOTHING
            node, path = self.resolve(node[1]), path[len(own) :]
        return NOTHING

    def changed(self, values: Mapping[bytes, bytes]) -> tuple[bytes, dict[bytes, bytes]]:
        """The root after these values are set (an empty one: removed), and the new nodes' bytes by hash.

        Raises KeyError when a node is missing.
        """
        update = _Update(self)
        changes = sorted((nibbles(key), value) for key, value in values.items())
        node = update.apply(self._root_node(), changes, 0) if changes else self._root_node()
        if node is None:
            return BLANK_ROOT_HASH, {}
        encoded = encode(node)
        root = keccak(encoded)
        if root != self.root:
            update.written[root] = encoded
        return root, update.written

    def _root_node(self) -> Node | None:
        return None if self.root == BLANK_ROOT_HASH else decode(self._read(self.root))

    def resolve(self, child: bytes | Node) -> Node | None:
        """The node that a parent's item names. Raises KeyError when it is missing."""
        if isinstance(child, tuple):
            return child
        return decode(self._read(child)) if child else None


class _Update:
    """One set of changes on its way through a trie, and the nodes that it made."""

    def __init__(self, trie: StorageTrie) -> None:
        self._trie = trie
        self.written: dict[bytes, bytes] = {}

    def apply(self, node: Node | None, changes: Sequence[Change], depth: int) -> Node | None:
        """The node with these changes below it, all of which share their first `depth` nibbles."""
        if node is None:
            return self._grown([change for change in changes if change[1]], depth)
        if len(node) == BRANCH_ITEMS:
            return self._branch(list(node), {}, changes, depth)
        path, is_leaf = path_of(cast(bytes, node[0]))
        if is_leaf:
            own = changes[0][0][:depth] + path
            others = [change for change in changes if change[1]]
            if all(change[0] != own for change in changes):
                others = sorted([*others, (own, cast(bytes, node[1]))])
            return self._grown(others, depth)
        return self._extension(path, node[1], changes, depth)

    def _branch(
        self, children: list[bytes | Node], fresh: dict[int, Node | None], changes: Sequence[Change], depth: int
    ) -> Node | None:
        """A branch after the changes; what is left of it when only one child remains. `fresh` children are not named yet."""
        for place, group in groupby(changes, key=lambda change: change[0][depth]):
            node = fresh[place] if place in fresh else self._trie.resolve(children[place])
            fresh[place] = self.apply(node, list(group), depth + 1)
            children[place] = NOTHING
        left = [place for place in range(CHILDREN) if children[place] or fresh.get(place) is not None]
        if not left:
            return None
        if len(left) == 1:
            place = left[0]
            only = fresh[place] if place in fresh else self._trie.resolve(children[place])
            return self._prefixed(bytes((place,)), only)
        for place, below in fresh.items():
            if below is not None:
                children[place] = self._reference(below)
        return tuple(children)

    def _extension(self, path: bytes, child: bytes | Node, changes: Sequence[Change], depth: int) -> Node | None:
        shared = len(path)
        for key in (changes[0][0], changes[-1][0]):  # sorted: what these two share, all share
            shared = min(shared, _shared(path, key, depth))
        if shared == len(path):
            below = self.apply(self._trie.resolve(child), changes, depth + shared)
            return self._prefixed(path, below)
        rest = path[shared + 1 :]
        old: Node | None = (path_item(rest, is_leaf=False), child) if rest else self._trie.resolve(child)
        children: list[bytes | Node] = [NOTHING] * BRANCH_ITEMS
        return self._prefixed(path[:shared], self._branch(children, {path[shared]: old}, changes, depth + shared))

    def _grown(self, values: Sequence[Change], depth: int) -> Node | None:
        """A new node over these values, sorted by key."""
        if not values:
            return None
        first, last = values[0], values[-1]
        if len(values) == 1:
            return path_item(first[0][depth:], is_leaf=True), first[1]
        shared = _shared(first[0][depth:], last[0], depth)
        fork = depth + shared
        children: list[bytes | Node] = [NOTHING] * BRANCH_ITEMS
        for place, group in groupby(values, key=lambda change: change[0][fork]):
            children[place] = self._reference(cast(Node, self._grown(list(group), fork + 1)))
        return self._prefixed(first[0][depth:fork], tuple(children))

    def _prefixed(self, path: bytes, node: Node | None) -> Node | None:
        """The node behind these nibbles: joined to its own path if it has one."""
        if node is None or not path:
            return node
        if len(node) == BRANCH_ITEMS:
            return path_item(path, is_leaf=False), self._reference(node)
        own, is_leaf = path_of(cast(bytes, node[0]))
        return path_item(path + own, is_leaf=is_leaf), node[1]

    def _reference(self, node: Node) -> bytes | Node:
        """How its parent names a node; remembers its bytes if that is by hash."""
        encoded = encode(node)
        if len(encoded) < HASH_BYTES:
            return node
        name: bytes = keccak(encoded)
        self.written[name] = encoded
        return name


def _shared(path: bytes, key: bytes, depth: int) -> int:
    """How many nibbles the path shares with the key from `depth` on."""
    count = 0
    for own, other in zip(path, key[depth:], strict=False):
        if own != other:
            break
        count += 1
    return count
