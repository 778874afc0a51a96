"""Nodes of Ethereum's Merkle-Patricia tries as bytes and back: RLP of two shapes, by hand because a general RLP is slow.

A branch is 17 items (16 children and a value that storage never uses), a leaf or an extension two: a path in hex-prefix form,
and a value or a child. A child is empty, the hash of its bytes, or, where those are fewer than 32, the node itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias, Union

NODES_KEPT: Final = 16_384
"""Decoded nodes in memory, some 20 MB; a node's bytes never change, so nothing here is ever stale."""
BRANCH_ITEMS: Final = 17
CHILDREN: Final = 16
HASH_BYTES: Final = 32
SHORT_MAX: Final = 55
STRING, LIST = 0x80, 0xC0
ODD, LEAF = 1, 2

Node: TypeAlias = tuple[Union[bytes, "Node"], ...]
"""Decoded RLP."""


@lru_cache(NODES_KEPT)
def decode(encoded: bytes) -> Node:
    """The node in these bytes, which come from a trie's own store. Raises IndexError, ValueError for what is no node."""
    node, end = _item(encoded, 0)
    if isinstance(node, bytes) or end != len(encoded):
        raise ValueError("these bytes are no trie node")
    return node


def encode(node: Node) -> bytes:
    parts = [_string(item) if isinstance(item, bytes) else encode(item) for item in node]
    body = b"".join(parts)
    return _head(LIST, len(body)) + body


def nibbles(key: bytes) -> bytes:
    """One byte for each half byte, high half first."""
    digits = key.hex().translate(_FROM_HEX)
    return digits.encode("latin-1")


def path_item(path: bytes, *, is_leaf: bool) -> bytes:
    """The hex-prefix form of a path of nibbles."""
    flag = LEAF if is_leaf else 0
    whole = bytes((flag | ODD,)) + path if len(path) % 2 else bytes((flag, 0)) + path
    return bytes(high << 4 | low for high, low in zip(whole[::2], whole[1::2], strict=True))


def path_of(item: bytes) -> tuple[bytes, bool]:
    """The nibbles of a hex-prefix form, and whether it is a leaf's."""
    whole = nibbles(item)
    return whole[1 if whole[0] & ODD else 2 :], bool(whole[0] & LEAF)


_FROM_HEX: Final = {ord(digit): value for value, digit in enumerate("0123456789abcdef")}


def _string(item: bytes) -> bytes:
    if len(item) == 1 and item[0] < STRING:
        return item
    return _head(STRING, len(item)) + item


def _head(kind: int, length: int) -> bytes:
    if length <= SHORT_MAX:
        return bytes((kind + length,))
    size = (length.bit_length() + 7) // 8
    return bytes((kind + SHORT_MAX + size,)) + length.to_bytes(size)


def _item(data: bytes, place: int) -> tuple[bytes | Node, int]:
    """The item at `place`, and where the next one begins."""
    first = data[place]
    if first < STRING:
        return data[place : place + 1], place + 1
    kind = LIST if first >= LIST else STRING
    start, length = place + 1, first - kind
    if length > SHORT_MAX:
        size = length - SHORT_MAX
        length = int.from_bytes(data[start : start + size])
        start += size
    end = start + length
    if end > len(data):
        raise ValueError("a trie node is cut off")
    if kind == STRING:
        return data[start:end], end
    items = []
    while start < end:
        item, start = _item(data, start)
        items.append(item)
    return tuple(items), end
