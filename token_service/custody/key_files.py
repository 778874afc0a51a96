"""Secrets in files: one secret a file, readable by its owner alone, plain or encrypted, never half-written.

Nothing here prints or logs what a file holds.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from token_service.custody import encryption
from token_service.errors import BadSettings, DiskFull, NotInitialised

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
OTHERS: Final = 0o077
"""Permission bits of group and world."""


def make_directory(path: Path) -> None:
    """The folder exists and only its owner may enter it."""
    path.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)
    path.chmod(DIRECTORY_MODE)


def write_once(path: Path, secret: bytes) -> bool:
    """True if the file was made with this content, False if there was one already, which stays.

    Whoever sees the file sees all of it: it is written aside, synced and linked into place. Raises DiskFull.
    """
    draft = _draft(path, secret)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def replace(path: Path, content: bytes) -> None:
    """The file holds this from now on; at every moment it has the old content or the new, whole. Raises DiskFull."""
    draft = _draft(path, content)
    try:
        draft.replace(path)
    except OSError as error:
        raise _not_written(path, error) from error
    sync_directory(path.parent)


def read(path: Path, length: int, passphrase: bytes | None = None) -> bytes:
    """The secret of exactly `length` bytes, decrypted if the file is.

    Raises NotInitialised if there is no such file, BadSettings if others may read it, its length is wrong, or it does not open.
    """
    content = content_of(path)
    secret = encryption.decrypt(content, passphrase) if encryption.is_encrypted(content) else content
    if len(secret) != length:
        raise BadSettings(f"the key file {path.name} has {len(secret)} bytes and not {length}: it is damaged")
    return secret


def content_of(path: Path) -> bytes:
    """The bytes as they lie there. Raises as `read` does."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotInitialised(
            f"the key file {path.name} is missing: copy it back from where you keep the keys"
        ) from error
    except OSError as error:
        raise BadSettings(f"the key file {path.name} cannot be read: {error.strerror}") from error
    if mode & OTHERS:
        raise BadSettings(f"the key file {path.name} is open to others (mode {mode:o}): chmod 600 it")
    return content


def remove_drafts(directory: Path) -> None:
    """What a write that was killed left behind is gone. For when nobody else writes here."""
    for path in directory.iterdir():
        name, _, number = path.name.rpartition(".")
        if name.startswith(".") and number.isdecimal():
            path.unlink(missing_ok=True)
    sync_directory(directory)


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _draft(path: Path, content: bytes) -> Path:
    """A file beside it with this content, synced."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _not_written(path, error) from error
    return draft


def _not_written(path: Path, error: OSError) -> DiskFull:
    return DiskFull(f"{path.name} cannot be written: {error.strerror}")
