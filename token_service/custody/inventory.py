"""What is in the key folder, told without a secret."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from token_service.custody import encryption, key_files
from token_service.custody.backends import read_attached
from token_service.custody.rotation import secret_files
from token_service.custody.vault import read_addresses


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`state`: plain, encrypted, attached (not a file), or elsewhere (the signer has it)."""

    name: str
    address: str | None
    state: str
    key: str


def inventory(directory: Path) -> list[KeyRow]:
    """Every key that the programme has or that lies here. Raises NotInitialised, BadSettings."""
    addresses, attached = read_addresses(directory), read_attached(directory)
    files = {path.name.removesuffix(".key"): path for path in secret_files(directory)}
    rows = []
    for name in dict.fromkeys([*addresses, *attached, *files]):
        address = addresses.get(name)
        if name in attached:
            rows.append(KeyRow(name, attached[name].address, "attached", _without_password(attached[name].key)))
        elif name in files:
            is_encrypted = encryption.is_encrypted(key_files.content_of(files[name]))
            rows.append(KeyRow(name, address, "encrypted" if is_encrypted else "plain", f"file:{files[name].name}"))
        else:
            rows.append(KeyRow(name, address, "elsewhere", "–"))
    return rows


def _without_password(key: str) -> str:
    head, at, tail = key.rpartition("@")
    return f"{head.split('//')[0]}//…@{tail}" if at else key
