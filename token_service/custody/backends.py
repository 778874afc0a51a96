"""Where a key lies and who signs with it: a file here, AWS KMS, or a web3signer. All answer the same call.

`backends.json` in the key folder names what is not a file: `{"operator": {"address": "0x…", "key": "aws-kms:arn:…"}}`.
A name that is not in it has its file: `operator` → `operator.key`. Further operators are `operator-0x…`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from token_service.custody import curve, key_files
from token_service.errors import BadSettings
from token_service.protocol.hashing import keccak256

BACKENDS_FILE: Final = "backends.json"
AWS: Final = "aws-kms:"
WEB3SIGNER: Final = "web3signer:"


class KeyBackend(Protocol):
    """One key that signs."""

    def address(self) -> str:
        """The EIP-55 address, asked of whoever holds the key. Raises SignerUnavailable."""
        ...

    def sign(self, payload: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v over the payload's keccak-256, low s, v in 0 … 1. Raises SignerUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class FileKey:
    """A key in this process's memory."""

    secret: bytes = field(repr=False)

    def address(self) -> str:
        return curve.address_of(self.secret)

    def sign(self, payload: bytes) -> bytes:
        return curve.sign(self.secret, keccak256(payload))


@dataclass(frozen=True, slots=True)
class Attached:
    """A key that is not a file: its address as it was when it was attached, and where it lies."""

    address: str
    key: str


def open_backend(key: str) -> KeyBackend:
    """The backend that `aws-kms:ARN` or `web3signer:URL#IDENTIFIER` names. Raises BadSettings."""
    if key.startswith(AWS):
        from token_service.custody.aws_kms import AwsKmsKey

        return AwsKmsKey.open(key.removeprefix(AWS))
    if key.startswith(WEB3SIGNER):
        from token_service.custody.web3signer import Web3SignerKey

        return Web3SignerKey.open(key.removeprefix(WEB3SIGNER))
    raise BadSettings("a key is named aws-kms:ARN or web3signer:URL#IDENTIFIER")


def read_attached(directory: Path) -> dict[str, Attached]:
    """The keys that are not files, by name. Raises BadSettings."""
    try:
        found = json.loads((directory / BACKENDS_FILE).read_bytes())
        return {str(name): Attached(str(row["address"]), str(row["key"])) for name, row in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSettings(f"{BACKENDS_FILE} in the key folder cannot be read") from error


def attach(directory: Path, name: str, attached: Attached) -> None:
    """From now on `name` is this key. Raises BadSettings, DiskFull."""
    rows = {**read_attached(directory), name: attached}
    document = {each: {"address": row.address, "key": row.key} for each, row in rows.items()}
    key_files.replace(directory / BACKENDS_FILE, json.dumps(document, indent=1).encode() + b"\n")
