"""Key files at rest: one secret under a passphrase (Argon2id, then libsodium's secretbox).

A file is `MAGIC ‖ operations ‖ memory ‖ salt ‖ box`; the two figures are Argon2id's costs, so that they can be raised later.
"""

from __future__ import annotations

import secrets
import struct
from functools import lru_cache
from typing import Final

from nacl import pwhash
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from token_service.errors import BadSettings

MAGIC: Final = b"MEREAU-KEY-1\n"
SALT_BYTES: Final = pwhash.argon2id.SALTBYTES
OPERATIONS: Final = pwhash.argon2id.OPSLIMIT_MODERATE
MEMORY_BYTES: Final = 64 * 2**20
COST_MAX: Final = 2**30
"""A damaged header must not ask for all memory there is."""
_COSTS: Final = struct.Struct(">II")
_HEAD: Final = len(MAGIC) + _COSTS.size + SALT_BYTES


def is_encrypted(content: bytes) -> bool:
    return content.startswith(MAGIC)


def fresh_salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def at_rest(secret: bytes, passphrase: bytes | None, salt: bytes) -> bytes:
    """A key file's content: encrypted if there is a passphrase."""
    return secret if passphrase is None else encrypt(secret, passphrase, salt)


def encrypt(secret: bytes, passphrase: bytes, salt: bytes) -> bytes:
    """The file's content. Files of one folder may share the salt: each box has a random nonce, and one derivation opens all."""
    box = SecretBox(_derived(passphrase, salt, OPERATIONS, MEMORY_BYTES))
    return MAGIC + _COSTS.pack(OPERATIONS, MEMORY_BYTES) + salt + bytes(box.encrypt(secret))


def decrypt(content: bytes, passphrase: bytes | None) -> bytes:
    """The secret. Raises BadSettings without the passphrase, or with a wrong one."""
    if passphrase is None:
        raise BadSettings("the key files are encrypted: set MEREAU_KEYS_PASSPHRASE or MEREAU_KEYS_PASSPHRASE_FILE")
    if len(content) <= _HEAD:
        raise BadSettings("an encrypted key file is cut off: it is damaged")
    operations, memory = _COSTS.unpack_from(content, len(MAGIC))
    if not (0 < operations <= 64 and 0 < memory <= COST_MAX):
        raise BadSettings("an encrypted key file has an impossible header: it is damaged")
    try:
        box = SecretBox(_derived(passphrase, content[_HEAD - SALT_BYTES : _HEAD], operations, memory))
        return bytes(box.decrypt(content[_HEAD:]))
    except CryptoError:
        raise BadSettings("a key file does not open: the passphrase is wrong, or the file is damaged") from None


@lru_cache(maxsize=8)
def _derived(passphrase: bytes, salt: bytes, operations: int, memory: int) -> bytes:
    """Slow on purpose; kept, because every key file of a folder needs the same."""
    return bytes(pwhash.argon2id.kdf(SecretBox.KEY_SIZE, passphrase, salt, opslimit=operations, memlimit=memory))
