"""Accounts' storage for py-evm over StorageTrie: the changes of a block wait here and become nodes together."""

from __future__ import annotations

from typing import Any

from eth.constants import BLANK_ROOT_HASH
from eth.db.account import AccountDB
from eth.db.backends.base import BaseDB
from eth.db.storage import AccountStorageDB
from eth.vm.interrupt import MissingStorageTrieNode
from eth_hash.auto import keccak

from token_service.chain.embedded.storage_trie import StorageTrie

WORD_BYTES = 32


class StorageLookup(BaseDB):  # type: ignore[misc]  # py-evm's classes are untyped here
    """Slots of one account, by their big-endian numbers. Stands where py-evm's class of this name does."""

    def __init__(self, database: Any, root: bytes, address: bytes) -> None:
        self._database = database
        self._address = address
        self._root = root
        self._changes: dict[bytes, bytes] = {}
        self._keys: dict[bytes, bytes] = {}
        self._computed: tuple[bytes, dict[bytes, bytes]] | None = None
        self._emptied: list[tuple[bytes, dict[bytes, bytes]]] = []

    def __getitem__(self, slot: bytes) -> bytes:
        key = self._key(slot)
        if key in self._changes:
            return self._changes[key]
        try:
            return self._trie().get(key)
        except KeyError as error:
            raise MissingStorageTrieNode(error.args[0], self._root, key, None, self._address) from error

    def __setitem__(self, slot: bytes, value: bytes) -> None:
        self._changes[self._key(slot)] = value
        self._computed = None

    def __delitem__(self, slot: bytes) -> None:
        self[slot] = b""

    def _exists(self, slot: bytes) -> bool:
        return self[slot] != b""

    @property
    def has_changed_root(self) -> bool:
        return bool(self._changes)

    def get_changed_root(self) -> bytes:
        return self._result()[0]

    def commit_to(self, database: Any) -> None:
        """Writes the new nodes; what was changed is the state from here on."""
        root, nodes = self._result()
        for name, encoded in nodes.items():
            database[name] = encoded
        self._root, self._changes, self._computed, self._emptied = root, {}, None, []

    def new_trie(self) -> int:
        """Empties the storage; the number under which `rollback_trie` brings back what was there, plus one."""
        self._emptied.append((self._root, self._changes))
        self._root, self._changes, self._computed = BLANK_ROOT_HASH, {}, None
        return len(self._emptied)

    def rollback_trie(self, index: int) -> None:
        self._root, self._changes = self._emptied[index]
        self._computed = None
        del self._emptied[index:]

    def _result(self) -> tuple[bytes, dict[bytes, bytes]]:
        if self._computed is None:
            try:
                self._computed = self._trie().changed(self._changes)
            except KeyError as error:
                raise MissingStorageTrieNode(error.args[0], self._root, b"", None, self._address) from error
        return self._computed

    def _trie(self) -> StorageTrie:
        return StorageTrie(self._root, self._database.__getitem__)

    def _key(self, slot: bytes) -> bytes:
        if slot not in self._keys:
            self._keys[slot] = keccak(slot.rjust(WORD_BYTES, b"\x00"))
        return self._keys[slot]


class Storage(AccountStorageDB):  # type: ignore[misc]
    """One account's storage. py-evm's journals lie over its lookup as they do over its own."""

    def __init__(self, database: Any, root: bytes, address: bytes) -> None:
        super().__init__(database, root, address)
        self._storage_lookup = StorageLookup(database, root, address)
        self._storage_cache._db = self._storage_lookup


class Accounts(AccountDB):  # type: ignore[misc]
    """py-evm's accounts with such storages."""

    def _get_address_store(self, address: bytes) -> Any:
        if address not in self._account_stores:
            self._account_stores[address] = Storage(self._raw_store_db, self._get_storage_root(address), address)
        return self._account_stores[address]
