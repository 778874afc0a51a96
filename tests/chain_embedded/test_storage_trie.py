"""The storage trie gives the roots and the nodes of py-evm's tries, whatever is set and removed."""

from __future__ import annotations

from typing import Any

import pytest
from eth.constants import BLANK_ROOT_HASH
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from token_service.chain.embedded.storage import Accounts
from token_service.chain.embedded.storage_trie import StorageTrie
from token_service.chain.embedded.trie_nodes import decode

near_keys = st.tuples(st.sampled_from([b"\x00", b"\x01", b"\x10"]), st.sampled_from([b"\x00", b"\x0f", b"\xf0"])).map(
    lambda ends: ends[0] + b"\x07" * 30 + ends[1]
)
far_keys = st.binary(min_size=32, max_size=32)
keys = st.one_of(near_keys, near_keys, far_keys, st.sampled_from([bytes((n,)) * 32 for n in range(20)]))
values = st.one_of(st.just(b""), st.binary(min_size=1, max_size=1), st.binary(min_size=1, max_size=33))
changes = st.dictionaries(keys, values, min_size=1, max_size=12)


@settings(max_examples=150)
@given(st.lists(changes, min_size=1, max_size=6))
def test_it_has_py_evms_roots_and_nodes_after_every_set_of_changes(rounds: list[dict[bytes, bytes]]) -> None:
    theirs = HexaryTrie({})
    stored: dict[bytes, bytes] = {}
    root, held = BLANK_ROOT_HASH, dict[bytes, bytes]()
    for changed in rounds:
        for key, value in changed.items():
            theirs[key] = value
        held |= changed
        root, nodes = StorageTrie(root, stored.__getitem__).changed(changed)
        assert root == theirs.root_hash
        assert all(theirs.db[name] == encoded for name, encoded in nodes.items())
        stored |= nodes
        trie = StorageTrie(root, stored.__getitem__)
        assert all(trie.get(key) == value for key, value in held.items())


def test_it_writes_only_what_changed() -> None:
    many = {bytes((n,)) * 32: b"x" * 33 for n in range(64)}
    root, nodes = StorageTrie(BLANK_ROOT_HASH, {}.__getitem__).changed(many)
    trie = StorageTrie(root, nodes.__getitem__)
    assert trie.changed({})[1] == {}
    _, written = trie.changed({bytes((5,)) * 32: b"y"})
    assert len(written) == 3  # the leaf, its branch, the root


def test_a_missing_node_is_an_error_and_no_empty_value() -> None:
    root, _ = StorageTrie(BLANK_ROOT_HASH, {}.__getitem__).changed({bytes((n,)) * 32: b"x" * 33 for n in range(64)})
    with pytest.raises(KeyError):
        StorageTrie(root, {}.__getitem__).get(b"\x05" * 32)


@pytest.mark.parametrize("broken", [b"", b"\x05", b"\xc2\x01", b"\xf8", b"\xc1\x05\x05"])
def test_bytes_that_are_no_node_are_refused(broken: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        decode(broken)


addresses = st.sampled_from([b"\x01" * 20, b"\x02" * 20])
slots = st.integers(0, 6)
numbers = st.sampled_from([0, 1, 127, 128, 2**64, 2**256 - 1])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), addresses, slots, numbers),
        st.tuples(st.just("set"), addresses, slots, numbers),
        st.tuples(st.sampled_from(["record", "discard", "commit", "lock", "persist"])),
        st.tuples(st.just("delete"), addresses),
    ),
    max_size=30,
)


def play(accounts: Any, played: list[tuple[Any, ...]]) -> list[Any]:
    """What can be read after each step."""
    seen, open_checkpoints = [], []
    for name, *rest in played:
        if name == "set":
            accounts.set_storage(*rest)
        elif name == "delete" and open_checkpoints:
            accounts.delete_storage(*rest)
        elif name == "record":
            open_checkpoints.append(accounts.record())
        elif name in {"discard", "commit"} and open_checkpoints:
            getattr(accounts, name)(open_checkpoints.pop())
        elif name in {"lock", "persist"} and not open_checkpoints:
            accounts.lock_changes()
            if name == "persist":
                accounts.persist()
                seen.append(accounts.state_root)
        seen.append(
            [accounts.get_storage(address, slot) for address in (b"\x01" * 20, b"\x02" * 20) for slot in range(7)]
        )
    return seen


@settings(max_examples=100)
@given(steps)
def test_accounts_store_undo_and_empty_as_py_evms_do(played: list[tuple[Any, ...]]) -> None:
    closing = [*played, *[("commit",)] * len(played), ("persist",)]
    outcomes = []
    for kind in (AccountDB, Accounts):
        try:
            outcomes.append(play(kind(AtomicDB()), closing))
        except Exception as error:  # some orders make py-evm's own journals give up; then ours must too
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]
