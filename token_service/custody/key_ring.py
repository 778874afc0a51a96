"""The key files of one deployment: made once by `mereau init`, opened one by one by the process that needs them.

operator.key  settles batches                     worker
operator-0x….key  further operators, a lane each   worker
admin.key     every administrative role           worker (embedded chain; elsewhere keep it cold)
sealing.key   opens members' keys                 worker
sealing.pub   seals members' keys                 web
promise.key   signs promises                      web
salts.key     seals members' salt keys            web, worker
addresses     the public addresses, for everyone
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coincurve import PrivateKey
from nacl.public import PrivateKey as SealingKey

from token_service.custody import curve, key_files
from token_service.custody.accounts import MemberBox
from token_service.custody.policy import SignerPolicy
from token_service.custody.salts import SaltBox
from token_service.custody.signer import LocalSigner, PromiseSigner
from token_service.errors import BadSettings, NotInitialised

ACCOUNTS: Final = ("operator", "admin", "promise")
ADDRESSES_FILE: Final = "addresses.json"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Where the keys lie and the public halves of those that have an address. Secrets are read when asked for, not kept."""

    directory: Path
    operator_address: str
    admin_address: str
    promise_address: str

    def promise_signer(self) -> PromiseSigner:
        return PromiseSigner(self._secret("promise.key"))

    def salt_box(self) -> SaltBox:
        return SaltBox(self._secret("salts.key"))

    def sealing_public(self) -> bytes:
        return self._secret("sealing.pub")

    def member_box(self) -> MemberBox:
        """Opens members' keys: for the signer process only."""
        return MemberBox(self._secret("sealing.key"))

    def operator_addresses(self) -> tuple[str, ...]:
        """Every operator that has a key here, the first one first. Opens no key."""
        further = sorted(path.stem.removeprefix("operator-") for path in self.directory.glob("operator-0x*.key"))
        return (self.operator_address, *further)

    def add_operator(self) -> str:
        """The address of a fresh operator key, written durably before this returns. Raises DiskFull."""
        secret: bytes = PrivateKey().secret
        address = curve.address_of(secret)
        key_files.write_once(self.directory / f"operator-{address}.key", secret)
        return address

    def signer(self, policy: SignerPolicy) -> LocalSigner:
        """Signs as every operator and as admin: for the worker only."""
        keys = {address: self._operator_secret(address) for address in self.operator_addresses()}
        return LocalSigner(keys | {self.admin_address: self._secret("admin.key")}, policy)

    def _operator_secret(self, address: str) -> bytes:
        if address == self.operator_address:
            return self._secret("operator.key")
        secret = self._secret(f"operator-{address}.key")
        if curve.address_of(secret) != address:
            raise BadSettings(
                f"the key file operator-{address}.key is not the key of its name: copy back the one that is"
            )
        return secret

    def check(self) -> None:
        """Returns when every key is there, closed to others, and the one of its address. Raises NotInitialised, BadSettings."""
        _require_secrets(self.directory)
        for name, address in zip(
            ACCOUNTS, (self.operator_address, self.admin_address, self.promise_address), strict=True
        ):
            if curve.address_of(self._secret(f"{name}.key")) != address:
                raise BadSettings(f"the key file {name}.key is not the key of {address}: copy back the one that is")
        for address in self.operator_addresses():
            self._operator_secret(address)

    def _secret(self, name: str) -> bytes:
        return key_files.read(self.directory / name, curve.KEY_BYTES)


def create_keys(directory: Path) -> KeyRing:
    """The key ring, with every missing key made from the system's randomness. What is there stays as it is.

    Raises DiskFull, BadSettings (a key file is damaged, open to others, or was lost after all had been made).
    """
    key_files.make_directory(directory)
    if (
        directory / ADDRESSES_FILE
    ).exists():  # written last: another key in a lost one's place would not be the programme's
        _require_secrets(directory)
    for account in ACCOUNTS:
        key_files.write_once(directory / f"{account}.key", PrivateKey().secret)
    key_files.write_once(directory / "salts.key", secrets.token_bytes(32))
    key_files.write_once(directory / "sealing.key", bytes(SealingKey.generate()))
    sealing = SealingKey(key_files.read(directory / "sealing.key", 32))
    key_files.write_once(directory / "sealing.pub", bytes(sealing.public_key))
    addresses = {name: curve.address_of(key_files.read(directory / f"{name}.key", 32)) for name in ACCOUNTS}
    key_files.write_once(directory / ADDRESSES_FILE, json.dumps(addresses, indent=1).encode() + b"\n")
    return open_keys(directory)


def open_keys(directory: Path) -> KeyRing:
    """The key ring that `create_keys` made; reads no secret. Raises NotInitialised, BadSettings."""
    try:
        addresses = json.loads((directory / ADDRESSES_FILE).read_bytes())
        return KeyRing(directory, *(str(addresses[name]) for name in ACCOUNTS))
    except FileNotFoundError as error:
        raise NotInitialised("there are no keys here: run `mereau init`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSettings(f"{ADDRESSES_FILE} in the key folder cannot be read") from error


def _require_secrets(directory: Path) -> None:
    for name in (*ACCOUNTS, "salts", "sealing"):
        key_files.read(directory / f"{name}.key", curve.KEY_BYTES)
