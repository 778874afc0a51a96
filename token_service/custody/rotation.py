"""A new sealing key in steps, each safe to repeat after a crash: draw it aside, keep the old one, put it in that one's place.

    sealing.next   drawn, not in use                       → link sealing.key to sealing.old
    sealing.old    the key before                          → sealing.next becomes sealing.key, then sealing.pub follows
    (no next)      new members are sealed with the new key → members' keys are sealed anew (app/sealing.py), then old may go

At every moment each member's key opens with sealing.key or sealing.old.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from nacl.public import PrivateKey as SealingKey

from token_service.custody import curve, encryption, key_files
from token_service.custody.vault import OLD_SEALING_FILE, SEALING_FILE

NEXT_FILE: Final = "sealing.next"
PUBLIC_FILE: Final = "sealing.pub"


def is_rotating(directory: Path) -> bool:
    """True from the first step until the old key is forgotten."""
    return (directory / NEXT_FILE).exists() or (directory / OLD_SEALING_FILE).exists()


def has_sealing_key(directory: Path) -> bool:
    return (directory / SEALING_FILE).exists()


def draw_sealing_key(directory: Path, passphrase: bytes | None) -> None:
    """A new sealing key is in use; a rotation that was cut short is brought there instead. Raises DiskFull, BadSettings."""
    current, old, next_ = (directory / name for name in (SEALING_FILE, OLD_SEALING_FILE, NEXT_FILE))
    key_files.read(current, curve.KEY_BYTES, passphrase)  # never rotate away from a key that does not open
    if not is_rotating(directory):
        fresh = bytes(SealingKey.generate())
        key_files.write_once(next_, encryption.at_rest(fresh, passphrase, encryption.fresh_salt()))
    if next_.exists():
        if not old.exists():
            os.link(current, old)
            key_files.sync_directory(directory)
        next_.replace(current)
        key_files.sync_directory(directory)
    public = SealingKey(key_files.read(current, curve.KEY_BYTES, passphrase)).public_key
    key_files.replace(directory / PUBLIC_FILE, bytes(public))


def forget_old_key(directory: Path) -> None:
    """The key before is gone. For when nothing is sealed with it any more."""
    (directory / OLD_SEALING_FILE).unlink(missing_ok=True)
    key_files.sync_directory(directory)


def encrypt_files(directory: Path, passphrase: bytes) -> list[str]:
    """The files that were plain and are encrypted now, each at once, one after the other. Safe to repeat. Raises DiskFull.

    What a write that was killed left beside them goes, too: it may be a key in plain.
    """
    key_files.remove_drafts(directory)
    salt = encryption.fresh_salt()
    done = []
    for path in secret_files(directory):
        content = key_files.content_of(path)
        if encryption.is_encrypted(content):
            encryption.decrypt(content, passphrase)  # says so if it was another passphrase
            continue
        key_files.replace(path, encryption.encrypt(content, passphrase, salt))
        done.append(path.name)
    return done


def decrypt_files(directory: Path, passphrase: bytes) -> list[str]:
    """The other way, for a change of the passphrase."""
    done = []
    for path in secret_files(directory):
        content = key_files.content_of(path)
        if encryption.is_encrypted(content):
            key_files.replace(path, encryption.decrypt(content, passphrase))
            done.append(path.name)
    return done


def secret_files(directory: Path) -> list[Path]:
    named = (OLD_SEALING_FILE, NEXT_FILE)
    return sorted([*directory.glob("*.key"), *(directory / name for name in named if (directory / name).exists())])
